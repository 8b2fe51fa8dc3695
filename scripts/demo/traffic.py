"""The demonstration's traffic: a web day of webhooks and a store day of POSLog files.

Every number is made from its position, so that what must come of it can be counted beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from returns import shop_return

#: orders that the stand-in of the shop knows: routes/sandboxes/orders.json
ORDERS = [6120045519000 + n for n in range(12)]
#: an order with one refund: its trace is short
ALONE = 6120045518827


@dataclass(frozen=True)
class Webhook:
    """One delivery of the web shop."""

    topic: str
    event: str
    body: Any
    shop: str = "outdoor.example.com"


@dataclass
class Day:
    """What is sent, and what must come of it at the systems."""

    webhooks: list[Webhook] = field(default_factory=list)
    postings: int = 0
    sales: int = 0
    returns: int = 0
    #: words that a trace can be asked for: a refund with its order
    refund_order: str = ""


def web_day() -> Day:
    """Return a web day: orders, returns, refunds, levels; resends, a conflict, a stranger."""
    day = Day()
    for n in range(24):
        day.webhooks.append(Webhook("orders/create", f"order-{n}", _order(n)))
        day.sales += 1
    for n, order in enumerate(ORDERS):
        for topic, status in (("returns/request", "requested"), ("returns/approve", "open")):
            day.webhooks.append(Webhook(topic, f"{status}-{n}", _return(n, order, status)))
            day.returns += 1
    for n in range(40):
        order = ALONE if n == 20 else ORDERS[n % len(ORDERS)]
        body = _refund(n, order, movements=1 + n % 2)
        day.webhooks.append(Webhook("refunds/create", f"refund-{n}", body))
        day.postings += len(body["transactions"])
    day.refund_order = str(ALONE)
    for n in range(20):
        day.webhooks.append(Webhook("inventory_levels/update", f"level-{n}", _level(n)))
    # the second shop leaves its returns to us
    eu = "outdoor-eu.example.com"
    day.webhooks.append(Webhook("returns/approve", "returned-eu", shop_return(), shop=eu))
    day.returns += 1
    # the shop sends again what it has sent before: same events, then one event with another amount
    day.webhooks += day.webhooks[48:64]
    other = _refund(3, ORDERS[3], movements=2)
    other["transactions"][0]["amount"] = "999.00"
    day.webhooks.append(Webhook("refunds/create", "refund-3-again", other))
    # a level that is older than the last one, kinds without business meaning, and an unknown one
    day.webhooks.append(Webhook("inventory_levels/update", "level-old", _level(19, hour=1)))
    for n in range(5):
        day.webhooks.append(Webhook("fulfillments/create", f"parcel-{n}", {"id": n}))
    day.webhooks.append(Webhook("planets/aligned", "odd-1", {"id": 1}))
    return day


def store_day(day: Day) -> dict[str, str]:
    """Return the POSLog files of a store day by name; counts go into `day`."""
    files = {}
    for unit in ("100", "200"):
        transactions = []
        for n in range(1, 41):
            if n % 8 == 0:
                transactions.append(_pos_return(unit, n))
                day.postings += 1
                day.returns += 1
            else:
                transactions.append(_pos_sale(unit, n))
                day.sales += 1
        files[f"day-{unit}.xml"] = _poslog(transactions)
    # the first store sends its day again with one more sale: only that one is new
    again = [
        _pos_return(unit, n) if n % 8 == 0 else _pos_sale("100", n)
        for n in range(1, 42)
        for unit in ("100",)
    ]
    day.sales += 1
    files["day-100-complete.xml"] = _poslog(again)
    return files


def _money(amount: str) -> dict[str, dict[str, str]]:
    value = {"amount": amount, "currency_code": "USD"}
    return {"shop_money": value, "presentment_money": value}


def _order(n: int) -> dict[str, Any]:
    price = f"{20 + n}.50"
    return {
        "id": 7100000000000 + n,
        "name": f"#{4001 + n}",
        "currency": "USD",
        "created_at": "2026-03-14T10:30:00-04:00",
        "total_price": price,
        "total_tax": "1.50",
        "line_items": [
            {
                "id": 7200000000000 + n,
                "sku": f"SOCK-{n}",
                "price": price,
                "quantity": 1,
                "tax_lines": [],
            }
        ],
    }


def _return(n: int, order: int, status: str) -> dict[str, Any]:
    return {
        "id": 8100000000 + n,
        "status": status,
        "name": f"#{3001 + n}-R1",
        "order": {"id": order},
        "return_line_items": [
            {
                "id": 8200000000 + n,
                "quantity": 1,
                "return_reason": "size_too_small",
                "return_reason_note": "",
                "customer_note": None,
                "fulfillment_line_item": {"id": 1, "line_item": {"id": order * 10}},
            }
        ],
    }


def _refund(n: int, order: int, movements: int) -> dict[str, Any]:
    """A refund of 30.00 and 2.40 tax; with two movements, 20.00 and 12.40."""
    amounts = ["32.40"] if movements == 1 else ["20.00", "12.40"]
    return {
        "id": 9100000000 + n,
        "order_id": order,
        "created_at": "2026-03-14T16:05:00-04:00",
        "processed_at": "2026-03-14T16:05:00-04:00",
        "return": {"id": 8100000000 + n % 12},
        "order_adjustments": [],
        "refund_line_items": [
            {
                "id": 9200000000 + n,
                "line_item_id": order * 10,
                "quantity": 1,
                "restock_type": "return" if n % 3 else "no_restock",
                "location_id": 44,
                "subtotal_set": _money("30.00"),
                "total_tax_set": _money("2.40"),
                "line_item": {"id": order * 10, "sku": f"SOCK-{n}"},
            }
        ],
        "transactions": [
            {
                "id": 9300000000 + n * 10 + k,
                "kind": "refund",
                "gateway": "card",
                "status": "success",
                "amount": amount,
                "currency": "USD",
                "parent_id": 5500 + n,
                "processed_at": "2026-03-14T16:05:02-04:00",
            }
            for k, amount in enumerate(amounts)
        ],
    }


def _level(n: int, hour: int = 12) -> dict[str, Any]:
    return {
        "inventory_item_id": 600 + n % 20,
        "location_id": 44,
        "available": 10 + n,
        "updated_at": f"2026-03-14T{hour:02d}:{n:02d}:00-04:00",
    }


def _poslog(transactions: list[str]) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/"'
        ' xmlns:fu="http://www.futura4retail.com/pos/namespace/">'
        + "".join(transactions)
        + "</POSLog>\n"
    )


def _pos_sale(unit: str, n: int) -> str:
    return _transaction(unit, n, _line(n, "MODE_NORMAL", "1.0000", ""), ("Sale", ""))


def _pos_return(unit: str, n: int) -> str:
    link = (
        f"<TransactionLink><TransactionID>{n - 1}</TransactionID>"
        f"<BusinessUnit>{unit}</BusinessUnit><WorkstationID>1</WorkstationID>"
        f"<BusinessDayDate><Date>2026-03-14</Date></BusinessDayDate>"
        f"<SequenceNumber>{n - 1}</SequenceNumber>"
        f"<LineItemSequenceNumber>1</LineItemSequenceNumber></TransactionLink>"
    )
    return _transaction(unit, n, _line(n, "RETOUR", "-1.0000", link), ("Refund", "-"))


def _line(n: int, mode: str, quantity: str, link: str) -> str:
    return f"""<Sale><ItemID>40228475{n:05d}</ItemID>
