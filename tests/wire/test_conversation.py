"""TLS as it may be spoken, rightly or not: forged records against the events expected."""

import pytest

from tests.wire.forge import (
    ALERT,
    CHANGE_CIPHER_SPEC,
    CLIENT,
    CLOSE_NOTIFY,
    DATA,
    EARLY_DATA,
    END_OF_EARLY_DATA,
    HANDSHAKE,
    KEY_UPDATE,
    NEW_SESSION_TICKET,
    SERVER,
    Forged,
    client_hello,
    extension,
    key_log,
    message,
    record,
    server_hello,
)
from tests.wire.playbook import Tls, follow_extents, story
from tlsclose.core.alert import Alert
from tlsclose.core.event import Kind, Source
from tlsclose.core.hello import RETRY_RANDOM
from tlsclose.core.record import TlsVersion
from tlsclose.wire.event_log import MAX_EVENTS
from tlsclose.wire.suites import suite

SHAKEN = [
    "client handshake client_hello",
    "server handshake server_hello",
    "server handshake encrypted_extensions (decrypted)",
    "server handshake finished (decrypted)",
    "client handshake finished (decrypted)",
    "client handshake complete (decrypted)",
]


def told(forged, *without):
    return story(follow_extents(forged.flights, key_log(*without)))


def after_handshake(forged, *without):
    found = told(forged, *without)
    assert found[: len(SHAKEN)] == SHAKEN
    return found[len(SHAKEN) :]


class TestApplicationPhase:
    @pytest.mark.parametrize(
        ("content_type", "plaintext", "expected"),
        [
            (ALERT, CLOSE_NOTIFY, ["server close_notify warning (decrypted)"]),
            (ALERT, b"\x02\x00", ["server close_notify fatal (decrypted)"]),
            (ALERT, b"\x01\x5a", ["server alert warning user_canceled (decrypted)"]),
            (ALERT, b"\x02\x14", ["server alert fatal bad_record_mac (decrypted)"]),
            (ALERT, b"\x07\xc8", ["server alert level-7 alert-200 (decrypted)"]),
            (ALERT, b"", ["server record empty alert (decrypted)"]),
            (
                ALERT,
                CLOSE_NOTIFY + b"\x02\x50",
                [
                    "server close_notify warning (decrypted)",
                    "server alert fatal internal_error (decrypted)",
                ],
            ),
            (DATA, b"hello", ["server app_data (decrypted)"]),
            (DATA, b"", ["server record empty (decrypted)"]),
            (99, b"?", ["server record type 99 (decrypted)"]),
            (
                HANDSHAKE,
                message(NEW_SESSION_TICKET, b"t" * 200) * 2,
                ["server handshake new_session_ticket, new_session_ticket (decrypted)"],
            ),
        ],
    )
    def test_one_record(self, content_type, plaintext, expected):
        forged = Forged().shaken().seal("server", content_type, plaintext)
        assert after_handshake(forged) == expected

    def test_an_alert_keeps_its_two_bytes(self):
        forged = Forged().shaken().seal("client", ALERT, b"\x02\x00")
        event = follow_extents(forged.flights, key_log()).events[-1]
        assert (event.alert, event.bytes) == (Alert(level=2, description=0), 2)

    def test_an_alert_split_over_two_records_is_one_alert(self):
        forged = Forged().shaken().seal("client", ALERT, b"\x01").seal("client", ALERT, b"\x00")
        assert after_handshake(forged) == ["client close_notify warning (decrypted)"]

    def test_padding_hides_nothing(self):
        forged = Forged().shaken().seal("client", ALERT, CLOSE_NOTIFY, padding=500)
        assert after_handshake(forged) == ["client close_notify warning (decrypted)"]

    def test_an_alert_in_the_clear_is_no_alert(self):
        """Anybody could have written it."""
        forged = Forged().shaken().clear(CLIENT, record(ALERT, CLOSE_NOTIFY))
        assert after_handshake(forged) == ["client record alert in the clear"]

    @pytest.mark.parametrize(
        ("side", "told"),
        [(SERVER, "server record alert in the clear"), (CLIENT, "client close_notify warning")],
    )
    def test_an_alert_in_the_clear_before_the_end_of_the_handshake(self, side, told):
        """A server that sent its ServerHello has keys; a client may not."""
        forged = Forged().server_flight().clear(side, record(ALERT, CLOSE_NOTIFY))
        forged.client_finished()
        assert told in story(follow_extents(forged.flights, key_log()))

    @pytest.mark.parametrize("side", [CLIENT, SERVER])
    @pytest.mark.parametrize(("place", "counts"), [(2, True), (3, False)])
    def test_an_alert_in_the_clear_around_a_change_cipher_spec(self, side, place, counts):
        """Up to TLS 1.2 a side seals everything from its ChangeCipherSpec on."""
        tls = Tls(TlsVersion.TLS12).shake()
        tls.flights.insert(place, (side, record(ALERT, CLOSE_NOTIFY)))
        told = story(follow_extents(tls.flights, tls.keys))
        counts = counts or side is SERVER
        assert (f"{side} close_notify warning" in told) is counts
        assert (f"{side} record alert in the clear" in told) is not counts

    def test_long_records_are_counted_without_being_opened(self):
        forged = Forged().shaken()
        for _ in range(3):
            forged.seal("server", DATA, bytes(16000))
        forged.seal("server", DATA, b"end").seal("server", ALERT, CLOSE_NOTIFY)
        followed = follow_extents([(s, d) for s, d in squeezed(forged.flights)], key_log())
        data = next(event for event in followed.events if event.kind is Kind.APP_DATA)
        assert (data.count, data.bytes, data.source) == (4, 48003, Source.INFERRED)
        assert story(followed)[-1] == "server close_notify warning (decrypted)"

    def test_key_update_changes_the_senders_keys_only(self):
        forged = Forged().shaken().seal("client", DATA, b"before")
        forged.seal("client", HANDSHAKE, message(KEY_UPDATE, b"\x00"))
        forged.keys["client"].update()
        forged.seal("server", DATA, b"still the first").seal("client", ALERT, CLOSE_NOTIFY)
        assert after_handshake(forged) == [
            "client app_data (decrypted)",
            "client handshake key_update (decrypted)",
            "server app_data (decrypted)",
            "client close_notify warning (decrypted)",
        ]

    def test_damage_ends_the_reading_of_that_side(self):
        forged = Forged().shaken().clear(CLIENT, b"\x17\x03\x03\x00\x20" + bytes(32))
        forged.seal("client", ALERT, CLOSE_NOTIFY).seal("server", ALERT, CLOSE_NOTIFY)
        assert after_handshake(forged) == [
            "client record sealed (inferred)",
            "client close_notify (inferred)",
            "server close_notify warning (decrypted)",
        ]
        notes = follow_extents(forged.flights, key_log()).notes
        assert notes[0] == "client: a record did not authenticate; unread from there on"


