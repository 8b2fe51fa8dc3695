"""What an event moves in our balance at a marketplace, our books move in clearing, to the cent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.config.project import Project, load_project
from router.infra.secrets import ProcessSecrets
from router.runtime.installed import installed_adapters
from router.runtime.rehearsal import Rehearsal, Script, rehearse
from router.runtime.wiring import open_adapters

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHARGES = ("Principal", "Tax", "ShippingCharge", "ShippingTax", "RestockingFee", "Goodwill", "New")
FEES = ("Commission", "RefundCommission", "FBAPerUnitFulfillmentFee")


@cache
def project() -> Project:
    """The shipped landscape, loaded once."""
    found, findings = load_project(ROOT, installed_adapters())
    assert not findings
    return found


def walked(event: dict[str, Any]) -> Rehearsal:
    """Return what comes of a page with one refund."""
    landscape = project()
    script = Script(
        env={},
        answers={},
        adapters=open_adapters(landscape, landscape.environments["test"], ProcessSecrets({}, None)),
        at=NOW,
    )
    page = {"payload": {"FinancialEvents": {"RefundEventList": [event]}}}
    channel = landscape.channels["amazon_finances"]
    return rehearse(landscape, channel, {}, json.dumps(page).encode(), script)


def money(cents: int) -> dict[str, Any]:
    """Return an amount as the marketplace writes it: a number."""
    return {"CurrencyCode": "USD", "CurrencyAmount": cents / 100}


def charged(kind: str, cents: int) -> dict[str, Any]:
    """Return a charge."""
    return {"ChargeType": kind, "ChargeAmount": money(cents)}


AMOUNT = st.integers(-99_999, 99_999)
CHARGE = st.builds(charged, st.sampled_from(CHARGES), AMOUNT)
FEE = st.builds(
    lambda kind, cents: {"FeeType": kind, "FeeAmount": money(cents)}, st.sampled_from(FEES), AMOUNT
)
PROMOTION = st.builds(lambda cents: {"PromotionAmount": money(cents)}, AMOUNT)
WITHHELD = st.builds(
    lambda some: {
        "TaxCollectionModel": "MarketplaceFacilitator",
        "TaxesWithheld": [charged("MarketplaceFacilitatorTax-Principal", one) for one in some],
    },
    st.lists(AMOUNT, max_size=2),
)
ITEM = st.fixed_dictionaries(
    {
        "OrderItemId": st.sampled_from(["oi-1", "oi-2"]),
        "OrderAdjustmentItemId": st.sampled_from(["adj-1", "adj-2", "adj-3"]),
        "ItemChargeAdjustmentList": st.lists(CHARGE, max_size=4),
    },
    optional={
        "ItemFeeAdjustmentList": st.lists(FEE, max_size=3),
        "ItemTaxWithheldList": st.lists(WITHHELD, max_size=2),
        "PromotionAdjustmentList": st.lists(PROMOTION, max_size=2),
    },
)
EVENT = st.fixed_dictionaries(
    {
        "AmazonOrderId": st.just("701-1"),
        "MarketplaceName": st.just("Amazon.com"),
        "PostedDate": st.just("2026-03-02T06:30:00Z"),
        "ShipmentItemAdjustmentList": st.lists(ITEM, min_size=1, max_size=3),
    },
    optional={
        "OrderChargeAdjustmentList": st.lists(CHARGE, max_size=2),
        "OrderFeeAdjustmentList": st.lists(FEE, max_size=2),
        "ShipmentFeeAdjustmentList": st.lists(FEE, max_size=2),
    },
)


def amounts_in(value: Any) -> Decimal:
    """Return the sum of every amount, wherever it stands: the balance moves by all of them."""
    if isinstance(value, list):
        return sum((amounts_in(one) for one in value), Decimal(0))
    if not isinstance(value, dict):
        return Decimal(0)
    if "CurrencyAmount" in value:
        return Decimal(str(value["CurrencyAmount"]))
    return sum((amounts_in(one) for one in value.values()), Decimal(0))


def booked(made: Rehearsal) -> Decimal:
    """Return what the books move in clearing, debits above zero."""
    sums = Decimal(0)
    for one in made.produced:
        if one["object"].startswith("financial_posting@"):
            for line in one["payload"]["lines"]:
                if line["account_role"] == "clearing":
                    amount = Decimal(line["amount"]["amount"])
                    sums += amount if line["side"] == "debit" else -amount
    return sums


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENT)
def test_the_books_move_by_what_the_balance_moves_by(event: dict[str, Any]) -> None:
    made = walked(event)
    outcome = made.outcomes[0]
    if outcome["outcome"] == "dead_lettered":  # nothing went to the customer: no rule as yet
        charges = [
            *[one["ItemChargeAdjustmentList"] for one in event["ShipmentItemAdjustmentList"]],
            *[one.get("PromotionAdjustmentList") for one in event["ShipmentItemAdjustmentList"]],
            event.get("OrderChargeAdjustmentList"),
        ]
        assert amounts_in(charges) >= 0
        assert outcome["reason"] == "contract_violation"
        assert not made.produced
        return
    refund = next(one["payload"] for one in made.produced if one["object"].startswith("refund"))
    assert Decimal(refund["extensions"]["amazon"]["balance"]["amount"]) == amounts_in(event)
    assert "dead letter" not in [stage.title for stage in made.stages]
    assert booked(made) == amounts_in(event)
