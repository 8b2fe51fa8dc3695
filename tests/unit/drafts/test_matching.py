"""Matching: names, shapes, money and time in every form, and what is left to the author."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from router.config.annotations import is_filling
from router.config.contracts import Contracts, load_contracts
from router.config.drafts.bounds import bounded
from router.config.drafts.goals import whole
from router.config.drafts.identity import Identity, compared, identity_of
from router.config.drafts.inference import infer
from router.config.drafts.matching import Fields, Matcher, filled_of, todos_of
from router.config.drafts.names import likeness, plain_name, words_of
from router.config.drafts.offers import Facts
from router.config.drafts.sources import scope_of
from router.config.transforms.tables import Table
from router.core.diagnostics import Place, Report

MONEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["amount", "currency"],
    "properties": {
        "amount": {
            "type": "string",
            "maxLength": 24,
            "pattern": "^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?$",
        },
        "currency": {"type": "string", "maxLength": 3, "pattern": "^[A-Z]{3}$"},
    },
}
PIECES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["value", "unit"],
    "properties": {
        "value": {"type": "string", "maxLength": 26, "pattern": "^(0|-?[1-9][0-9]{0,17})$"},
        "unit": {"type": "string", "maxLength": 4},
    },
}
TEXT = {"type": "string", "maxLength": 64}
TIME = {"type": "string", "format": "date-time"}


def contracts_with(properties: Mapping[str, Any], required: list[str]) -> Contracts:
    """Return contracts with one object, `box`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:contract:box:1.0.0",
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }
    text = "contract: box\nowner: us\nversions:\n  1.0.0: {status: active}\nkeys: []\n"
    report = Report()
    made = load_contracts(
        {"contracts/box/contract.yaml": text, "contracts/box/1.0.0.json": json.dumps(schema)},
        report,
    )
    assert report.found == []
    return made


def fill(
    properties: Mapping[str, Any],
    *samples: Any,
    required: list[str] | None = None,
    facts: Facts | None = None,
) -> Fields:
    """Return the object `box` filled from samples; every field is required by default."""
    made = contracts_with(properties, list(properties) if required is None else required)
    schema = made.versions["box"]["1.0.0"].schema
    matcher = Matcher(made.by_urn, facts or Facts(channel="own"))
    return matcher.fields(whole(schema, made.by_urn, "box"), scope_of(samples, "body", ("box",)))


def texts(made: Fields) -> dict[str, str]:
    """Return the written fields with their texts."""
    return {path: value.text for path, value in filled_of(made)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("returnOrderLines", ("return", "order", "line")),
        ("LOT_ID", ("lot", "id")),
        ("addresses-2", ("addresse", "2")),
        ("status", ("status",)),
    ],
)
def test_names_have_words_in_any_writing(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("one", "nearer", "farther"),
    [
        ("order_id", "order_number", "order_status"),
        ("box_id", "boxID", "shelf_id"),
        ("box_id", "box_reference", "box_type"),
    ],
)
def test_names_are_alike_by_what_they_say(one: str, nearer: str, farther: str) -> None:
    near, far = (likeness(words_of(one), words_of(other)) for other in (nearer, farther))
    assert near > far


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Inventory Change", "inventory_change"),
        ("refunds/create", "refunds_create"),
        ("OrderPaid", "order_paid"),
        ("42", "kind_42"),
    ],
)
def test_any_kind_gets_a_name_of_the_language(text: str, name: str) -> None:
    assert plain_name(text) == name


@pytest.mark.parametrize(
    ("sample", "expression"),
    [
        ({"price": {"amount": "19.90", "currency": "EUR"}}, "=body.price"),
        ({"price": {"value": 19.9, "iso": "EUR"}}, "=money(body.price.value, body.price.iso)"),
        ({"price": "19.90", "currency": "EUR"}, "=money(body.price, body.currency)"),
        ({"price": 1990, "currency": "eur"}, "=minor(body.price, upper(body.currency))"),
        ({"price_cents": 1990, "currency": "EUR"}, "=minor(body.price_cents, body.currency)"),
        ({"price": 20, "fee": 0.5, "currency": "EUR"}, "=money(body.price, body.currency)"),
        ({"price": "-19.90", "currency": "EUR"}, "=absolute(money(body.price, body.currency))"),
    ],
)  # fmt: skip
def test_money_in_each_of_its_forms(sample: Any, expression: str) -> None:
    money = {**MONEY, "x-also-called": ["price_cents"]}
    assert texts(fill({"price": money}, sample)) == {"price": expression}


