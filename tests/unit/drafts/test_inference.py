"""The schema of samples: it takes every sample, says what is known, and gives no value away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config.drafts.elements import shaped
from router.config.drafts.inference import contract_schema, infer
from router.config.validation import registry_of, validator_over
from router.infra.codecs import decode_xml, shape_by

_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "2026-03-02T09:12:00Z",
            "2026-02-31T00:00:00Z",
            "2026-03-02",
            "19.90",
            "EUR",
            "open",
            "a@b.co",
        ]
    ),
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**15), 10**15), st.floats(-1e9, 1e9), _TEXTS
)
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["id", "amount", "currency", "lines", "at"]), inner, max_size=4
        ),
    ),
    max_leaves=12,
)
_SAMPLES = st.lists(
    st.dictionaries(st.sampled_from(["id", "amount", "currency", "lines"]), _DOCUMENTS, max_size=4),
    min_size=1,
    max_size=4,
)


def accepts(schema: Any, document: Any) -> bool:
    """Return whether the engine of the hot path takes a document."""
    return bool(validator_over(schema, registry_of([])).is_valid(document))


@settings(max_examples=150, deadline=None)
@given(_SAMPLES)
def test_every_sample_fits_the_schema_made_of_it(samples: list[Any]) -> None:
    schema = contract_schema("own/kind", "a doc", samples)
    assert [one for one in samples if not accepts(schema, one)] == []


def test_what_is_always_there_is_required_and_null_is_said() -> None:
    made = infer([{"id": 1, "note": None}, {"id": 2, "note": "x", "more": True}])
    assert made["required"] == ["id", "note"]
    assert made["properties"]["note"]["type"] == ["string", "null"]
    assert made["properties"]["more"] == {"type": "boolean"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["2026-03-02T09:12:00Z", "2026-03-02T09:12:00.5+01:00"], {"format": "date-time"}),
        (["2026-03-02"], {"format": "date"}),
        (["4b2c1a5e-0d3f-4a8b-9c7d-1e2f3a4b5c6d"], {"format": "uuid"}),
        (["ann@example.org"], {"maxLength": 255, "x-pii": "contact"}),
        (["19.90", "-3.5"], {"maxLength": 26, "pattern": "^[+-]?[0-9]{1,18}(\\.[0-9]{1,6})?$"}),
        (["x" * 40], {"maxLength": 255}),
    ],
)
def test_a_text_is_bounded_by_its_form(values: list[str], said: dict[str, Any]) -> None:
    assert infer(values) == {"type": "string", **said}


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (["2026-03-02T09:12:00"], "without offset"),
        (["/Date(1709677800500)/"], "OData"),
        ([1709677800, 1709677900], "Seconds"),
        ([1709677800500], "Milliseconds"),
        (["20240305"], "CCYYMMDD"),
    ],
)
def test_other_forms_of_time_are_told(values: list[Any], word: str) -> None:
    assert word in infer(values)["description"]


def test_a_day_that_is_not_in_the_calendar_is_no_date() -> None:
    assert infer(["2026-02-31"]) == {"type": "string", "maxLength": 64}


def test_few_values_that_come_again_are_words_others_are_not_written_down() -> None:
    assert infer(["open", "closed"] * 12)["enum"] == ["closed", "open"]
    assert infer(["open", "closed"] * 3, name="orderState")["enum"] == ["closed", "open"]
    for values in (["open", "closed"], ["open"] * 30, [f"s{n}" for n in range(9)] * 6):
        assert "enum" not in infer(values, name="state")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("offer_sku", ["S2056", "S2062"] * 30),
        ("category_code", ["SHOES", "BALLS"] * 30),
        ("article_id", ["lamp", "chair"] * 30),
        ("shade", ["red", "blue"] * 3),
    ],
)
def test_names_of_goods_are_no_words_of_a_list(name: str, values: list[str]) -> None:
    made = infer([{name: one} for one in values])
    assert made["properties"][name] == {"type": "string", "maxLength": 64}


@pytest.mark.parametrize(
    ("amount", "name", "kind"),
    [
        (40, "amount_credited", "number"),
        (0, "balance", "number"),
        (19.5, "price", "number"),
        (2001, "shop_id", "integer"),
        (230190, "invoice_number", "integer"),
        (2, "quantity", "integer"),
        (3, "qty_in_totes", "integer"),
        ("1123", "refund_id", "string"),
        ("11", "offer_state", "string"),
        ("20561", "article", "string"),
    ],
)
def test_only_amounts_get_what_an_amount_gets(amount: Any, name: str, kind: str) -> None:
    made = infer([{name: amount, "currency": "EUR"}])["properties"][name]
    assert made["type"] == kind
    assert ("amount" in made.get("description", "")) is (kind == "number")
    assert "pattern" not in made


def test_a_whole_field_is_a_number_where_its_namesake_has_a_point() -> None:
    tax = {"fee": {"sum": 0, "n": 1}, "charge": {"sum": 7.5, "n": 2}, "old": {"sum": None}}
    made = contract_schema("own/kind", "a doc", [tax, {**tax, "old": {"sum": 1}}])
    held = {name: one["properties"] for name, one in made["properties"].items()}
    assert held["fee"] == {"sum": {"type": "number"}, "n": {"type": "integer"}}
    assert held["old"]["sum"]["type"] == ["number", "null"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("currency_iso_code", "EUR", {"maxLength": 3, "pattern": "^[A-Z]{3}$"}),
        ("currencyUnit", "usd", {"maxLength": 3, "pattern": "^[A-Za-z]{3}$"}),
        ("region", "USD", {"maxLength": 64}),
    ],
)
def test_a_currency_is_three_letters(name: str, value: str, said: dict[str, Any]) -> None:
    assert infer([{name: value}])["properties"][name] == {"type": "string", **said}


def test_no_value_of_a_sample_stands_in_the_schema() -> None:
    samples = [{"name": "Ann Example", "total": 19.5, "at": "2026-03-02T09:12:00Z", "n": 4711}]
    text = json.dumps(contract_schema("own/kind", "a doc", samples))
    assert [one for one in ("Ann", "19.5", "2026-03-02", "4711") if one in text] == []


def test_one_or_a_list_of_them_is_noticed() -> None:
    made = infer([{"line": {"n": 1}}, {"line": [{"n": 1}, {"n": 2}]}])
    line = made["properties"]["line"]
    assert line["type"] == ["array", "object"]
    assert "as_list()" in line["description"]
    assert line["items"]["properties"] == line["properties"] == {"n": {"type": "integer"}}


@pytest.mark.parametrize(
    ("held", "bound"), [(0, 100), (9, 100), (10, 100), (11, 1000), (250, 10000)]
)
def test_a_list_has_a_bound_well_above_what_was_seen(held: int, bound: int) -> None:
    assert infer([[1] * held])["maxItems"] == bound


@pytest.mark.parametrize(
    ("amount", "told"), [(1990, "minor units"), ("19.90", "decimal text"), (19.9, "as a number")]
)
def test_an_amount_beside_a_currency_is_described(amount: Any, told: str) -> None:
    made = infer([{"amount": amount, "currency": "EUR"}])
    assert told in made["properties"]["amount"]["description"]
    assert "description" not in made["properties"]["currency"]


@pytest.mark.parametrize(
    ("name", "told"),
    [("customerOrderId", False), ("order_number", False), ("orderDate", True), ("sent", True)],
)
def test_digits_of_an_id_are_no_time(name: str, told: bool) -> None:
    made = infer([{name: "1709677800500"}])
    assert ("Milliseconds" in made["properties"][name].get("description", "")) == told


@pytest.mark.parametrize(
    ("name", "tagged"),
    [
        ("firstName", True),
        ("shipping_phone", True),
        ("address1", True),
        ("productName", False),
        ("carrier_name", False),
        ("state", False),
    ],
)
def test_what_names_a_person_is_tagged(name: str, tagged: bool) -> None:
    assert ("x-pii" in infer([{name: "Example"}])["properties"][name]) == tagged


def test_an_object_stays_open() -> None:
    assert "additionalProperties" not in json.dumps(infer([{"a": {"b": [{"c": 1}]}}]))


@pytest.mark.parametrize(
    "texts",
    [
        ["<feed><item n='1'><sku>A</sku></item><item n='2'><sku>B</sku></item></feed>"],
        ["<feed><head><v>1</v></head><item><sku>A</sku></item></feed>", "<feed><item/></feed>"],
        ["<a><b>x</b><b>y</b></a>", "<a><b>z</b></a>"],
        ["<a unit='kg'>5</a>"],
    ],
)
def test_xml_is_shaped_as_its_contract_will_shape_it(texts: list[str]) -> None:
    raw = [decode_xml(one.encode()) for one in texts]
    made = shaped(raw)
    schema = contract_schema("own/feed", "a doc", made)
    assert [shape_by(one, schema, lambda _: {}) for one in raw] == made
    assert [one for one in made if not accepts(schema, one)] == []
