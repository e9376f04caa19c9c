"""The JSON of the contract: names, values, safety, and the schema that describes all of it."""

import json
from typing import Any, get_args

import jsonschema
import pytest

from tests.report.examples import EXAMPLES, clean, hostile, observed_inferred, refused, reset
from tlsclose.core.event import Kind, Side, Source
from tlsclose.core.message import Framing
from tlsclose.core.procedure import StepName
from tlsclose.core.report import CaptureSource, Role, Stage, Summary, Wait
from tlsclose.core.status import SecStatus
from tlsclose.core.teardown import Half
from tlsclose.core.verdict import Code, Confidence, Severity, TruncationRisk
from tlsclose.report import schema
from tlsclose.report.json import document, line, report_object

CONTRACT = {
    "": "schema_version started_at role scenario target connection provider tls capture steps "
    "events close message verdict findings unobserved",
    "target": "host port address",
    "connection": "client server stream",
    "provider": "name version",
    "tls": "version cipher alpn sni resumed",
    "capture": "source interface packets dropped path",
    "close": "first_closer answer_ns client server",
    "message": "protocol framing complete bytes",
    "verdict": "code severity confidence blame truncation_risk rule summary evidence",
}
LISTS = ("steps", "events", "actions", "waits", "findings")


def written(report) -> dict[str, Any]:
    return json.loads(line(report))


def strict(node: Any) -> Any:
    """The schema with every name that it does not describe forbidden."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: strict(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict):
        closed["additionalProperties"] = False
    return closed


@pytest.fixture(scope="module")
def validator():
    loaded = strict(json.loads(schema.text()))
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_name_written_is_described(name, validator):
    validator.validate(json.loads(json.dumps(document([EXAMPLES[name]()]))))


def test_the_strict_schema_refuses_an_unknown_name(validator):
    value = json.loads(json.dumps(document([clean()])))
    value["reports"][0]["tls"]["surprise"] = 1
    assert not validator.is_valid(value)


@pytest.mark.parametrize("where", CONTRACT)
def test_names_of_the_contract(where):
    value = written(clean())
    assert set(CONTRACT[where].split()) <= set(value[where] if where else value)


def test_document():
    value = document([clean(), refused()])
    assert value["schema_version"] == 1
    assert value["tool"]["name"] == "tlsclose"
    assert len(value["reports"]) == 2


SUMMARY = Summary(
    connections=3,
    by_code={"clean": 2, "reset": 1},
    packets=40,
    bytes=9000,
    without_tls=4,
    elsewhere=5,
    other_verdicts=6,
)


def test_summary_of_an_observer(validator):
    value = json.loads(json.dumps(document([observed_inferred()], SUMMARY)))
    validator.validate(value)
    assert value["summary"] == {
        "connections": 3,
        "by_code": {"clean": 2, "reset": 1},
        "packets": 40,
        "bytes": 9000,
        "without_tls": 4,
        "left_out": 11,
        "unreadable": 0,
    }


@pytest.mark.parametrize("change", [{"by_code": {"fine": 1}}, {"surprise": 1}, {"packets": -1}])
def test_the_schema_refuses_another_summary(validator, change):
    value = json.loads(json.dumps(document([], SUMMARY)))
    value["summary"] |= change
    assert not validator.is_valid(value)


def test_only_observers_have_a_summary():
    assert "summary" not in document([clean()])


def test_times():
    value = written(clean())
    assert value["started_at"] == "2026-11-20T12:00:00.123456Z"
    assert value["close"]["client"]["close_notify_ns"] == 59_100_000
    assert value["close"]["server"]["fin_ns"] == 70_400_000
    assert value["close"]["server"]["rst_ns"] is None
    assert value["close"]["answer_ns"] == 11_300_000


def test_steps_and_evidence():
    value = written(clean())
    assert [step["name"] for step in value["steps"]] == [
        name.value for name in StepName if name is not StepName.SHUTDOWN_RECOGNIZED
    ]
    assert {step["status"] for step in value["steps"]} == {"SEC_E_OK"}
    proofs = [value["events"][index]["kind"] for index in value["verdict"]["evidence"]]
    assert proofs == ["close_notify", "close_notify", "fin", "fin"]


def test_what_is_not_known_is_null_but_a_list_never_is():
    value = written(refused())
    assert all(value[name] == [] for name in LISTS)
    for name in ("connection", "provider", "close", "message", "verdict"):
        assert value[name] is None
    assert value["unobserved"] == {
        "stage": "connect",
        "reason": "connection refused (127.0.0.1:1)",
    }


def test_findings():
    report = reset()
    assert [
        (item["code"], item["blame"], item["evidence"]) for item in written(report)["findings"]
    ] == [(item.code, item.blame, list(item.evidence)) for item in report.findings]
    assert report.findings


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_line_is_one_printable_line(name):
    assert line(EXAMPLES[name]()).isprintable()


def test_hostile_text_stays_text():
    host = written(hostile())["target"]["host"]
    assert host.startswith("[/bold]\\x1b[31;1mred")
    assert host.isprintable()
    assert json.dumps(report_object(hostile()), ensure_ascii=False).encode()


ENUMS = {
    "role": (Role, "report", "role"),
    "kind": (Kind, "event", "kind"),
    "source": (Source, "event", "source"),
    "half": (Half, "half", "half"),
    "code": (Code, "verdict", "code"),
    "step": (StepName, "step", "name"),
    "stage": (Stage, "unobserved", "stage"),
    "capture": (CaptureSource, "capture", "source"),
    "framing": (Framing, "message", "framing"),
    "confidence": (Confidence, "verdict", "confidence"),
    "risk": (TruncationRisk, "verdict", "truncation_risk"),
    "severity": (Severity, "verdict", "severity"),
    "side": (Side, "event", "sender"),
}


def enumerated(loaded: dict[str, Any], owner: str, name: str) -> set[str]:
    """The values that the schema allows for one name, through its references."""
    definition = loaded["$defs"][owner]
    definition = next(
        (part for part in definition.get("anyOf", []) if "properties" in part), definition
    )
    node = definition["properties"][name]
    while "$ref" in node:
        node = loaded["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return set(node["enum"])


@pytest.mark.parametrize("name", ENUMS)
def test_enumerations_are_those_of_the_code(name):
    kind, owner, field = ENUMS[name]
    assert enumerated(json.loads(schema.text()), owner, field) == {item.value for item in kind}


def test_statuses_and_outcomes_are_those_of_the_code():
    loaded = json.loads(schema.text())
    assert enumerated(loaded, "step", "status") == {item.name for item in SecStatus}
    outcomes = get_args(Wait.__annotations__["outcome"])
    assert enumerated(loaded, "wait", "outcome") == set(outcomes)
