"""Owns: the business of a day, made from a seed, and what must come of it in the end.
Imports: the standard library.
Never: repeats a number that has to be unique; uses floats for money.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import Any

SHOP = "outdoor-eu.example.com"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One delivery: the same bytes and headers each time it is sent."""

    kind: str
    event: str
    body: bytes
    #: deliveries with one key are sent one after the other, each when the one before was taken
    key: str = ""
    #: texts of the journals that come of it, in their order
    posts: tuple[str, ...] = ()


@dataclass(slots=True)
class Expected:
    """What must be found at the far sides, each exactly once."""

    #: text of a journal -> cents
    postings: dict[str, int] = field(default_factory=dict)
    #: number of a return
    returns: list[str] = field(default_factory=list)
    #: number of a sale -> cents
    sales: dict[str, int] = field(default_factory=dict)
    #: records of the day files, by file name
    records: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Day:
    """Everything that is sent: webhooks in order, day files by name, and the outcome."""

    orders: tuple[dict[str, Any], ...]
    webhooks: list[Webhook]
    files: dict[str, bytes]
    expected: Expected


#: how many of a hundred webhooks are of a kind
MIX = {"refund": 42, "return": 18, "order": 18, "level": 14, "repeat": 8}


def make_day(
    seed: int, messages: int, files: int, mix: Mapping[str, int] = MappingProxyType(MIX)
) -> Day:
    """Return a day of `messages` records: webhooks, and day files of 25 transactions each."""
    random = Random(seed)
    expected = Expected()
    orders = tuple(_shop_order(number) for number in range(40))
    hooks: list[Webhook] = []
    per_file = 25
    kinds = list(mix)
    weights = list(mix.values())
    makers = {"refund": _refund, "return": _return, "order": _order, "level": _level}
    for index in range(messages - files * per_file):
        kind = random.choices(kinds, weights)[0]
        if kind == "repeat" and len(hooks) > 50:
            hooks.append(_repeated(random, hooks, index))
            continue
        maker = makers.get(kind, _refund)
        hooks.append(maker(random, index, expected))
    days = {
        f"day-{number:03d}.xml": _day_file(random, number, per_file, expected)
        for number in range(files)
    }
    for name in days:
        expected.records[name] = per_file
    return Day(orders=orders, webhooks=hooks, files=days, expected=expected)


def money(cents: int) -> str:
    """Return cents as an amount."""
    return f"{cents // 100}.{cents % 100:02d}"


def _repeated(random: Random, hooks: list[Webhook], index: int) -> Webhook:
    """Return an exact resend, or (one in four) the same event under another id."""
    earlier = random.choice(hooks)
    if random.random() < 0.25:
        return replace(earlier, event=f"again-{index}")
    return earlier


def disturbed(random: Random, hooks: list[Webhook], twice: float, late: float) -> list[Webhook]:
    """Return the deliveries with a share of them sent again soon, and a share sent too late.

    A late one comes up to forty places behind: behind later ones of its key, too.
    """
    places: list[tuple[float, Webhook]] = []
    for place, hook in enumerate(hooks):
        off = random.uniform(1, 40) if random.random() < late else 0.0
        places.append((place + off, hook))
        if random.random() < twice:
            places.append((place + random.choice((0.5, random.uniform(0.5, 60))), hook))
    return [hook for _, hook in sorted(places, key=lambda pair: pair[0])]


def _set(cents: int) -> dict[str, Any]:
    both = {"amount": money(cents), "currency_code": "EUR"}
    return {"shop_money": both, "presentment_money": both}


