"""Owns: bodies as the shop and the tills write them, and the ways to spoil them.
Imports: the standard library.
Never: uses floats for money.
"""

from __future__ import annotations

from typing import Any

from tests.bad.land import PRIVATE, encode


def both(amount: str, currency: str = "EUR") -> dict[str, Any]:
    """Return an amount in the shop's and in the customer's currency."""
    one = {"amount": amount, "currency_code": currency}
    return {"shop_money": one, "presentment_money": one}


def line(number: int, net: str, tax: str, currency: str = "EUR", **more: Any) -> dict[str, Any]:
    """Return a line of a refund."""
    made = {
        "id": number,
        "line_item_id": number + 1000,
        "quantity": 1,
        "restock_type": "no_restock",
        "subtotal_set": both(net, currency),
        "total_tax_set": both(tax, currency),
    }
    return {**made, **more}


def refund(number: int, amount: str = "11.90", currency: str = "EUR", **more: Any) -> Any:
    """Return a refund of one line, net 10.00 and tax 1.90 unless `refund_line_items` says more."""
    made = {
        "id": number,
        "order_id": 700_000 + number,
        "created_at": "2026-03-02T10:15:30+01:00",
        "note": PRIVATE,
        "refund_line_items": [line(1, "10.00", "1.90", currency)],
        "transactions": [
            {
                "id": number * 10,
                "kind": "refund",
                "gateway": "shopify_payments",
                "status": "success",
                "amount": amount,
                "currency": currency,
            }
        ],
    }
    return {**made, **more}


def posting(number: int) -> str:
    """Return the text under which the ledger holds a refund."""
    return f"shopify_payments/{number * 10}/succeeded"


def spoiled(number: int, before: str, after: str) -> bytes:
    """Return a refund with a piece of its text replaced."""
    text = encode(refund(number)).decode()
    assert before in text
    return text.replace(before, after, 1).encode("utf-8", "surrogatepass")


def order(number: int, **more: Any) -> dict[str, Any]:
    """Return an order of one line."""
    made = {
        "id": number,
        "name": f"#{number}",
        "currency": "EUR",
        "created_at": "2026-03-02T10:15:30+01:00",
        "total_price": "19.90",
        "email": f"{PRIVATE}@example.org",
        "line_items": [{"id": number + 1, "sku": "BOOT-41", "price": "19.90", "quantity": 1}],
    }
    return {**made, **more}


def level(**more: Any) -> dict[str, Any]:
    """Return a level of stock."""
    made = {
        "inventory_item_id": 1,
        "location_id": 12,
        "available": 3,
        "updated_at": "2026-03-02T10:15:30Z",
    }
    return {**made, **more}


def till(sequence: int, at: str = "2026-03-02T14:11:12", **more: str) -> str:
    """Return a cash return of a till; `more` replaces sku, cents, currency, day."""
    sku, amount = more.get("sku", "4022847518216"), more.get("amount", "4.500")
    currency, day = more.get("currency", "EUR"), more.get("day", "2026-03-02")
    return f"""<Transaction><BusinessUnit><UnitID>100</UnitID></BusinessUnit>
<WorkstationID TypeCode="POS">7</WorkstationID><SequenceNumber>{sequence}</SequenceNumber>
<ReceiptDateTime>{at}</ReceiptDateTime><RetailTransaction>
<LineItem><Sale><ItemID>{sku}</ItemID>
<ActualSalesUnitPrice Currency="{currency}">{amount}</ActualSalesUnitPrice>
<ExtendedAmount Currency="{currency}">{amount}</ExtendedAmount>
<Quantity UnitOfMeasureCode="EA">-1.0000</Quantity><fu:SalesMode>RETOUR</fu:SalesMode></Sale>
<SequenceNumber>1</SequenceNumber></LineItem>
<LineItem><Tender TenderType="Cash" TypeCode="Refund">
<Amount Currency="{currency}">{amount}</Amount></Tender>
<SequenceNumber>2</SequenceNumber></LineItem>
<Total TotalType="TransactionGrossAmount" CurrencyCode="{currency}">-{amount}</Total>
<Customer><CustomerID>{PRIVATE}</CustomerID></Customer></RetailTransaction>
<BusinessDayDate>{day}</BusinessDayDate></Transaction>"""


def day(*transactions: str) -> bytes:
    """Return a file of the tills."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" '
        'xmlns:fu="http://www.futura4retail.com/pos/namespace/" MajorVersion="6">'
    )
    return (head + "".join(transactions) + "</POSLog>").encode()