def squeezed(flights):
    """Consecutive flights of one side joined, as one extent."""
    joined = []
    for side, data in flights:
        if joined and joined[-1][0] is side:
            joined[-1] = (side, joined[-1][1] + data)
        else:
            joined.append((side, data))
    return joined


class TestHandshake:
    def test_change_cipher_spec_records_mean_nothing_in_tls13(self):
        forged = Forged().clear(CLIENT, CHANGE_CIPHER_SPEC).clear(SERVER, server_hello())
        forged.clear(SERVER, CHANGE_CIPHER_SPEC)
        forged.flights += Forged().server_flight().flights[2:]
        forged.client_finished().seal("client", ALERT, CLOSE_NOTIFY)
        assert after_handshake(forged) == ["client close_notify warning (decrypted)"]

    @pytest.mark.parametrize("compatible", [True, False])
    def test_a_retry_starts_over(self, compatible):
        extra = CHANGE_CIPHER_SPEC if compatible else b""
        forged = Forged().clear(SERVER, server_hello(random=RETRY_RANDOM) + extra)
        forged.clear(CLIENT, extra + client_hello()).shaken()
        assert told(forged) == [
            SHAKEN[0],
            "server handshake hello_retry_request",
            *SHAKEN,
        ]

    def test_a_message_may_span_records(self):
        whole = client_hello(extension(0, b"\x00\x07\x00\x00\x04host"))
        body = whole[5:]
        pieces = b"".join(record(HANDSHAKE, body[at : at + 7]) for at in range(0, len(body), 7))
        followed = follow_extents([(CLIENT, pieces)])
        assert story(followed) == ["client handshake client_hello"]
        assert followed.sni == "host"

    def test_application_keys_alone_are_enough_for_the_close(self):
        forged = Forged().shaken().seal("server", ALERT, CLOSE_NOTIFY)
        found = told(forged, "server handshake", "client handshake")
        assert found[-1] == "server close_notify warning (decrypted)"

    def test_a_failed_handshake_is_not_complete_and_its_alert_not_a_closure(self):
        forged = Forged().server_flight().seal("client handshake", ALERT, b"\x02\x2a")
        assert told(forged)[-1] == "client alert fatal bad_certificate (decrypted)"
        sealed = told(forged, "client handshake", "server handshake", "client", "server")
        assert sealed[-1] == "client record sealed (inferred)"
        assert not any("complete" in line for line in sealed)

    @pytest.mark.parametrize(
        ("side", "kind", "name"), [(CLIENT, 1, "Client"), (SERVER, 2, "Server")]
    )
    def test_a_malformed_hello_is_a_note(self, side, kind, name):
        followed = follow_extents([(side, record(HANDSHAKE, message(kind, b"\x03\x03short")))])
        assert story(followed) == [f"{side} handshake {side}_hello"]
        assert followed.notes == (f"the {name}Hello could not be parsed",)

    def test_an_unknown_suite_is_named(self):
        forged = Forged().clear(SERVER, server_hello(suite_code=0x1399))
        forged.seal("server handshake", HANDSHAKE, bytes(60))
        notes = follow_extents(forged.flights, key_log()).notes
        assert notes == ("records could not be decrypted: cipher suite 0x1399 is not supported",)

    def test_client_records_wait_for_a_server_hello_captured_late(self):
        forged = Forged().shaken().seal("client", ALERT, CLOSE_NOTIFY)
        client = [flight for flight in forged.flights if flight[0] is CLIENT]
        server = [flight for flight in forged.flights if flight[0] is SERVER]
        found = story(follow_extents([*client, *server], key_log()))
        assert "client close_notify warning (decrypted)" in found


