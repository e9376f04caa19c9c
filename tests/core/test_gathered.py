"""The index of a stream tells what a walk over it tells, and hides nothing from a detector."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.playbook import script
from tests.core.test_neutrality import EVENTS, MESSAGES
from tlsclose.core.case import case_of
from tlsclose.core.classify import judge
from tlsclose.core.event import Handshake, Kind, Side, Source
from tlsclose.core.findings import OF_EVENTS, OF_THE_MESSAGE, findings
from tlsclose.core.gathered import gather
from tlsclose.core.record import TlsVersion
from tlsclose.core.teardown import walk_gathered

STORY = "client app_data 78; server app_data x3; client fin; server close_notify; server fin"


def test_indices_are_kept_by_side_and_kind():
    seen = gather(script(STORY))
    assert seen[Side.CLIENT] == {Kind.HANDSHAKE: [0], Kind.APP_DATA: [1], Kind.FIN: [3]}
    assert seen[Side.SERVER] == {Kind.APP_DATA: [2], Kind.CLOSE_NOTIFY: [4], Kind.FIN: [5]}
    assert seen.kinds == {Kind.HANDSHAKE, Kind.APP_DATA, Kind.FIN, Kind.CLOSE_NOTIFY}
    assert seen.sources == {Source.WIRE, Source.DECRYPTED}
    assert seen.every(Kind.FIN) == [3, 5]
    assert seen.every(Kind.RST) == []


def test_the_first_of_a_kind_with_a_detail():
    seen = gather(script("server handshake client_hello; client handshake complete"))
    assert seen.first(Kind.HANDSHAKE) == 0
    assert seen.first(Kind.HANDSHAKE, "client_hello") == 1
    assert seen.first(Kind.HANDSHAKE, Handshake.COMPLETE) == 0
    assert seen.first(Kind.HANDSHAKE, "finished") is None
    assert seen.first(Kind.GAP) is None


@given(EVENTS)
def test_every_event_is_found_once(events):
    seen = gather(events)
    told = [index for side in Side for places in seen[side].values() for index in places]
    assert sorted(told) == list(range(len(events)))
    for kind in Kind:
        assert seen.every(kind) == [i for i, event in enumerate(events) if event.kind is kind]


@settings(max_examples=300)
@given(EVENTS, MESSAGES, st.booleans())
def test_no_detector_that_is_left_out_would_have_found_anything(events, message, tls13):
    seen = gather(events)
    case = case_of(seen, walk_gathered(seen, tls13=tls13), tls13=tls13, message=message)
    version = TlsVersion.TLS13 if tls13 else TlsVersion.TLS12
    verdict = judge(events, version=version, message=message).verdict
    everyone = (*OF_THE_MESSAGE, *(detect for _, detect in OF_EVENTS))
    found = tuple(finding for detect in everyone for finding in detect(case, verdict))
    assert found == findings(case, verdict)
