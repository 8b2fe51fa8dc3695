"""Bad inputs B: JSON (and what the tills write) through the whole path, to the books of the ledger.

Each case is one named test. A body that is refused stands between two good ones in one batch: it is
one dead letter with its bytes and one clear line, the others are posted to the cent. What is taken
is asserted as it comes out.

Held elsewhere, and not repeated here:
- the same bytes over HTTP, signed, against a daemon: tests/acceptance/test_bodies.py
- every refusal of the decoder with line, column, pointer: tests/unit/infra/test_json_codec.py
- refund and order in every shape that the shop tells: routes/channels/shopify.test.yaml
- invisible letters of a key on a terminal: tests/acceptance/test_trace.py

Of a later part, because they need what the order was paid with: more refunded than was paid over
several refunds. Here one refund above its own lines is told to the cent as unexplained.
"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from tests.bad.bodies import day, level, line, order, posting, refund, spoiled, till
from tests.bad.land import Land, encode

#: the hang guard: no case takes a second
pytestmark = pytest.mark.timeout(20)

QUANTITY = '"quantity": 1'
AMOUNT = '"amount": "11.90"'


def quantity(value: str) -> bytes:
    return spoiled(2, QUANTITY, f'"quantity": {value}')


def of(currency: str, amount: str, net: str, tax: str) -> Any:
    return refund(2, amount, currency, refund_line_items=[line(1, net, tax, currency)])


def at(created_at: str) -> Any:
    return refund(2, created_at=created_at)


#: name -> body, reason, what the one line says
REFUSED: dict[str, tuple[Any, str, str]] = {
    "Infinity": (quantity("Infinity"), "undecodable", "/quantity: NaN and Infinity"),
    "minus Infinity": (quantity("-Infinity"), "undecodable", "NaN and Infinity"),
    "NaN": (quantity("NaN"), "undecodable", "NaN and Infinity"),
    "1e400": (quantity("1e400"), "undecodable", "/refund_line_items/0/quantity"),
    "a number of 5,000 digits": (quantity("9" * 5000), "limit_exceeded", "digits"),
    "depth 100,000": (
        spoiled(2, QUANTITY, QUANTITY + ', "x": ' + "[" * 100_000 + "]" * 100_000),
        "limit_exceeded",
        "nested deeper than 64",
    ),
    "50,001 values": (
        refund(2, extra=[0] * 50_001),
        "limit_exceeded",
        "more than 50000 values",
    ),
    "duplicate amount": (
        spoiled(2, AMOUNT, AMOUNT + ', "amount": "99.00"'),
        "undecodable",
        "/transactions/0/amount: duplicate key",
    ),
    "duplicate amount, once in escapes": (
        spoiled(2, AMOUNT, AMOUNT + ', "\\u0061mount": "99.00"'),
        "undecodable",
        "/transactions/0/amount: duplicate key",
    ),
    "NUL in SKU": (
        spoiled(2, QUANTITY, QUANTITY + ', "sku": "A\\u0000B"'),
        "undecodable",
        "/sku: NUL in text",
    ),
    "a raw NUL": (spoiled(2, QUANTITY, QUANTITY + ', "sku": "A\x00B"'), "undecodable", "NUL"),
    "half of a surrogate pair": (
        spoiled(2, QUANTITY, QUANTITY + ', "sku": "\\ud83d"'),
        "undecodable",
        "half of a surrogate pair",
    ),
    "a surrogate as UTF-8": (spoiled(2, QUANTITY, '"sku": "\ud83d"'), "undecodable", "not UTF-8"),
    "UTF-16": (encode(refund(2)).decode().encode("utf-16"), "undecodable", "UTF-16"),
    "trailing garbage": (encode(refund(2)) + b"}", "undecodable", "text after the end"),
    "a refund twice in one body": (encode(refund(2)) * 2, "undecodable", "text after the end"),
    "empty body": (b"", "undecodable", "the body is empty"),
    "half a body": (encode(refund(2))[:300], "undecodable", "without closing quote"),
    "a pickle": (pickle.dumps(refund(2)), "undecodable", "not UTF-8"),
    "1 MB string": (
        refund(2, note="x" * 1_000_000),
        "limit_exceeded",
        "/note: a text of more than 262144 characters",
    ),
    "__type__ object for a text": (
        refund(2, note={"__type__": "evil", "__value__": "1e999999"}),
        "contract_violation",
        "/note must be null, string",
    ),
    "true for one": (quantity("true"), "contract_violation", "/quantity must be integer"),
    "half a piece": (quantity("0.5"), "contract_violation", "/quantity must be integer"),
    "a number as a text": (quantity('"1"'), "contract_violation", "/quantity must be integer"),
    "order id 2^64": (refund(2, order_id=2**64), "undecodable", "/order_id"),
    "order id 2^63": (refund(2, order_id=2**63), "contract_violation", "/order_id"),
    "amount as a number": (
        spoiled(2, AMOUNT, '"amount": 11.90'),
        "contract_violation",
        "/transactions/0/amount must be string",
    ),
    "amount below zero": (refund(2, "-11.90"), "contract_violation", "/transactions/0/amount"),
    "amount 1e2": (refund(2, "1e2"), "contract_violation", "/transactions/0/amount"),
    "amount with thousands": (refund(2, "1,190.00"), "contract_violation", "/transactions/0"),
    "amount with a line break": (refund(2, "11.90\n"), "contract_violation", "/transactions/0"),
    "amount in Arabic digits": (
        refund(2, "\u0661\u0661.\u0669\u0660"),
        "contract_violation",
        "/transactions/0",
    ),
    "amount in wide digits": (
        refund(2, "\uff11\uff11.\uff19\uff10"),
        "contract_violation",
        "/transactions/0",
    ),
    "half a cent": (refund(2, "11.905"), "transform_failed", "more decimal places than"),
    "zero-decimal currency (JPY) with decimals": (
        of("JPY", "1200.50", "1100", "100"),
        "transform_failed",
        "more decimal places than the currency has",
    ),
    "three-decimal currency (KWD) with four": (
        of("KWD", "1.2345", "1.000", "0.234"),
        "transform_failed",
        "more decimal places than the currency has",
    ),
    "currency mismatch": (
        refund(2, "11.90", "USD", refund_line_items=[line(1, "10.00", "1.90", "EUR")]),
        "transform_failed",
        "currency_code",
    ),
    "currency in small letters": (
        of("eur", "1.90", "1.00", "0.90"),
        "contract_violation",
        "^[A-Z]",
    ),
    "currency in Cyrillic": (
        of("\u0415UR", "1.90", "1.00", "0.90"),
        "contract_violation",
        "^[A-Z]",
    ),
    "currency that is none": (of("XXX", "1.90", "1.00", "0.90"), "transform_failed", "ISO 4217"),
    "nothing moved": (refund(2, "0.00"), "transform_failed", "all weights are zero"),
    "24:00": (at("2026-03-01T24:00:00+01:00"), "contract_violation", "/created_at must be"),
    ":60 seconds": (at("2026-03-01T12:00:60Z"), "contract_violation", "/created_at must be"),
    ":60 seconds, a true leap second": (
        at("2016-12-31T23:59:60Z"),
        "transform_failed",
        "leap seconds have no place",
    ),
    "no offset": (at("2026-03-01T12:00:00"), "contract_violation", "/created_at must be"),
    "30 February": (at("2026-02-30T12:00:00Z"), "contract_violation", "/created_at must be"),
    "the year 10000 in UTC": (at("9999-12-31T23:59:59-14:00"), "transform_failed", "outside"),
    "the year 0 in UTC": (at("0001-01-01T00:00:00+14:00"), "transform_failed", "outside"),
    "a future schema version: a list became an object": (
        refund(2, transactions={"nodes": []}),
        "contract_violation",
        "/transactions must be array",
    ),
    "transactions null": (refund(2, transactions=None), "contract_violation", "/transactions"),
    "a list of refunds": ([refund(2)], "no_identity", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(land: Land, name: str) -> None:
    body, reason, said = REFUSED[name]
    land.give("refunds/create", refund(1, "11.90"))
    bad = land.give("refunds/create", body)
    land.give("refunds/create", refund(3, "13.00"))
    land.work()
    assert land.ending(bad) == ("dead_lettered", reason)
    assert said in land.letter(bad)[1]
    assert land.books.postings == {posting(1): "11.90 EUR", posting(3): "13.00 EUR"}
    land.assert_nothing_lost()


@pytest.mark.parametrize("name", REFUSED)
def test_refused_does_not_bind_the_corrected_one(land: Land, name: str) -> None:
    """The vendor mends it and sends it again under the same event: it goes on."""
    land.give("refunds/create", REFUSED[name][0], x_shopify_event_id="e")
    land.work()
    good = land.give("refunds/create", refund(2, "11.90"), x_shopify_event_id="e")
    land.work()
    assert land.ending(good) == ("routed", "")
    assert land.books.postings == {posting(2): "11.90 EUR"}
    land.assert_nothing_lost()


#: name -> body of refund 2, what the customer gets
TAKEN: dict[str, tuple[Any, str]] = {
    "BOM": (b"\xef\xbb\xbf" + encode(refund(2)), "11.90 EUR"),
    "-0": (quantity("-0"), "11.90 EUR"),
    "one piece as 1.0": (quantity("1.0"), "11.90 EUR"),
    "three-decimal currency (KWD)": (of("KWD", "1.234", "1.000", "0.234"), "1.234 KWD"),
    "zero-decimal currency (JPY)": (of("JPY", "1200", "1100", "100"), "1200 JPY"),
    "JPY with decimals that are none": (of("JPY", "1200.00", "1100.00", "100.00"), "1200 JPY"),
    "refund > its lines": (refund(2, "50.00"), "50.00 EUR"),
    "refund < its lines": (refund(2, "0.01"), "0.01 EUR"),
    "as large as the contract allows": (refund(2, "9" * 18), "9" * 18 + ".00 EUR"),
    "unknown extra fields": (refund(2, extra={"deep": [{"a": None}]}), "11.90 EUR"),
    "key __proto__, items, keys": (
        refund(2, __proto__={"amount": "1"}, items=1, keys=2, constructor=3, __class__="x"),
        "11.90 EUR",
    ),
    "__type__ object beside": (
        refund(2, extra={"__type__": "decimal", "__value__": "1e999999"}),
        "11.90 EUR",
    ),
    "RTL and zero-width in names": (
        refund(2, note="\u202emrs-private\u200b\u2066", user_name="\u061c\ufeff"),
        "11.90 EUR",
    ),
    "an escape sequence in a name": (refund(2, note="\x1b[2Jmrs-private"), "11.90 EUR"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken_to_the_minor_unit(land: Land, name: str) -> None:
    body, paid = TAKEN[name]
    message = land.give("refunds/create", body)
    land.work()
    assert land.ending(message) == ("routed", "")
    assert land.books.postings == {posting(2): paid}
    (journal,) = land.books.journals
    assert balance(journal) == 0
    land.assert_nothing_lost()


def balance(journal: dict[str, Any]) -> int:
    """Return debits less credits in the smallest unit that was written."""
    units = [int(one["amount"].replace(".", "")) for one in journal["lines"]]
    sides = [1 if one["side"] == "D" else -1 for one in journal["lines"]]
    return sum(side * n for side, n in zip(sides, units, strict=True))


def test_0_1_plus_0_2_line_sums(land: Land) -> None:
    lines = [line(1, "0.10", "0.00"), line(2, "0.20", "0.00"), line(3, "0.70", "0.10")]
    message = land.give("refunds/create", refund(2, "1.10", refund_line_items=lines))
    land.work()
    (event,) = land.objects(message, "refund_event")
    assert [(one["kind"], one["amount"]["amount"]) for one in event["components"]] == [
        ("item", "0.10"),
        ("item", "0.20"),
        ("item", "0.70"),
        ("tax", "0.10"),
    ]
    assert land.books.postings == {posting(2): "1.10 EUR"}


def test_one_cent_over_three_lines_and_two_payments(land: Land) -> None:
    """0.01 shared over two transactions: nobody gets half a cent, nothing is left over."""
    (one,) = refund(2)["transactions"]
    parts = [{**one, "id": 21, "amount": "0.01"}, {**one, "id": 22, "amount": "0.02"}]
    lines = [line(n, "0.01", "0.00") for n in (1, 2, 3)]
    land.give("refunds/create", refund(2, transactions=parts, refund_line_items=lines))
    land.work()
    assert land.books.postings == {
        "shopify_payments/21/succeeded": "0.01 EUR",
        "shopify_payments/22/succeeded": "0.02 EUR",
    }
    assert [balance(one) for one in land.books.journals] == [0, 0]


@pytest.mark.parametrize(("amount", "rest"), [("50.00", "adds 38.10"), ("0.01", "reduces 11.89")])
def test_refund_other_than_its_lines_says_so_to_the_cent(
    land: Land, amount: str, rest: str
) -> None:
    message = land.give("refunds/create", refund(2, amount))
    land.work()
    (event,) = land.objects(message, "refund_event")
    last = event["components"][-1]
    assert last["kind"] == "unexplained"
    assert f"{last['direction']} {last['amount']['amount']}" == rest


def test_one_movement_of_money_listed_twice_is_paid_once(land: Land) -> None:
    body = refund(2, transactions=refund(2)["transactions"] * 2)
    message = land.give("refunds/create", body)
    land.work()
    assert land.ending(message)[0] == "routed"
    assert len(land.objects(message, "refund_event")) == 1
    assert land.books.postings == {posting(2): "11.90 EUR"}


def test_2_to_the_53_plus_1_order_id(land: Land) -> None:
    message = land.give("refunds/create", refund(2, order_id=2**53 + 1))
    land.work()
    (event,) = land.objects(message, "refund_event")
    assert event["order_ref"]["id"] == "9007199254740993"
    with land.store.read() as reader:
        assert reader.correlations("9007199254740993") == ["order/9007199254740993"]
        assert reader.correlations("9007199254740992") == []


SKUS = {
    "0012": "0012",
    "12": "12",
    "1E5": "1E5",
    "a space before": " 12",
    "NFC": "CAF\u00c9",
    "NFD": "CAFE\u0301",
    "RTL": "12\u202e",
    "zero-width": "1\u200b2",
    "a formula": "=HYPERLINK(1)",
    "a date": "2026-03",
}


@pytest.mark.parametrize("name", SKUS)
def test_sku_stays_the_text_that_it_was(land: Land, name: str) -> None:
    """No two of them are one article, none becomes a number or a date, none is trimmed."""
    sku = SKUS[name]
    lines = [{"id": 5, "sku": sku, "price": "19.90", "quantity": 1}]
    message = land.give("orders/create", order(900, line_items=lines))
    (back,) = land.give_day(day(till(1, sku=sku)))
    land.work()
    (sold,) = land.objects(message, "sales_order")
    assert sold["lines"][0]["item"]["sku"] == sku
    (returned,) = land.objects(back, "return_order")
    assert returned["lines"][0]["item"]["source_item_id"] == sku
    land.assert_nothing_lost()


@pytest.mark.parametrize("sku", [12, 1e5, True, ["12"]], ids=repr)
def test_sku_that_is_no_text_is_not_made_one(land: Land, sku: Any) -> None:
    lines = [{"id": 5, "sku": sku, "price": "19.90", "quantity": 1}]
    message = land.give("orders/create", order(900, line_items=lines))
    land.work()
    assert land.ending(message) == ("dead_lettered", "contract_violation")
    assert "/line_items/0/sku must be null, string" in land.letter(message)[1]


def test_unicode_nfc_and_nfd_of_one_sku_are_told_apart(land: Land) -> None:
    """One refund told twice with another spelling: once paid, and the difference for a person."""

    def told(sku: str) -> Any:
        item = {"id": 1, "sku": sku}
        return refund(2, refund_line_items=[line(1, "10.00", "1.90", line_item=item)])

    first = land.give("refunds/create", told("CAF\u00c9"))
    second = land.give("refunds/create", told("CAFE\u0301"))
    land.work()
    assert land.ending(first) == ("routed", "")
    assert land.ending(second) == ("conflict", "conflict")
    assert first in land.letter(second)[1]
    assert land.books.postings == {posting(2): "11.90 EUR"}
    land.assert_nothing_lost()


@pytest.mark.parametrize("version", ["2031-01", "unstable", ""])
def test_future_schema_version_with_the_same_shape(land: Land, version: str) -> None:
    message = land.give("refunds/create", refund(2), x_shopify_api_version=version)
    land.work()
    assert land.ending(message) == ("routed", "")


# --- the tills: local time, no zone --------------------------------------------------------------

TILL_REFUSED = {
    "DST gap": ({"at": "2026-03-29T02:30:00"}, "transform_failed", "change of clocks skips"),
    "24:00": ({"at": "2026-03-02T24:00:00"}, "transform_failed", "hour 24"),
    ":60 seconds": ({"at": "2026-03-02T23:59:60"}, "transform_failed", "leap seconds"),
    "30 February": ({"at": "2026-02-30T10:00:00"}, "transform_failed", "no such date"),
    "a German date": ({"at": "02.03.2026 10:00"}, "contract_violation", "/ReceiptDateTime"),
    "day with a zone": ({"day": "2026-03-02Z"}, "contract_violation", "/BusinessDayDate"),
    "day that is none": ({"day": "2026-02-30"}, "contract_violation", "/BusinessDayDate"),
    "amount with a comma": ({"amount": "4,50"}, "contract_violation", "ActualSalesUnitPrice"),
    "half a cent": ({"amount": "4.505"}, "transform_failed", "more decimal places"),
    "half a yen": ({"amount": "450.5", "currency": "JPY"}, "transform_failed", "decimal places"),
}


@pytest.mark.parametrize("name", TILL_REFUSED)
def test_till_refused(land: Land, name: str) -> None:
    """One record of a day is wrong: it is a dead letter by itself, the day goes on."""
    changed, reason, said = TILL_REFUSED[name]
    first, bad, last = land.give_day(day(till(1), till(2, **changed), till(3)))
    land.work()
    assert land.ending(bad) == ("dead_lettered", reason)
    assert said in land.letter(bad)[1]
    assert [land.ending(one)[0] for one in (first, last)] == ["routed", "routed"]
    assert land.books.postings == {
        "cash/100-7-2026-03-02-1-2/succeeded": "4.50 EUR",
        "cash/100-7-2026-03-02-3-2/succeeded": "4.50 EUR",
    }
    land.assert_nothing_lost()


TILL_TAKEN = {
    "tz-less day close": (
        {"at": "2026-03-02T23:59:59.999"},
        "2026-03-02T22:59:59.999Z",
        "4.50 EUR",
    ),
    "after midnight": ({"at": "2026-03-03T00:30:00"}, "2026-03-02T23:30:00Z", "4.50 EUR"),
    "DST hour that comes twice: its first": (
        {"at": "2026-10-25T02:30:00"},
        "2026-10-25T00:30:00Z",
        "4.50 EUR",
    ),
    "an offset of its own": (
        {"at": "2026-10-25T02:30:00+01:00"},
        "2026-10-25T01:30:00Z",
        "4.50 EUR",
    ),
    "yen with three zeros": (
        {"amount": "1200.000", "currency": "JPY"},
        "2026-03-02T13:11:12Z",
        "1200 JPY",
    ),
    "three-decimal currency (KWD)": (
        {"amount": "1.234", "currency": "KWD"},
        "2026-03-02T13:11:12Z",
        "1.234 KWD",
    ),
}


@pytest.mark.parametrize("name", TILL_TAKEN)
def test_till_taken(land: Land, name: str) -> None:
    """The instant in UTC; the business day is the till's, whatever the clock says."""
    changed, instant, paid = TILL_TAKEN[name]
    (message,) = land.give_day(day(till(1, **changed)))
    land.work()
    (returned,) = land.objects(message, "return_order")
    assert (returned["requested_at"], returned["business_date"]) == (instant, "2026-03-02")
    assert list(land.books.postings.values()) == [paid]
    land.assert_nothing_lost()


def test_level_minus_zero_is_zero(land: Land) -> None:
    body = encode(level()).replace(b'"available": 3', b'"available": -0')
    message = land.give("inventory_levels/update", body)
    land.work()
    (adjustment,) = land.objects(message, "inventory_adjustment")
    assert adjustment["lines"][0]["quantity"] == {"value": "0", "unit": "EA"}
