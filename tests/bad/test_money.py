"""Bad orders: what moves money comes in any order, twice, and late; the books are right at the end.

Each case gives every order of a sender's events to the whole landscape and looks at the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from tests.bad.land import ROOT, Land

#: the hang guard: no case takes a second
pytestmark = pytest.mark.timeout(20)

FIXTURES = ROOT / "routes" / "channels" / "fixtures"


def fixture(name: str) -> bytes:
    """Return a delivery as it stands beside the routes."""
    return (FIXTURES / f"{name}.json").read_bytes()


def changed(name: str, event: str, **fields: Any) -> bytes:
    """Return a Stripe event with another id and other fields of its object."""
    made = json.loads(fixture(name))
    made["id"] = event
    made.update({key: fields.pop(key) for key in ("type", "created") if key in fields})
    made["data"]["object"].update(fields)
    return json.dumps(made).encode()


def balance(land: Land) -> dict[str, int]:
    """Return what left the clearing accounts by currency, in thousandths; no document twice."""
    made: dict[str, int] = {}
    texts = [one["text"] for one in land.books.journals]
    assert len(texts) == len(set(texts)), "booked twice"
    for journal in land.books.journals:
        for line in journal["lines"]:
            if line["text"] == "clearing":
                whole, _, part = line["amount"].partition(".")
                amount = int(whole) * 1000 + int(part.ljust(3, "0"))
                sign = 1 if line["side"] == "C" else -1
                made[journal["currency"]] = made.get(journal["currency"], 0) + sign * amount
    return made


def assert_reversals_have_their_documents(land: Land) -> None:
    texts = {one["text"] for one in land.books.journals}
    for text in texts:
        assert not text.endswith("/reversed") or text.replace("/reversed", "/succeeded") in texts


STRIPE = {
    "pending": changed(
        "stripe_refund", "evt_a", status="pending", created=1772452800, balance_transaction="txn_1"
    ),
    "succeeded": changed(
        "stripe_refund", "evt_b", status="succeeded", created=1772452900, type="refund.updated"
    ),
    "failed": changed(
        "stripe_refund", "evt_c", status="failed", created=1772453000, type="refund.failed",
        failure_reason="declined",
    ),
    "back": changed(
        "stripe_refund", "evt_d", status="failed", created=1772453100, type="refund.updated",
        failure_reason="declined", failure_balance_transaction="txn_2",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        (("pending", "succeeded"), 12_900),
        (("pending", "failed"), 0),
        (("pending", "back"), 0),
        (("pending", "failed", "back"), 0),
        (("pending", "succeeded", "back"), 0),
        (("pending", "succeeded", "failed", "back"), 0),
    ],
)
def test_stripe_refunds_in_every_order(told: Sequence[str], owed: int) -> None:
    for order in permutations(told):
        land = Land()
        messages = [land.give_to("stripe", STRIPE[one]) for one in (*order, order[0])]
        land.work()
        assert balance(land).get("EUR", 0) == owed, order
        assert_reversals_have_their_documents(land)
        assert {land.ending(one)[0] for one in messages} <= {"routed", "discarded", "duplicate"}
        land.parts.close()
        land.store.close()


@pytest.mark.parametrize("order", list(permutations(["pending", "done", "failed_later"])))
def test_square_refunds_in_every_order(land: Land, order: Sequence[str]) -> None:
    for one in (*order, order[0]):
        land.give_to("square", fixture(f"square_refund_{one}"))
        land.work()
    assert balance(land).get("USD", 0) == 0
    assert_reversals_have_their_documents(land)


def test_a_square_refund_that_fails_without_being_paid_books_nothing(land: Land) -> None:
    land.give_to("square", fixture("square_refund_pending"))
    land.give_to("square", fixture("square_refund_failed_later"))
    land.work()
    assert land.books.journals == []


@pytest.mark.parametrize(
    "order", list(permutations(["refund", "refund_failed", "refunded_reversed"]))
)
def test_adyen_refunds_in_every_order(land: Land, order: Sequence[str]) -> None:
    for one in (*order, order[0]):
        land.give_to("adyen", fixture(f"adyen_{one}"))
        land.work()
    assert balance(land) == {"EUR": 0}
    assert_reversals_have_their_documents(land)


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        (("chargeback_told", "inquiry"), {}),
        (("chargeback_told", "chargeback"), {"EUR": 88_010}),
        (("chargeback", "chargeback_reversed"), {"EUR": 0}),
        (("chargeback", "chargeback_reversed", "second_chargeback"), {"EUR": 88_010}),
    ],
)
def test_chargebacks_in_every_order(told: Sequence[str], owed: dict[str, int]) -> None:
    for order in permutations(told):
        land = Land()
        for one in (*order, order[0]):
            land.give_to("adyen", fixture(f"adyen_{one}"))
            land.work()
        assert balance(land) == owed, order
        land.parts.close()
        land.store.close()


@pytest.mark.parametrize("name", ["adyen_refund_refused", "adyen_cancelled", "adyen_authorisation"])
def test_what_never_went_out_books_nothing(land: Land, name: str) -> None:
    land.give_to("adyen", fixture(name))
    land.work()
    assert land.books.journals == []


@pytest.mark.parametrize(
    ("channel", "name", "currency", "owed"),
    [
        ("stripe", "stripe_refund_krona", "ISK", 1_290_000),
        ("stripe", "stripe_refund_ariary", "MGA", 12_900_000),
        ("stripe", "stripe_refund_dinar", "KWD", 12_340),
        ("adyen", "adyen_refund_clp", "CLP", 1_290_000),
        ("adyen", "adyen_refund_idr", "IDR", 1_290_000),
        ("adyen", "adyen_refund_cve", "CVE", 1_290_000),
    ],
)
def test_minor_units_reach_the_books_as_the_sender_means_them(
    land: Land, channel: str, name: str, currency: str, owed: int
) -> None:
    land.give_to(channel, fixture(name))
    land.work()
    assert balance(land) == {currency: owed}


@pytest.mark.parametrize("order", list(permutations(["square_level", "square_level_older"])))
def test_an_older_count_never_stands_after_a_newer_one(land: Land, order: Sequence[str]) -> None:
    told = []
    for one in order:
        message = land.give_to("square", fixture(one))
        land.work()
        told += [level["as_of"] for level in land.objects(message, "inventory_adjustment")]
    assert told == sorted(told)
    assert told[-1] == "2026-03-02T11:59:59.1Z"
