"""The demonstration's returns: lives of `retail_return`, one of each ending, and a batch.

Each says what must come of it: its label, and what systems have to be asked for, to the cent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypedDict, Unpack

#: what was asked for: the stand-in's collection, the return, an amount or a lot
Effect = tuple[str, str, str]
#: when something is said: before the router is killed, after it, when all has settled, and when the
#: books are closed
BEFORE, AFTER, SETTLED, CLOSED = range(4)
#: returns that show nothing but that there are many
MANY, ORDINARY = 24, "ordinary"
#: a sale of the second web shop, in routes/sandboxes/orders.json
SALE, SALE_LINE, ARTICLE = 6120045518900, 15310077442190, "COAT-WOOL-NAVY-M"


@dataclass(frozen=True)
class Said:
    """Something that one of our own applications says of a return."""

    when: int
    event: str
    body: Mapping[str, Any]


@dataclass
class Return:
    """A return: what is said of it, its label in the end, all that systems must be asked for."""

    key: str
    about: str
    label: str
    said: list[Said] = field(default_factory=list)
    effects: Counter[Effect] = field(default_factory=Counter)

    def say(self, when: int, event: str, **body: Any) -> Return:
        """Add something that is said."""
        self.said.append(Said(when, event, {"return_id": self.key, **body}))
        return self

    def come(self, lot: str, pieces: int, when: int = BEFORE, line: str = "l1") -> Return:
        """Let goods come back, as new: the warehouse counts them, and looks at them later."""
        told = {"lot_id": lot, "line_id": line}
        self.say(when, "lots.received", version=1, lots=[{**told, "quantity": _pieces(pieces)}])
        judged = {**told, "grade": "A", "accepted": True}
        return self.say(max(when, AFTER), "lots.inspected", version=2, lots=[judged])

    def expect(self, *effects: tuple[str, str]) -> Return:
        """Add what systems must be asked for: a collection, with an amount or a lot."""
        self.effects.update((name, self.key, detail) for name, detail in effects)
        return self

    def expect_refund(self, amount: str, worth: str, way: str = "refunds") -> Return:
        """Add what lot A asks for when it is restocked and paid back."""
        self.expect(("movements", "A/in"), (way, amount), ("adjustments", "A"))
        return self.expect(("journals", f"refund {amount}"), ("journals", f"stock {worth}"))


def returns() -> list[Return]:
    """Return all returns of the demonstration."""
    return [*_paid(), *_open(), *_undone(), *(_ordinary(n) for n in range(MANY))]


def _paid() -> Iterator[Return]:
    """Yield those that come to their end."""
    made = asked("R-REFUND", "two pieces come back and are paid", "closed", quantity=2)
    yield made.come("A", 2).expect_refund("47.60", "18.00")
    made = asked("R-EXCHANGE", "another one is sent instead", "closed", resolution="exchange")
    made.come("A", 1).expect(("movements", "A/in"), ("exchanges", "A"), ("journals", "stock 9.00"))
    yield made
    about = "an exchange, but there is none: it is paid"
    made = asked("R-RARE", about, "closed", resolution="exchange", sku="RARE")
    yield made.come("A", 1).expect_refund("23.80", "9.00")
    about = "the card is closed: store credit"
    made = asked("R-CREDIT", about, "closed", order_id="CLOSED-1")
    yield made.come("A", 1).expect_refund("23.80", "9.00", way="credits")
    yield _of_the_shop()


def _open() -> Iterator[Return]:
    """Yield those that wait for something."""
    about = "one of two pieces has come: it waits"
    made = asked("R-PARTLY", about, "partly_received", quantity=2)
    yield made.come("A", 1).expect_refund("23.80", "9.00")
    about = "more than 500.00: a person is asked"
    made = asked("R-APPROVAL", about, "inventory_adjusted", price="600.00")
    yield made.come("A", 1).expect(("movements", "A/in"))
    about = "the account is blocked: a person goes on"
    made = asked("R-ATTENTION", about, "attention", order_id="BLOCKED-1")
    yield made.come("A", 1).expect(("movements", "A/in"))
    about = "was closed, then one piece too many came"
    made = asked("R-LATE", about, "inventory_adjusted")
    made.come("A", 1).expect_refund("23.80", "9.00")
    yield made.come("B", 1, CLOSED).expect(("movements", "B/in"))


def _undone() -> Iterator[Return]:
    """Yield those of which nothing comes, or what was done is taken back."""
    about = "a final sale: the order system says no"
    yield asked("R-REJECTED", about, "rejected", order_id="FINAL-1")
    made = asked("R-CANCELLED", "the customer keeps it after all", "cancelled")
    yield made.say(SETTLED, "return.cancelled", reason="changed_mind").expect(("voids", ""))
    about = "a fraud, told after the restock: it is taken back"
    made = asked("R-VOIDED", about, "voided", price="700.00").come("A", 1)
    made.say(SETTLED, "fraud.noticed", reason="stolen_card")
    yield made.expect(("movements", "A/in"), ("movements", "A/out"), ("voids", ""))


def _of_the_shop() -> Return:
    """Return one that the second web shop tells.

    Its prices hold the tax: 130.00 with 19 percent in it is 109.24 and 20.76.
    """
    made = Return("shopify/#2099-R1", "the web shop has told it", "closed")
    made.expect(("validations", ""), ("rmas", ""))
    return made.come("A", 1, AFTER, ARTICLE).expect_refund("130.00", "109.24")


def shop_return() -> dict[str, Any]:
    """Return the shop's own document of it."""
    line: dict[str, Any] = {"id": 8299, "quantity": 1, "return_reason": "defective"}
    line |= {"fulfillment_line_item": {"id": 1, "line_item": {"id": SALE_LINE}}}
    head = {"id": 8199, "status": "open", "name": "#2099-R1", "order": {"id": SALE}}
    return {**head, "return_line_items": [line]}


