"""Keys of drafted objects: movements that share an id have keys of their own, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.config.contracts import Contracts, load_contracts
from router.config.drafts.channel import ChannelDraft, ChannelWish, Landscape, draft_channel
from router.config.drafts.kinds import Sample
from router.config.drafts.matching import filled_of, todos_of
from router.core.diagnostics import Report

MONEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["amount", "currency"],
    "properties": {
        "amount": {"type": "string", "maxLength": 24, "pattern": "^-?[0-9]{1,18}(\\.[0-9]{1,4})?$"},
        "currency": {"type": "string", "maxLength": 3, "pattern": "^[A-Z]{3}$"},
    },
}


def movements() -> Contracts:
    """Return contracts with one object, `movement`, known by the reference inside `paid`."""
    text = {"type": "string", "minLength": 1, "maxLength": 255}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:contract:movement:1.0.0",
        "type": "object",
        "required": ["paid", "amount"],
        "properties": {
            "paid": {
                "type": "object",
                "required": ["reference"],
                "properties": {"reference": {**text, "x-also-called": ["trade_reference"]}},
            },
            "amount": MONEY,
        },
    }
    head = "contract: movement\nowner: us\nversions: {1.0.0: {status: active}}\n"
    report = Report()
    made = load_contracts(
        {
            "contracts/movement/contract.yaml": f"{head}keys: [paid.reference]\n",
            "contracts/movement/1.0.0.json": json.dumps(schema),
        },
        report,
    )
    assert report.found == []
    return made


def drafted(*rows: dict[str, Any]) -> ChannelDraft:
    """Return the draft of a channel whose samples are these rows."""
    records = tuple({"currency": "EUR", "balance": 0.5, **row} for row in rows)
    sample = Sample(file="rows.json", data=b"", records=records)
    land = Landscape(contracts=movements(), tables={}, policy="patient")
    wish = ChannelWish(
        name="shelf", samples=[sample], kind="=body.type", objects={"": "movement"}, records="body"
    )
    return draft_channel(wish, land)


def references(draft: ChannelDraft) -> dict[str, str]:
    """Return what fills the reference of each kind, or nothing."""
    return {one.kind: dict(filled_of(one.fields)).get("paid.reference") for one in draft.kinds}  # type: ignore[misc]


def row(kind: str, trade: str, amount: float, **more: Any) -> dict[str, Any]:
    """Return a row."""
    return {"type": kind, "trade_id": trade, "amount": amount, **more}


def texts(draft: ChannelDraft) -> dict[str, str]:
    """Return the text that fills the reference of each kind, empty where it is left to write."""
    found = references(draft)
    return {kind: getattr(value, "text", "") for kind, value in found.items()}


def test_amounts_of_two_kinds_with_one_id_get_keys_of_their_own() -> None:
    draft = drafted(row("goods", "1123", 30.5), row("carriage", "1123", 4.5))
    assert texts(draft) == {
        "goods": "=join_text(['goods', body.trade_id], '/')",
        "carriage": "=join_text(['carriage', body.trade_id], '/')",
    }


def test_one_thing_told_in_two_kinds_keeps_one_key() -> None:
    draft = drafted(row("opened", "1123", 30.5), row("closed", "1123", 30.5))
    assert texts(draft) == dict.fromkeys(("opened", "closed"), "=body.trade_id")


def test_where_samples_do_not_show_it_the_author_says_it() -> None:
    draft = drafted(row("goods", "1123", 30.5), row("carriage", "1124", 4.5))
    assert texts(draft) == {"goods": "", "carriage": ""}
    [(path, todo)] = todos_of(draft.kinds[0].fields)
    assert path == "paid.reference"
    assert todo.candidates == ("body.trade_id", "join_text(['goods', body.trade_id], '/')")
    text = draft.files["transforms/shelf/goods.yaml"].decode()
    assert "left to write: paid.reference (goods, carriage fill it alike" in text


def test_two_messages_of_a_kind_that_share_an_id_leave_the_key_to_the_author() -> None:
    rows = (row("goods", "1123", amount, id=n) for n, amount in enumerate((30.5, 7.5)))
    draft = drafted(*rows)
    assert texts(draft) == {"goods": ""}
    [(_, todo)] = todos_of(draft.kinds[0].fields)
    assert todo.note == "two samples of goods share it"


def test_an_id_named_after_the_kind_goes_into_identity_and_key() -> None:
    one = {"type": "reclaim", "trade_id": "1123", "reclaim_id": "7", "amount": 1.5}
    [kind] = drafted(one).kinds
    assert [part.path for part in kind.identity.parts] == ["body.trade_id", "body.reclaim_id"]
    assert dict(filled_of(kind.fields))["paid.reference"].text == (
        "=join_text([body.trade_id, body.reclaim_id], '/')"
    )


@pytest.mark.parametrize(("updated", "taken"), [((1, 2), True), ((1, 1), False)])
def test_an_identity_that_two_samples_share_is_left_to_write(
    updated: tuple[int, int], *, taken: bool
) -> None:
    rows = [
        row("goods", "1123", 1.5 * n, revision=revision)
        for n, revision in enumerate(updated, start=1)
    ]
    [kind] = drafted(*rows).kinds
    assert bool(kind.identity.parts) is taken
    refused = "" if taken else "two different samples share body.trade_id"
    assert kind.identity.refused == refused
    assert bool(list(todos_of(kind.fields))) is not taken


def test_an_id_that_a_key_needs_is_null_in_no_contract_of_it() -> None:
    draft = drafted(
        row("reclaim", "1123", 1.5, reclaim_id="7"), row("sale", "1124", 2.5, reclaim_id=None)
    )
    assert [one.accepts for one in draft.kinds] == ["shelf/reclaim", "shelf/sale"]
    schema = json.loads(draft.files["contracts/shelf/reclaim/1.0.0.json"])
    assert schema["properties"]["reclaim_id"]["type"] == "string"