class TestEarlyData:
    def early(self):
        forged = Forged(EARLY_DATA).clear(CLIENT, CHANGE_CIPHER_SPEC)
        return forged.seal("early", DATA, b"GET /")

    def test_accepted(self):
        forged = self.early().server_flight(extension(41, b"\x00\x00"))
        forged.seal("early", HANDSHAKE, message(END_OF_EARLY_DATA)).client_finished()
        found = told(forged.seal("client", ALERT, CLOSE_NOTIFY))
        assert "client app_data early data (decrypted)" in found
        assert found[-4:] == [
            "client handshake end_of_early_data (decrypted)",
            "client handshake finished (decrypted)",
            "client handshake complete (decrypted)",
            "client close_notify warning (decrypted)",
        ]

    @pytest.mark.parametrize("known", [True, False])
    def test_refused(self, known):
        forged = self.early().shaken().seal("client", ALERT, CLOSE_NOTIFY)
        found = told(forged, *([] if known else ["early"]))
        sent = "app_data early data (decrypted)" if known else "record sealed (inferred)"
        assert f"client {sent}" in found
        assert found[-2:] == [
            "client handshake complete (decrypted)",
            "client close_notify warning (decrypted)",
        ]

    def test_refused_by_a_retry(self):
        forged = self.early().clear(SERVER, server_hello(random=RETRY_RANDOM))
        forged.clear(CLIENT, client_hello()).shaken()
        assert told(forged) == [
            SHAKEN[0],
            "client app_data early data (inferred)",
            "server handshake hello_retry_request",
            *SHAKEN,
        ]

    def test_more_than_will_be_held_is_still_counted(self):
        forged = self.early()
        for _ in range(600):
            forged.seal("early", DATA, bytes(1000))
        followed = follow_extents(forged.shaken().flights, key_log())
        early = [event for event in followed.events if event.sender is CLIENT and event.bytes > 99]
        assert sum(event.count for event in early if event.kind is not Kind.HANDSHAKE) >= 600