def _refund(random: Random, index: int, expected: Expected) -> Webhook:
    """A refund in one, two or (seldom) no transactions, which seldom add up from their lines."""
    net, tax = random.randint(100, 30_000), random.randint(1, 3_000)
    count = random.choice((1, 1, 2, 2, 2, 0))
    total = net + tax + random.choice((0, 0, 0, 37))
    parts = [total] if count == 1 else [total // 3, total - total // 3][:count]
    number, order = 5_000_000 + index, 700_000 + index % 911
    transactions, posts = [], []
    for place, cents in enumerate(parts):
        reference = number * 10 + place
        posts.append(f"shopify_payments/{reference}/succeeded")
        expected.postings[posts[-1]] = cents
        transactions.append(_transaction(reference, number, cents))
    body = {
        "id": number,
        "order_id": order,
        "created_at": "2026-03-02T10:15:30+01:00",
        "processed_at": "2026-03-02T10:15:31+01:00",
        "note": f"note {index}",
        "refund_line_items": [_refunded_line(random, number, (net, tax))],
        "transactions": transactions,
        "order_adjustments": [],
    }
    raw = json.dumps(body).encode()
    return Webhook("refunds/create", f"e{index}", raw, f"order {order}", tuple(posts))


def _transaction(reference: int, order: int, cents: int) -> dict[str, Any]:
    return {
        "id": reference,
        "order_id": order,
        "kind": "refund",
        "gateway": "shopify_payments",
        "status": "success",
        "amount": money(cents),
        "currency": "EUR",
        "processed_at": "2026-03-02T10:15:31+01:00",
        "parent_id": 1,
    }


def _refunded_line(random: Random, number: int, cents: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": number,
        "line_item_id": 900 + random.randint(1, 90),
        "quantity": random.randint(1, 3),
        "restock_type": random.choice(("return", "no_restock")),
        "location_id": 12,
        "subtotal_set": _set(cents[0]),
        "total_tax_set": _set(cents[1]),
        "line_item": {"id": 900, "sku": "BOOT-41"},
    }


def _return(random: Random, index: int, expected: Expected) -> Webhook:
    order = random.randrange(40)
    number = f"#{order}-R{index}"
    expected.returns.append(number)
    body = {
        "id": 8_000_000 + index,
        "name": number,
        "status": "requested",
        "order": {"id": 400_000 + order},
        "return_line_items": [
            {
                "id": 8_000_000 + index,
                "quantity": 1,
                "return_reason": random.choice(("unwanted", "defective", "size_too_small")),
                "fulfillment_line_item": {"line_item": {"id": 410_000 + order}},
            }
        ],
    }
    return Webhook("returns/request", f"e{index}", json.dumps(body).encode())


def _shop_order(number: int) -> dict[str, Any]:
    return {
        "id": 400_000 + number,
        "name": f"#{number}",
        "currency": "EUR",
        "created_at": "2026-02-20T11:02:33+01:00",
        "total_price": "19.90",
        "line_items": [{"id": 410_000 + number, "sku": "BOOT-41", "price": "19.90", "quantity": 1}],
    }


def _order(random: Random, index: int, expected: Expected) -> Webhook:
    cents = random.randint(100, 90_000)
    number = f"#W{index}"
    expected.sales[number] = cents
    body = {
        "id": 6_000_000 + index,
        "name": number,
        "currency": "EUR",
        "created_at": "2026-03-02T23:59:59+01:00",
        "total_price": money(cents),
        "total_tax": money(cents // 7),
        "taxes_included": True,
        "line_items": [{"id": index + 1, "sku": "BOOT-41", "price": money(cents), "quantity": 1}],
    }
    return Webhook("orders/create", f"e{index}", json.dumps(body).encode())


def _level(random: Random, index: int, expected: Expected) -> Webhook:
    del expected  # stock has no far side here: only its state is looked at
    hour, minute, second = index // 3600 % 24, index // 60 % 60, index % 60
    body = {
        "inventory_item_id": random.randint(1, 60),
        "location_id": 12,
        "available": random.choice((None, random.randint(-3, 900))),
        "updated_at": f"2026-03-02T{hour:02d}:{minute:02d}:{second:02d}Z",
    }
    return Webhook("inventory_levels/update", f"e{index}", json.dumps(body).encode())


def _day_file(random: Random, number: int, count: int, expected: Expected) -> bytes:
    made = [_till(random, number * 1000 + index, expected) for index in range(count)]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" '
        'xmlns:fu="http://www.futura4retail.com/pos/namespace/" MajorVersion="6">'
        + "".join(made)
        + "</POSLog>"
    ).encode()


def _till(random: Random, sequence: int, expected: Expected) -> str:
    """One transaction of a till: a sale, or a return that is paid out in cash."""
    cents = random.randint(100, 20_000)
    back = random.random() < 0.4
    receipt = f"100-7-2026-03-02-{sequence}"
    if back:
        expected.postings[f"cash/{receipt}-2/succeeded"] = cents
        expected.returns.append(receipt)
    else:
        expected.sales[receipt] = cents
    sign, mode, tender = ("-", "RETOUR", "Refund") if back else ("", "MODE_NORMAL", "Sale")
    tax = cents // 6
    amount, net = f"{money(cents)}0", f"{money(cents - tax)}0"
    return f"""<Transaction>
<BusinessUnit><UnitID>100</UnitID></BusinessUnit><WorkstationID TypeCode="POS">7</WorkstationID>
<SequenceNumber>{sequence}</SequenceNumber><ReceiptDateTime>2026-03-02T14:11:12.214</ReceiptDateTime>
<RetailTransaction>
<LineItem><Sale><ItemID>4022847518216</ItemID>
<ActualSalesUnitPrice Currency="EUR">{amount}</ActualSalesUnitPrice>
<ExtendedAmount Currency="EUR">{amount}</ExtendedAmount>
<Quantity UnitOfMeasureCode="EA">{sign}1.0000</Quantity><fu:SalesMode>{mode}</fu:SalesMode>
</Sale><SequenceNumber>1</SequenceNumber></LineItem>
<LineItem><Tender TenderType="Cash" TypeCode="{tender}"><Amount Currency="EUR">{amount}</Amount>
</Tender><SequenceNumber>2</SequenceNumber></LineItem>
<Total TotalType="TransactionNetAmount" CurrencyCode="EUR">{sign}{net}</Total>
<Total TotalType="TransactionTaxAmount" CurrencyCode="EUR">{sign}{money(tax)}0</Total>
<Total TotalType="TransactionGrossAmount" CurrencyCode="EUR">{sign}{amount}</Total>
</RetailTransaction><BusinessDayDate>2026-03-02</BusinessDayDate></Transaction>"""
