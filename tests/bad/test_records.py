"""Bad inputs: many records in one delivery, each with a signature of its own, over the HTTP app.

A good record is taken whatever stands beside it; a bad one is one dead letter with its reason. Who
cannot sign at all leaves no trace.

Held elsewhere, and not repeated here:
- what a signature inside a record may look like: tests/bad/test_signatures.py
- records of files that cannot be read: tests/unit/infra/test_lines.py, test_tables.py, test_x12.py
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from router.api.app import make_app
from router.api.guard import sign_record
from router.config.verification import Inside
from router.engine.arrival import UNPROVED
from tests.bad.land import Land, shipped

#: the hang guard: no case takes a second
pytestmark = pytest.mark.timeout(20)

KEY, OLD = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"


class Secrets:
    """The live secret of the channel."""

    def get(self, reference: str) -> str:
        return {"env:ADYEN_HMAC_KEY": KEY}[reference]


def scheme() -> Inside:
    source = shipped().channels["adyen"].source
    found = source.verify.signature  # type: ignore[union-attr]
    assert isinstance(found, Inside)
    return found


def item(reference: str, key: str = KEY, event: str = "REFUND", **changed: Any) -> dict[str, Any]:
    """Return an item that is signed, and changed after that."""
    made: dict[str, Any] = {
        "amount": {"currency": "EUR", "value": 1290},
        "eventCode": event,
        "eventDate": "2026-03-02T13:00:00+01:00",
        "merchantAccountCode": "OutdoorEU",
        "merchantReference": f"ORD-{reference}",
        "originalReference": "PAY1",
        "paymentMethod": "visa",
        "pspReference": reference,
        "reason": "",
        "success": "true",
        "additionalData": {},
    }
    account = changed.pop("account", None)
    if account:
        made["merchantAccountCode"] = account
    wrapped = {"NotificationRequestItem": made}
    made["additionalData"]["hmacSignature"] = sign_record(scheme(), key, wrapped)
    made.update(changed)
    return wrapped


def post(land: Land, items: Any, **headers: str) -> httpx.Response:
    """Post a notification to the app, as the sender does."""
    app = make_app(lambda: land.parts, Secrets())
    body = items if isinstance(items, bytes) else encoded(items)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://router.test") as client:
            made = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.post("/in/adyen", content=body, headers=made)

    return asyncio.run(send())


def encoded(items: Any) -> bytes:
    return json.dumps({"live": "false", "notificationItems": items}).encode()


def endings(land: Land) -> list[tuple[str, str]]:
    """Return the word of every record in order, with the reason of its dead letter."""
    sql = (
        "SELECT word, message_id FROM journal WHERE consumer LIKE 'adyen:%' ORDER BY journal.rowid"
    )
    return [(word, land.letter(message)[0]) for word, message in land.query(sql)]


def booked(land: Land) -> list[str]:
    return sorted(one["text"] for one in land.books.journals)


def test_good_items_are_taken_and_a_bad_one_is_told(land: Land) -> None:
    answer = post(
        land, [item("R1"), item("R2", amount={"currency": "EUR", "value": 999999}), item("R3")]
    )
    assert (answer.status_code, answer.text) == (202, "[accepted]")
    land.work()
    assert endings(land) == [("routed", ""), ("dead_lettered", "unproved"), ("routed", "")]
    assert booked(land) == ["adyen/R1/succeeded", "adyen/R3/succeeded"]


@pytest.mark.parametrize(
    "bad",
    [
        item("R2", key=OLD),
        item("R2", success="false"),
        item("R2", pspReference="R9"),
        item("R2", merchantAccountCode="OutdoorUS"),
        item("R2", amount={"currency": "JPY", "value": 1290}),
        item("R2", amount={"currency": "EUR", "value": 1290.5}),
        item("R2", amount=None),
        item("R2", additionalData={}),
        item("R2", additionalData={"hmacSignature": "x" * 100_000}),
        item("R2", additionalData={"hmacSignature": ["x"]}),
        {},
        {"NotificationRequestItem": None},
        {"NotificationRequestItem": "text"},
        None,
        7,
        [],
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_bad_item_of_any_kind_hurts_no_other(land: Land, bad: Any, *, first: bool) -> None:
    items = [bad, item("R1")] if first else [item("R1"), bad]
    assert post(land, items).status_code == 202
    land.work()
    assert sorted(endings(land)) == [("dead_lettered", "unproved"), ("routed", "")]
    assert booked(land) == ["adyen/R1/succeeded"]


def test_one_item_twice_in_a_batch_is_one_movement(land: Land) -> None:
    post(land, [item("R1"), item("R2"), item("R1"), item("R1")])
    land.work()
    assert endings(land) == [("routed", ""), ("routed", ""), ("duplicate", ""), ("duplicate", "")]
    assert booked(land) == ["adyen/R1/succeeded", "adyen/R2/succeeded"]


def test_a_batch_that_is_sent_again_with_another_item_brings_only_that(land: Land) -> None:
    post(land, [item("R1"), item("R2", key=OLD)])
    land.work()
    post(land, [item("R1"), item("R2")])
    land.work()
    assert endings(land)[2:] == [("duplicate", ""), ("routed", "")]
    assert booked(land) == ["adyen/R1/succeeded", "adyen/R2/succeeded"]


def test_items_of_other_accounts_are_booked_with_their_own_company(land: Land) -> None:
    post(land, [item("R1"), item("R2", account="OutdoorUS"), item("R3", account="Nobody")])
    land.work()
    companies = {one["text"]: one["company"] for one in land.books.journals}
    assert companies == {
        "adyen/R1/succeeded": "2000",
        "adyen/R2/succeeded": "1000",
        "adyen/R3/succeeded": "1000",  # the table's declared default
    }


def test_events_of_all_kinds_in_one_batch(land: Land) -> None:
    kinds = ["REFUND", "REFUND_FAILED", "CAPTURE", "CHARGEBACK", "NO_SUCH"]
    post(land, [item(f"R{number}", event=one) for number, one in enumerate(kinds)])
    land.work()
    assert endings(land) == [
        ("routed", ""), ("routed", ""), ("discarded", ""), ("routed", ""),
        ("dead_lettered", "unknown_kind"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        encoded([]),
        encoded(None),
        encoded({}),
        encoded([None]),
        encoded([item("R1", key=OLD), item("R2", success="false")]),
        encoded([{"NotificationRequestItem": {}}]),
        b"",
        b"[accepted]",
        b"\xff",
        b'{"notificationItems": [' + b"[" * 100_000,
    ],
)
def test_who_signs_nothing_leaves_no_trace(land: Land, body: bytes) -> None:
    answer = post(land, body)
    assert answer.status_code == 401
    land.work()
    assert land.query("SELECT id FROM deliveries") == []
    assert endings(land) == []


def test_a_sender_cannot_mark_records_or_unmark_them(land: Land) -> None:
    headers = {UNPROVED.replace("-", "_"): "0"}
    post(land, [item("R1"), item("R2", key=OLD)], **headers)
    land.work()
    assert endings(land) == [("routed", ""), ("dead_lettered", "unproved")]
    post(land, [item("R3")], **headers)
    land.work()
    assert endings(land)[2:] == [("routed", "")]


def test_an_item_that_was_not_proved_is_not_taken_by_decoding_it_again(land: Land) -> None:
    """A replay reads the bytes that were kept: the mark stands beside them."""
    from router.engine.arrival import Delivery  # noqa: PLC0415
    from router.runtime.ingress import arrivals  # noqa: PLC0415

    post(land, [item("R1"), item("R2", key=OLD)])
    ((body, headers),) = land.query("SELECT body, headers FROM deliveries")
    kept = Delivery(id="d", headers=json.loads(headers), received_at=land.clock.now(), sha256="")
    project = shipped()
    found = arrivals(project.channels["adyen"], kept, body, (project.contracts, {}))
    assert [one.verdict is None for one in found] == [True, False]


def test_many_items_each_end_once(land: Land) -> None:
    items = [item(f"R{n}", key=OLD if n % 7 == 0 else KEY) for n in range(100)]
    post(land, items)
    land.work()
    words = endings(land)
    assert len(words) == 100
    assert words.count(("dead_lettered", "unproved")) == 15
    assert len(booked(land)) == 85
