"""The observer's table: columns by width, lines of one length, nothing that a peer could break."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.cells import cell_len

from tests.report.examples import hostile, observed_inferred, premature
from tests.report.golden import decoded
from tlsclose.core.report import ConnectionInfo, Role, Stage, Summary, Unobserved
from tlsclose.core.verdict import Code
from tlsclose.report.observed import COLUMNS, ObservedTable, columns
from tlsclose.report.page import make_page

V6 = ConnectionInfo(client="[2001:db8:1:2:3:4:5:6]:51000", server="[2001:db8::7]:443", stream=12)


def lines(*reports, width=80, encoding="utf-8", summary=None, **options):
    def write(file):
        page = make_page(color="never", file=file, width=width, environ={})
        table = ObservedTable(page, **options)
        for report in reports:
            table.add(report)
        if summary is not None:
            table.close(summary)

    return decoded(write, encoding=encoding).splitlines()


def observed(**changes):
    return replace(premature(), role=Role.OBSERVER, target=None, **changes)


BY_WIDTH = {
    40: "# client server verdict",
    80: "# client server verdict blame",
    90: "# client server verdict blame risk",
    96: "# client server tls verdict blame risk",
    110: "# start UTC client server tls verdict blame risk",
    130: "# start UTC client server name tls verdict blame risk",
}


@pytest.mark.parametrize("width", BY_WIDTH)
def test_columns_come_with_the_width(width):
    assert " ".join(column.name for column in columns(width)) == BY_WIDTH[width]
    assert lines(observed(), width=width)[0].split() == BY_WIDTH[width].split()


@pytest.mark.parametrize("width", range(50, 300, 5))
def test_columns_fill_no_more_than_the_width(width):
    assert 1 + sum(column.width + 2 for column in columns(width)) - 2 <= width


def test_every_verdict_fits_its_column():
    widths = {column.name: column.width for column in COLUMNS}
    assert max(len(code) for code in Code) <= widths["verdict"]


def test_cells_of_a_wide_table():
    row = lines(observed(), width=160)[1]
    assert row.split() == [
        "0",
        "12:00:00.123",
        "192.0.2.1:51000",
        "192.0.2.7:443",
        "localhost",
        "1.3",
        "premature-close",
        "server",
        "possible",
    ]


def test_of_an_address_the_port_is_kept():
    client, server = lines(observed(connection=V6))[1].split()[1:3]
    assert client == "…" + V6.client[-20:]
    assert server == V6.server
    assert V6.client in lines(observed(connection=V6), width=200)[1]


@pytest.mark.parametrize("color", ["always", "never"])
@pytest.mark.parametrize("name", ["a.example", "bücher.example", "日本語", "a" * 60, "a\x1b[31mb"])
def test_columns_stay_in_line_whatever_a_cell_holds(name, color):
    report = observed(tls=replace(premature().tls, sni=name))
    buffer = StringIO()
    table = ObservedTable(make_page(color=color, file=buffer, width=160, environ={}))
    table.add(observed())
    table.add(report)
    _, usual, row = buffer.getvalue().splitlines()
    at = [cell_len(line[: line.index("1.3")]) for line in (usual, row)]
    assert at[0] == at[1]
    assert row[row.index("1.3") :] == usual[usual.index("1.3") :]


def test_inferred_is_marked_and_explained():
    shown = lines(observed_inferred(), summary=Summary(connections=1, by_code={"clean": 1}))
    assert "reset-after-close? " in shown[1]
    assert shown[-1].endswith("? inferred, without keys")


def test_captures_are_named_where_there_are_several():
    one = replace(observed_inferred(), capture=replace(observed_inferred().capture, path="-"))
    shown = lines(observed_inferred(), observed_inferred(), one, several=True)
    assert [line.strip() for line in shown if "0  " not in line][1:] == [
        "close.pcapng",
        "standard input",
    ]


def test_why_no_more_could_be_read():
    reason = Unobserved(stage=Stage.CAPTURE, reason="a.pcap: byte 24: the file breaks off")
    shown = lines(observed(connection=None, verdict=None, unobserved=reason))
    assert shown[1] == "        unobserved at capture: a.pcap: byte 24: the file breaks off"


def test_told():
    shown = lines(observed(), told=True)
    assert shown[2] == "        The server sent FIN without close_notify."


def test_totals():
    summary = Summary(
        connections=1234,
        by_code={"clean": 1200, "reset": 34},
        packets=928_049,
        bytes=10**9,
        without_tls=3,
        elsewhere=1,
        other_verdicts=1,
        unreadable=1,
    )
    assert lines(summary=summary) == [
        " 1 234 TLS connections: 1200 clean, 34 reset, 1 unobserved",
        " 928 049 packets, 1.0 GB; 3 without TLS; 2 left out",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_hostile_text_stays_in_its_line(width, encoding):
    evil = hostile()
    evil = replace(evil, role=Role.OBSERVER, verdict=observed().verdict, connection=V6)
    shown = lines(evil, width=width, encoding=encoding, told=True)
    assert all(line.isprintable() for line in shown)
    assert max(map(cell_len, shown)) <= width
