"""The head of a message: texts within bounds; what cannot be read ends nothing."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from amqp import Message
from amqp.serialization import decode_properties_basic

from router.core.errors import DecodeError, LimitExceeded
from router.infra.amqp.frames import lenient_handler, readable
from router.infra.amqp.parcel import MOST_HEADERS, UNREADABLE, head_of, parcel_of

ROUTE = {"exchange": "shop", "routing_key": "orders", "delivery_tag": 7, "redelivered": True}


def head(headers: dict[Any, Any] | None = None, **properties: Any) -> dict[str, str]:
    return head_of({**properties, "application_headers": headers or {}}, ROUTE)


def test_properties_and_headers_are_texts_by_lower_case_names() -> None:
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    found = head(
        {"X-Shop": "eu", "n": 7, "share": Decimal("0.10"), "on": True, "at": at, "raw": b"ab"},
        message_id="m1",
        content_type="application/json",
        delivery_mode=2,
    )
    assert found == {
        "message-id": "m1",
        "content-type": "application/json",
        "exchange": "shop",
        "routing-key": "orders",
        "x-shop": "eu",
        "n": "7",
        "share": "0.10",
        "on": "true",
        "at": "2026-03-02T12:00:00+00:00",
        "raw": "ab",
    }


def test_what_the_broker_wrote_and_tables_are_left_out() -> None:
    forged = [{"queue": "orders", "count": 10**9, "reason": "rejected"}]
    broker = {"x-death": forged, "X-Death": "1", "x-first-death-queue": "q", "x-delivery-count": 3}
    assert set(head({**broker, "nested": {"a": {"b": 1}}, "none": None})) == {
        "exchange",
        "routing-key",
    }


def test_a_header_is_never_taken_for_a_property() -> None:
    forged = {"Message-Id": "m2", "exchange": "other", "user-id": "admin"}
    assert head(forged, message_id="m1")["message-id"] == "m1"
    assert "user-id" not in head(forged)
    assert head(forged)["exchange"] == "shop"


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({str(n): "v" for n in range(MOST_HEADERS + 1)}, LimitExceeded),
        ({"traceparent": "0" * 100_000}, LimitExceeded),
        ({"a": "x\0"}, DecodeError),
        ({"a": "\ud800"}, DecodeError),
        ({"a": b"\xff"}, DecodeError),
        ({b"\xff": "a"}, DecodeError),
        ({"a": "1", "A": "2"}, DecodeError),
    ],
)
def test_what_is_beyond_is_told(headers: dict[Any, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        head(headers)
    assert "000" not in str(raised.value)


def test_two_spellings_that_say_the_same_are_one_header() -> None:
    assert head({"a": "1", "A": "1"})["a"] == "1"


def test_a_message_becomes_a_parcel() -> None:
    message = Message("ä", message_id="m1")
    message.delivery_info = ROUTE
    parcel = parcel_of("box", 3, message)
    assert (parcel.mark, parcel.queue, parcel.body) == ((3, 7), "box", "ä".encode())
    assert parcel.unfit is None
    message.properties["application_headers"] = {"a": b"\xff"}
    parcel = parcel_of("box", 3, message)
    assert isinstance(parcel.unfit, DecodeError)
    assert parcel.headers == {}


def written(**properties: Any) -> bytes:
    """Return the head of a message as it is on the wire."""
    message = Message("body", **properties)
    return struct.pack(">HHQ", 60, 0, 4) + message._serialize_properties()


def nested(depth: int) -> bytes:
    """Return a head with tables in tables, deeper than any stack."""
    table = b""
    for _ in range(depth):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    return (
        struct.pack(">HHQ", 60, 0, 4) + struct.pack(">H", 0x2000) + struct.pack(">I", len(table))
        + table
    )  # fmt: skip


def too_late() -> bytes:
    entry = b"\x01tT" + struct.pack(">Q", 2**63)
    return struct.pack(">HHQHI", 60, 0, 4, 0x2000, len(entry)) + entry


def unknown_type() -> bytes:
    entry = b"\x01a?1"
    return struct.pack(">HHQHI", 60, 0, 4, 0x2000, len(entry)) + entry


@pytest.mark.parametrize(
    "bad",
    [
        nested(15_000),
        too_late(),
        unknown_type(),
        written(message_id="m")[:-1] + b"\xff",
        struct.pack(">HHQH", 60, 0, 4, 0x2000),
    ],
    ids=["nested", "late", "type", "text", "cut"],
)
def test_a_head_that_cannot_be_read_says_so_and_ends_nothing(bad: bytes) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 (whatever py-amqp comes upon)
        decode_properties_basic(bad, 12)
    head = readable(bad)
    assert decode_properties_basic(head, 12)[0] == {"content_type": UNREADABLE}
    assert head[:12] == bad[:12]
    with pytest.raises(DecodeError, match="cannot be read"):
        head_of({"content_type": UNREADABLE}, ROUTE)


def test_a_head_that_can_be_read_stays_as_it_is() -> None:
    good = written(message_id="m1", application_headers={"a": "b", "t": {"x": 1}})
    assert readable(good) is good


def test_the_library_still_reads_frames_as_we_think() -> None:
    """A message with a bad head, then a good one, through py-amqp's own reader."""

    class Connection:
        bytes_recv = 0

    came: list[Any] = []
    read = lenient_handler(Connection(), lambda *what: came.append(what[3]))
    deliver = struct.pack(">HH", 60, 60)
    for one in (nested(15_000), written(message_id="m2")):
        read((1, 1, deliver))
        read((2, 1, one))
        read((3, 1, b"body"))
    assert [one.properties for one in came] == [{"content_type": UNREADABLE}, {"message_id": "m2"}]
    assert [one.body for one in came] == [b"body", b"body"]