class TestInference:
    ALL = ("client handshake", "server handshake", "client", "server")

    def test_the_last_sealed_record_of_an_alerts_size_is_a_close_notify(self):
        forged = Forged().shaken().seal("client", DATA, b"GET /").seal("server", DATA, b"x" * 99)
        forged.seal("client", ALERT, CLOSE_NOTIFY)
        event = follow_extents(forged.flights).events[-1]
        assert (event.kind, event.source, event.alert) == (Kind.CLOSE_NOTIFY, Source.INFERRED, None)

    def test_one_that_is_followed_by_another_record_is_not(self):
        forged = Forged().shaken().seal("client", ALERT, CLOSE_NOTIFY).seal("client", DATA, b"more")
        found = told(forged, *self.ALL)
        assert not any("close_notify" in line for line in found)

    def test_it_is_found_at_the_end_of_an_endless_exchange(self):
        forged = Forged().shaken()
        for _ in range(MAX_EVENTS):
            forged.seal("client", DATA, b"ab").seal("server", DATA, b"yes")
        followed = follow_extents(forged.seal("client", ALERT, CLOSE_NOTIFY).flights)
        assert story(followed)[-1] == "client close_notify (inferred)"
        assert len(followed.events) < MAX_EVENTS + 20

    def test_the_length_belongs_to_the_suite(self):
        short = b"\x17\x03\x03\x00\x0b" + bytes(11)
        found = told(Forged().shaken().clear(CLIENT, short), *self.ALL)
        assert suite(0x1301).tag_bytes == 16
        assert found[-1] == "client record sealed (inferred)"


class TestWhatIsNotTls:
    @pytest.mark.parametrize(
        ("data", "detail"),
        [
            (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "HTTP/1.1 400"),
            (b"GET / HTTP/1.1\r\n", "HTTP request"),
            (b"220 mail.example ESMTP\r\n", "SMTP or FTP greeting"),
            (b"\x80\x2e\x01\x00\x02" + bytes(40), "SSLv2 hello"),
            (b"\x1b[31mred", "bytes 1b 5b 33 31 6d 72 65 64"),
            (b"\x16\x03\x03\xff\xff" + bytes(9), "TLS record of 65535 bytes, too long"),
            (b"no", "bytes 6e 6f"),
        ],
    )
    @pytest.mark.parametrize("step", [1, 100])
    def test_described_once_and_counted(self, data, detail, step):
        pieces = [(SERVER, data[at : at + step]) for at in range(0, len(data), step)]
        followed = follow_extents([(CLIENT, client_hello()), *pieces, (SERVER, b"rest")])
        if detail.startswith("bytes 6e"):
            detail = "bytes 6e 6f 72 65 73 74"
        events = [event for event in followed.events if event.sender is SERVER]
        assert [(e.kind, e.detail) for e in events] == [(Kind.NOT_TLS, detail)]
        assert events[0].bytes == len(data) + 4

    def test_two_bytes_alone_are_described_too(self):
        followed = follow_extents([(SERVER, b"no")])
        assert story(followed) == ["server not_tls bytes 6e 6f"]

    def test_plaintext_after_tls_is_not_tls(self):
        forged = Forged().shaken().seal("server", ALERT, CLOSE_NOTIFY).clear(SERVER, b"220 ok\r\n")
        assert after_handshake(forged) == [
            "server close_notify warning (decrypted)",
            "server not_tls SMTP or FTP greeting",
        ]

    @pytest.mark.parametrize("step", [1, 3, 1000])
    def test_a_preamble_before_tls_is_named(self, step):
        forged = Forged().shaken().seal("client", ALERT, CLOSE_NOTIFY)
        greeting = [(SERVER, b"220 hello\r\n"), (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n")]
        flights = [
            (side, data[at : at + step])
            for side, data in squeezed([*greeting, *forged.flights])
            for at in range(0, len(data), step)
        ]
        followed = follow_extents(flights, key_log())
        assert story(followed) == [*SHAKEN, "client close_notify warning (decrypted)"]
        assert followed.preamble == "smtp"
        assert followed.notes[0] == (
            "TLS began within SMTP, after 10 bytes of the client and 19 bytes of the server"
        )

    def test_a_cut_off_record_is_a_note(self):
        followed = follow_extents([(CLIENT, client_hello()[:-3])])
        assert followed.events == ()
        assert followed.notes == ("client: the last record is cut off",)