<ActualSalesUnitPrice Currency="EUR">11.900</ActualSalesUnitPrice>
<ExtendedAmount Currency="EUR">11.900</ExtendedAmount>
<Quantity UnitOfMeasureCode="EA">{quantity}</Quantity>{link}
<fu:SalesMode>{mode}</fu:SalesMode></Sale>"""


def _transaction(unit: str, n: int, line: str, kind: tuple[str, str]) -> str:
    tender, sign = kind
    return f"""
<Transaction>
<BusinessUnit><UnitID>{unit}</UnitID></BusinessUnit><WorkstationID>1</WorkstationID>
<SequenceNumber>{n}</SequenceNumber>
<POSLogDateTime>2026-03-14T{9 + n // 6:02d}:{n % 60:02d}:00</POSLogDateTime>
<RetailTransaction>
<LineItem>{line}<SequenceNumber>1</SequenceNumber></LineItem>
<LineItem><Tender TenderType="Cash" TypeCode="{tender}">
<Amount Currency="EUR">11.900</Amount></Tender><SequenceNumber>2</SequenceNumber></LineItem>
<Total TotalType="TransactionNetAmount" CurrencyCode="EUR">{sign}10.000</Total>
<Total TotalType="TransactionTaxAmount" CurrencyCode="EUR">{sign}1.900</Total>
<Total TotalType="TransactionGrossAmount" CurrencyCode="EUR">{sign}11.900</Total>
</RetailTransaction><BusinessDayDate>2026-03-14</BusinessDayDate></Transaction>"""