def test_an_amount_without_a_currency_is_left_to_the_author() -> None:
    made = fill({"price": MONEY, "id": TEXT}, {"price": "19.90", "id": "a"})
    assert [path for path, _ in todos_of(made)] == ["price"]


@pytest.mark.parametrize(
    "sample",
    [{"price": {"amount": 1990, "iso": "EUR"}}, {"price": {"amount": -1990, "iso": "EUR"}}],
)
def test_whole_amounts_of_which_nothing_tells_the_unit_are_left_to_the_author(sample: Any) -> None:
    made = fill({"price": MONEY}, sample)
    [(path, todo)] = todos_of(made)
    functions = [one.removeprefix("absolute(").partition("(")[0] for one in todo.candidates]
    assert (path, functions, texts(made)) == ("price", ["minor", "money"], {})


def test_a_sender_that_writes_points_elsewhere_writes_units_here_too() -> None:
    facts = Facts(channel="own", points=True)
    made = fill({"price": MONEY}, {"price": 1990, "currency": "EUR"}, facts=facts)
    assert texts(made) == {"price": "=money(body.price, body.currency)"}
    value = dict(filled_of(made))["price"]
    assert value.score < 0.9
    assert "else minor()" in value.note


@pytest.mark.parametrize(
    ("sample", "first", "second"),
    [
        ({"price_debited": 0.5, "price_credited": 0}, "price_credited", "price_debited"),
        ({"price": {"credit": 0, "debit": 1.5}}, "price.credit", "price.debit"),
        ({"price_credited": 5.5, "price": 1.5}, "price", ""),
    ],
)
def test_amounts_in_two_columns_are_read_together(sample: Any, first: str, second: str) -> None:
    made = fill({"price": MONEY}, {**sample, "currency": "EUR"})
    one, other = (f"money(body.{name}, body.currency)" for name in (first, second))
    assert texts(made) == {"price": f"=absolute(subtract({one}, {other}))" if second else f"={one}"}
    assert ("two columns" in dict(filled_of(made))["price"].note) == bool(second)


def test_a_column_that_can_be_absent_counts_as_nothing() -> None:
    samples = [
        {"price_credit": 5.5, "price_debit": None, "currency": "EUR"},
        {"price_credit": None, "price_debit": 1.25, "currency": "EUR"},
    ]
    assert texts(fill({"price": MONEY}, *samples)) == {
        "price": "=absolute(subtract(money(first_of(body.price_credit, `0`), body.currency), "
        "money(first_of(body.price_debit, `0`), body.currency)))"
    }


def test_both_columns_of_an_amount_are_compared_and_amounts_go_first() -> None:
    names = ("shelf", "bay", "note")
    properties = {**dict.fromkeys(names, TEXT), "price": MONEY}
    sample = {"price_debited": 0.5, "price_credited": 0, "currency": "EUR"}
    made = fill(properties, {**dict.fromkeys(names, "a"), **sample})
    held = compared(made, Identity())
    assert held == ("body.price_credited", "body.price_debited", "body.shelf", "body.bay")


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        ("2026-03-02T09:12:00+01:00", "=instant(body.seen_at)"),
        ("2026-03-02T09:12:00+0100", "=instant(body.seen_at)"),
        (1709677800, "=epoch(body.seen_at, 's')"),
        (1709677800500, "=epoch(body.seen_at, 'ms')"),
        ("1709677800", "=epoch(body.seen_at, 's')"),
        ("/Date(1709677800500)/", "=odata_date(body.seen_at)"),
    ],
)
def test_a_time_in_each_of_its_forms(value: Any, expression: str) -> None:
    assert texts(fill({"seen_at": TIME}, {"seen_at": value})) == {"seen_at": expression}


def test_a_local_time_wants_its_zone_from_the_author() -> None:
    [(path, todo)] = todos_of(fill({"seen_at": TIME}, {"seen_at": "2026-03-02T09:12:00"}))
    assert (path, todo.candidates) == ("seen_at", ("instant(body.seen_at, 'ZONE')",))


def test_a_local_time_beside_one_that_says_utc_is_not_taken() -> None:
    made = fill(
        {"seen_at": TIME}, {"seen_at": "2026-03-02T09:12:00", "seen_at_gmt": "2026-03-02T08:12:00"}
    )
    assert texts(made) == {"seen_at": "=instant(body.seen_at_gmt, 'UTC')"}