def _ordinary(n: int) -> Return:
    """Return one of the batch: up to three pieces of a price of its own."""
    pieces, price = 1 + n % 3, Decimal(20 + n)
    whole = (price + _tax(price)) * pieces
    made = asked(f"R-{n + 1:03d}", ORDINARY, "closed", quantity=pieces, price=f"{price}.00")
    return made.come("A", pieces, n % 2).expect_refund(f"{whole:.2f}", f"{9 * pieces}.00")


class Terms(TypedDict, total=False):
    """What is asked for: one piece at 20.00 that is to be paid back, unless it says otherwise."""

    quantity: int
    price: str
    sku: str
    order_id: str
    resolution: str


def asked(key: str, about: str, label: str, **terms: Unpack[Terms]) -> Return:
    """Return a return that was asked for at the portal; the tax on its price is 19 percent."""
    price, resolution = terms.get("price", "20.00"), terms.get("resolution", "refund")
    line = {"line_id": "l1", "item": {"sku": terms.get("sku", "COAT")}}
    line |= {"quantity": _pieces(terms.get("quantity", 1)), "unit_price": _euro(price)}
    line |= {"unit_tax": _euro(str(_tax(Decimal(price)))), "unit_cost": _euro("9.00")}
    head = {"version": 1, "channel": "portal", "region": "de", "source": "own_shop"}
    head |= {"kind": "exchange" if resolution == "exchange" else "return"}
    head |= {"resolution": resolution, "refund_timing": "on_inspection"}
    head |= {"order_id": terms.get("order_id", f"61-{key}"), "sold_on": "2026-02-20"}
    head |= {"company": "2000", "currency": "EUR"}
    made = Return(key, about, label).say(BEFORE, "return.requested", **head, lines=[line])
    return made if label == "rejected" else made.expect(("validations", ""), ("rmas", ""))


def found(kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> Counter[Effect]:
    """Return what systems were asked for by returns, by what their stand-ins keep."""
    seen: Counter[Effect] = Counter()
    for name in ("validations", "rmas", "voids", "unexchanged"):
        seen.update((name, one["return_id"], "") for one in kept[name])
    seen.update(("exchanges", one["return_id"], one["part_id"]) for one in kept["exchanges"])
    for name in ("refunds", "credits", "charges"):
        seen.update((name, one["return_id"], one["amount"]["amount"]) for one in kept[name])
    seen.update(_moved(one["source_id"]) for one in kept["movements"])
    for one in kept["adjustments"]:
        key, _, lot = one["adjustment_id"].rpartition("/")
        seen["adjustments", key, lot] += 1
    seen.update(_posted(one) for one in kept["journals"] if is_of_returns(one))
    for name in ("confirmations", "claims"):
        seen.update((name, str(one.get("return_id")), "") for one in kept[name])
    return seen


def is_of_returns(journal: Mapping[str, Any]) -> bool:
    """Return whether the workflow of returns has posted it."""
    return str(journal["text"]).startswith(("refund/", "stock/"))


def _moved(source: str) -> Effect:
    """Return what a movement of stock is: `return/R-1/A/in`."""
    key, lot, way = source.removeprefix("return/").rsplit("/", 2)
    return "movements", key, f"{lot}/{way}"


def _posted(journal: Mapping[str, Any]) -> Effect:
    """Return what a posting is: `refund/R-1/A`, with the sum of its debits."""
    kind, rest = str(journal["text"]).split("/", 1)
    debits = [Decimal(one["amount"]) for one in journal["lines"] if one["side"] == "D"]
    return "journals", rest.rpartition("/")[0], f"{kind} {sum(debits)}"


def _tax(price: Decimal) -> Decimal:
    return (price * 19 / 100).quantize(Decimal("0.01"))


def _euro(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def _pieces(number: int) -> dict[str, str]:
    return {"value": str(number), "unit": "EA"}