@pytest.mark.parametrize(
    ("value", "expression"),
    [("2026-03-02", "=body.day"), ("20260302", "=edi_date(body.day)")],
)
def test_a_date_in_each_of_its_forms(value: str, expression: str) -> None:
    assert texts(fill({"day": {"type": "string", "format": "date"}}, {"day": value})) == {
        "day": expression
    }


def test_a_date_of_an_instant_wants_the_zone() -> None:
    made = fill({"day": {"type": "string", "format": "date"}}, {"day": "2026-03-02T23:30:00Z"})
    [(_, todo)] = todos_of(made)
    assert todo.candidates == ("business_date(instant(body.day), 'ZONE')",)


def test_ids_become_text_quantities_get_a_unit_that_is_told() -> None:
    made = fill({"box_id": TEXT, "pieces": PIECES}, {"boxId": 17, "pieces": -3})
    assert texts(made) == {"box_id": "=text(body.boxId)", "pieces": "=quantity(body.pieces, 'EA')"}
    assert "assumption" in dict(filled_of(made))["pieces"].note


def test_other_names_come_from_the_contract() -> None:
    shelf = {**TEXT, "x-also-called": ["bay"]}
    assert texts(fill({"shelf": TEXT}, {"bay": "a"})) == {}
    assert texts(fill({"shelf": shelf}, {"bay": "a"})) == {"shelf": "=body.bay"}


def test_values_that_the_field_refuses_are_not_taken() -> None:
    code = {"type": "string", "maxLength": 3, "pattern": "^[A-Z]{3}$"}
    assert texts(fill({"code": code}, {"code": "abcd"})) == {}
    assert texts(fill({"code": code}, {"code": "abc"})) == {"code": "=upper(body.code)"}


def test_the_channel_and_the_identity_fill_what_the_contract_says() -> None:
    properties = {
        "channel": {**TEXT, "x-filled-with": "channel"},
        "source_id": {**TEXT, "x-filled-with": "identity"},
        "id": {**TEXT, "x-filled-with": "nothing"},
        "type": {**TEXT, "x-filled-with": {"text": "box"}},
    }
    sample = {"id": "x", "source_id": "y", "channel": "z"}
    made = fill(properties, sample, required=[], facts=Facts(channel="own", identity="body.id"))
    always = {"channel": "own", "type": "box"}
    assert texts(made) == {**always, "source_id": "=body.id"}
    assert texts(fill(properties, sample, required=[])) == always


@pytest.mark.parametrize(
    ("value", "fine"),
    [("channel", True), ("nothing", True), ({"text": "box"}, True), ({"text": 1}, False),
     ({"text": "a", "more": 1}, False), ("sender", False), (None, False), ([], False)],
)  # fmt: skip
def test_a_contract_says_in_few_words_what_fills_a_field(value: Any, fine: bool) -> None:
    assert is_filling(value) is fine


def line_of(required: list[str]) -> dict[str, Any]:
    """Return a list of lines."""
    return {
        "type": "array",
        "maxItems": 10,
        "x-also-called": ["items"],
        "items": {
            "type": "object",
            "required": required,
            "properties": {"shade": TEXT, "pieces": PIECES, "price": MONEY},
        },
    }


def test_a_list_of_objects_is_gone_through_with_the_currency_around_it() -> None:
    sample = {"currency": "EUR", "items": [{"shade": "a", "pieces": 1, "price": "2.00"}]}
    made = fill({"lines": line_of(["shade", "pieces", "price"])}, sample)
    assert texts(made) == {
        "lines[].shade": "=item.shade",
        "lines[].pieces": "=quantity(item.pieces, 'EA')",
        "lines[].price": "=money(item.price, body.currency)",
    }
    assert dict(made.entries)["lines"].each == "=body.items"  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "kind"), [("price", "number"), ("price_cents", "integer")])
def test_a_contract_takes_the_amounts_that_its_map_reads(name: str, kind: str) -> None:
    lines = line_of(["price"])
    lines["items"]["properties"]["price"] = {**MONEY, "x-also-called": [name]}
    sample = {"currency": "EUR", "items": [{name: 2}]}
    made = fill({"lines": lines}, sample, facts=Facts(channel="own", points=True))
    schema = infer([sample])
    bounded(schema, made, words=True)
    assert schema["properties"]["items"]["items"]["properties"][name]["type"] == kind


def test_one_or_a_list_goes_through_as_list() -> None:
    made = fill(
        {"lines": line_of(["shade"])}, {"items": {"shade": "a"}}, {"items": [{"shade": "b"}]}
    )
    assert dict(made.entries)["lines"].each == "=as_list(body.items)"  # type: ignore[union-attr]


def test_a_message_about_one_thing_is_a_list_of_one() -> None:
    made = fill({"lines": line_of(["shade", "pieces"])}, {"shade": "a", "pieces": 2})
    assert dict(made.entries)["lines"].each == ""  # type: ignore[union-attr]
    assert texts(made)["lines[].shade"] == "=body.shade"


def test_what_is_missing_is_named_down_to_its_field() -> None:
    made = fill({"lines": line_of(["shade", "pieces"])}, {"items": [{"shade": "a"}]})
    assert [path for path, _ in todos_of(made)] == ["lines[].pieces"]


def test_a_leaf_fills_one_optional_field_only() -> None:
    also = {**TEXT, "x-also-called": ["name"]}
    made = fill({"title": also, "name": TEXT, "label": also}, {"name": "a"}, required=[])
    assert texts(made) == {"name": "=body.name"}


def test_two_objects_that_read_the_same_are_left_to_the_author() -> None:
    place = {"type": "object", "properties": {"code": {**TEXT, "x-also-called": ["bay_code"]}}}
    made = fill({"from": place, "to": place}, {"bay_code": "B1"}, required=[])
    assert texts(made) == {}
    assert [one.names for one in made.unsure] == [("from", "to")]


def test_a_field_that_is_sometimes_null_is_known_as_such() -> None:
    made = fill({"name": TEXT}, {"name": 1}, {"name": None}, required=[])
    leaf = dict(filled_of(made))["name"].leaf
    assert leaf is not None
    assert not leaf.always


def test_words_are_taken_as_they_are_lowered_or_looked_up() -> None:
    table = Table(
        name="moods",
        place=Place("t"),
        columns=("channel", "code"),
        rows={("other", "x"): "good", ("other", "y"): {"not": "a word"}},
        has_default=True,
        default="bad",
        source="",
    )
    mood = {"type": "string", "enum": ["good", "bad"]}
    good = Table(
        name="moods", place=Place("t"), columns=("channel", "code"), rows={("other", "x"): "good"},
        has_default=True, default="bad", source="",
    )  # fmt: skip
    assert texts(fill({"mood": mood}, {"mood": "good"})) == {"mood": "=body.mood"}
    assert texts(fill({"mood": mood}, {"mood": "GOOD"})) == {"mood": "=lower(body.mood)"}
    facts = Facts(channel="own", tables={"moods": good})
    assert texts(fill({"mood": mood}, {"mood": "fine"}, facts=facts)) == {
        "mood": "=lookup('moods', 'own', body.mood)"
    }
    facts = Facts(channel="own", tables={"moods": table})
    assert texts(fill({"mood": mood}, {"mood": "fine"}, facts=facts)) == {}


def test_names_that_jmespath_must_quote_are_quoted() -> None:
    assert texts(fill({"box_id": TEXT}, {"box-id": "a"})) == {"box_id": '=body."box-id"'}


@pytest.mark.parametrize(
    ("sample", "parts"),
    [
        ({"id": 1, "box_id": 2}, ["body.id"]),
        ({"boxId": 1, "shelf_id": 3}, ["body.boxId"]),
        ({"id": None, "box_number": "a"}, ["body.box_number"]),
        ({"shelf": "s", "amount": 3}, []),
        ({"name": "a", "at": "2026-03-02T09:12:00Z"}, ["body.name", "body.at"]),
    ],
)
def test_an_identity_is_an_id_of_its_own_or_composed(sample: Any, parts: list[str]) -> None:
    made = contracts_with({"name": TEXT, "note": TEXT}, [])
    goal = whole(made.versions["box"]["1.0.0"].schema, made.by_urn, "box")
    tools = (Matcher(made.by_urn, Facts(channel="own")), made.by_urn)
    found = identity_of(goal, (), scope_of([sample], "body", ("box",)), tools)
    assert [one.path for one in found.parts] == parts
    assert found.composed == (len(parts) != 1)


def test_a_version_orders_states_where_there_is_one() -> None:
    made = contracts_with({"name": TEXT}, [])
    goal = whole(made.versions["box"]["1.0.0"].schema, made.by_urn, "box")
    tools = (Matcher(made.by_urn, Facts(channel="own")), made.by_urn)
    sample = {"id": 1, "updated_at": "2026-03-02T09:12:00Z"}
    assert identity_of(goal, (), scope_of([sample], "body"), tools).version == "body.updated_at"
