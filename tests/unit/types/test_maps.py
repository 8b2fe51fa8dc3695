"""What is told of a map before a message comes, and what is not: no false alarm is allowed."""

from __future__ import annotations

from typing import Any

import pytest

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
WHOLE = {"type": "integer"}
LINES = {"type": "array", "items": {"type": "object", "properties": {"sku": TEXT, "n": WHOLE}}}
FULL = {"type": "array", "minItems": 1, "items": {"type": "string"}}
WORDS = {"enum": ["x", "y"]}
MONEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["amount", "currency"],
    "properties": {"amount": TEXT, "currency": TEXT},
}
#: an object that has one of two fields
EITHER = {
    "properties": {"old": TEXT, "new": TEXT},
    "anyOf": [{"required": ["old"]}, {"required": ["new"]}],
}
#: objects that `id` tells apart
SEGMENTS = {
    "type": "array",
    "contains": {"properties": {"id": {"const": "H"}}},
    "items": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": TEXT},
        "allOf": [
            {
                "if": {"properties": {"id": {"const": "H"}}},
                "then": {"required": ["h1"], "properties": {"h1": TEXT}},
            },
            {
                "if": {"properties": {"id": {"const": "L"}}},
                "then": {"required": ["l1"], "properties": {"l1": WHOLE}},
            },
        ],
    },
}


def sure(**properties: Any) -> dict[str, Any]:
    """Return an object all of whose fields are there."""
    return {"type": "object", "required": list(properties), "properties": properties}


SOUND = {
    "a literal": ("a: x", {}, TEXT),
    "an optional field for an optional one": ("a: =body.t", {"t": TEXT}, TEXT),
    "null is left out": ("a: =body.t", {"t": TEXT_OR_NULL}, TEXT),
    "a whole number is a number": ("a: =body.n", {"n": WHOLE}, {"type": "number"}),
    "a schema that says nothing": ("a: =body.anything.at.all", {"anything": {}}, TEXT),
    "a field of an object without fields": ("a: =body.o.x", {"o": {"type": "object"}}, TEXT),
    "known texts within the list": ("a: =body.w", {"w": WORDS}, {"enum": ["x", "y", "z"]}),
    "texts in capitals": ("a: =upper(body.w)", sure(w=WORDS), {"enum": ["X", "Y"]}),
    "a list of a projection": (
        "a: =body.lines[].sku",
        {"lines": LINES},
        {"type": "array", "items": TEXT},
    ),
    "the items of a list that may be one object": (
        "a: {each: =as_list(body.o), map: =item.sku}",
        {"o": {"type": "object", "properties": {"sku": TEXT}}},
        {"type": "array", "items": TEXT},
    ),
    "money as money": ("a: \"=money('1', 'EUR')\"", {}, MONEY),
    "a sum of money": (
        "a: \"=total(body.lines[?sku].{amount: sku, currency: 'EUR'}, 'EUR')\"",
        sure(lines=LINES),
        MONEY,
    ),
    "one of several objects": (
        "a: =body.o.kind",
        {"o": {"oneOf": [{"type": "object", "properties": {"kind": TEXT}}, {"type": "null"}]}},
        TEXT,
    ),
    "a pattern of names": (
        "a: =body.o.x1",
        {"o": {"type": "object", "properties": {}, "patternProperties": {"^x": TEXT}}},
        TEXT,
    ),
    "a function without types": ('a: "=at(`[1, 2]`, body.n)"', sure(n=WHOLE), {}),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_right_is_not_told(check: Any, name: str) -> None:
    text, body, wanted = SOUND[name]
    assert check(text, body, {"a": wanted}) == []


NEEDED = {
    "a guard": ("a: {if: =body.t, map: {b: =body.t}}", {"t": TEXT}),
    "a guard over a path": (
        "a: {if: =body.o.t, map: {b: =body.o.t}}",
        {"o": {"type": "object", "properties": {"t": TEXT}}},
    ),
    "a guard over a call": (
        'a: {if: "=first_of(body.t, body.u)", map: {b: "=first_of(body.t, body.u)"}}',
        {"t": TEXT, "u": TEXT},
    ),
    "a guard by a comparison": ("a: {if: \"=body.t == 'x'\", map: {b: =body.t}}", {"t": TEXT}),
    "a guard against null": ('a: {if: "=body.t != `null`", map: {b: =body.t}}', {"t": TEXT}),
    "both of two": ('a: {if: "=body.t && body.u", map: {b: =body.u}}', {"t": TEXT, "u": TEXT}),
    "not neither": (
        'a: {if: "=!(!(body.t) || !(body.u))", map: {b: =body.u}}',
        {"t": TEXT, "u": TEXT},
    ),
    "what a guard took": (
        "a: {if: \"=body.t && starts_with(body.t, 'x')\", map: {b: =body.t}}",
        {"t": TEXT},
    ),
    "what stands for it": ("a: {b: \"=first_of(body.t, 'none')\"}", {"t": TEXT}),
    "or": ("a: {b: \"=body.t || 'none'\"}", {"t": TEXT}),
    "choose": ("a: {b: \"=choose(body.t, body.t, 'none')\"}", {"t": TEXT}),
    "and, or": ("a: {b: \"=(body.t && 'some') || 'none'\"}", {"t": TEXT}),
    "needed": ("a: {b: \"=needed(body.t, 'the text')\"}", {"t": TEXT}),
    "the first of a list that is never empty": ('a: {b: "=body.f[0]"}', sure(f=FULL)),
    "the first of what a guard found": (
        'a: {if: "=body.lines[?sku]", map: {b: "=body.lines[?sku] | [0].sku"}}',
        {"lines": LINES},
    ),
    "an item of a filter": (
        "a: {b: \"=join_text(body.lines[?sku && n > `1`].sku, ',')\"}",
        sure(lines=LINES),
    ),
}


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_known_to_be_there_may_be_required(check: Any, name: str) -> None:
    text, body = NEEDED[name]
    wanted = {"type": "object", "required": ["b"], "properties": {"b": TEXT}}
    assert check(text, body, {"a": wanted}) == []


WRONG = {
    "E190": ("a: =body.texts", {"text": TEXT}, TEXT),
    "E190 in a list": ("a: =body.lines[].skus", {"lines": LINES}, {}),
    "E190 in a filter": ('a: "=body.lines[?skus]"', {"lines": LINES}, {}),
    "E190 in map()": ('a: "=map(&skus, body.lines)"', sure(lines=LINES), {}),
    "E190 of money": ("a: \"=money('1', 'EUR').amounts\"", {}, {}),
    "E191 a field of a list": ("a: =body.lines.sku", {"lines": LINES}, {}),
    "E191 an item of a text": ("a: =body.t[0]", {"t": TEXT}, {}),
    "E191 an item of an item": ("a: =body.f[0][0]", sure(f=FULL), {}),
    "E192 a number": ("a: =body.n", {"n": WHOLE}, TEXT),
    "E192 an object": ("a: =body.o", {"o": {"type": "object", "properties": {}}}, TEXT),
    "E192 money": ("a: \"=money('1', 'EUR')\"", {}, TEXT),
    "E192 a literal": ("a: 7", {}, TEXT),
    "E192 another field": (
        "a: \"=merge(`{\\\"amount\\\": \\\"1\\\", \\\"currency\\\": \\\"EUR\\\"}`, {x: 'y'})\"",
        {},
        MONEY,
    ),
    "E193": ("a: =body.w", {"w": WORDS}, {"enum": ["x"]}),
    "E193 a literal": ("a: open", {}, {"enum": ["Open"]}),
    "E193 any text": ("a: =body.t", {"t": TEXT}, {"enum": ["x"]}),
    "E194": ("a: =body.t", {"t": {**TEXT, "maxLength": 9}}, {**TEXT, "maxLength": 8}),
    "E195 null": ("a: =upper(body.t)", {"t": TEXT}, TEXT),
    "E195 a kind": ("a: =upper(body.n)", {"n": WHOLE}, TEXT),
    "E195 an item": ("a: \"=join_text([body.t, 'x'], '-')\"", {"t": TEXT}, TEXT),
    "E195 a list": ("a: \"=length(body.n)\"", {"n": WHOLE}, {}),
    "E196 a word": ("a: \"=body.w == 'z'\"", {"w": WORDS}, {}),
    "E196 a kind": ("a: \"=body.n == 'x'\"", {"n": WHOLE}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(check: Any, name: str) -> None:
    text, body, wanted = WRONG[name]
    assert [code for code, _ in check(text, body, {"a": wanted})] == [name.partition(" ")[0]]


MISSING = {
    "an optional field": ("a: =body.t", {"t": TEXT}),
    "a field that may be null": ("a: =body.t", {"t": TEXT_OR_NULL}),
    "an item that may not be there": ("a: =body.lines[0].sku", {"lines": LINES}),
    "a guard that may not hold": ("a: {if: =body.t, map: x}", {"t": TEXT}),
    "another guard": ("a: {if: =body.u, map: =body.t}", {"t": TEXT, "u": TEXT}),
    "either of two": ('a: {if: "=body.t || body.u", map: =body.t}', {"t": TEXT, "u": TEXT}),
    "nothing found": ("a: \"=find(as_list(body.lines), 'sku', 'x').sku\"", {"lines": LINES}),
    "a key that is not there": ('a: "=at(`{\\"x\\": \\"1\\"}`, body.w)"', {"w": WORDS}),
    "of one item, read of another": (
        'a: {if: "=body.lines[0].sku", map: "=body.lines[1].sku"}',
        {"lines": LINES},
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_required_field_that_may_be_missing_is_told(check: Any, name: str) -> None:
    text, body = MISSING[name]
    found = {code for code, _ in check(text, body, {"a": TEXT}, required=("a",))}
    assert "E197" in found


def test_a_guard_of_an_outer_item_says_nothing_of_an_inner_one(check: Any) -> None:
    inner = {"type": "array", "items": {"type": "object", "properties": {"t": TEXT}}}
    body = {
        "outer": {
            "type": "array",
            "items": {"type": "object", "properties": {"t": TEXT, "in": inner}},
        }
    }
    wanted = {
        "type": "array",
        "items": {"type": "object", "required": ["b"], "properties": {"b": TEXT}},
    }
    text = (
        "a:\n  - each: =as_list(body.outer)\n    if: =item.t\n    map:\n"
        "      b: \"=join_text(as_list(item.in)[].t, ',')\"\n"
    )
    assert check(text, body, {"a": wanted}) == []
    text = "a:\n  each: =as_list(body.outer)[].in[]\n  map: {b: =item.t}\n"
    assert [code for code, _ in check(text, body, {"a": wanted})] == ["E197"]


def test_one_of_two_fields_is_enough_where_the_contract_says_so(check: Any) -> None:
    assert check('a: "=first_of(body.old, body.new)"', EITHER, {"a": TEXT}, required=("a",)) == []
    found = check("a: =body.old", EITHER, {"a": TEXT}, required=("a",))
    assert [code for code, _ in found] == ["E197"]


def test_objects_that_a_field_tells_apart(check: Any) -> None:
    body = {"type": "object", "required": ["s"], "properties": {"s": SEGMENTS}}
    head = "a: \"=body.s[?id == 'H'] | [0].h1\""
    assert check(head, body, {"a": TEXT}, required=("a",)) == []
    other = "a: \"=body.s[?id == 'L'] | [0].l1\""
    assert [code for code, _ in check(other, body, {"a": WHOLE}, required=("a",))] == ["E197"]
    wrong = "a: \"=body.s[?id == 'H'] | [0].l1\""
    assert [code for code, _ in check(wrong, body)] == ["E190"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a: \"=lookup('sure', body.w)\"", []),
        ("a: \"=lookup('sure', body.t)\"", []),
        ("a: \"=lookup('states', 'a', body.w)\"", []),
        ("a: \"=lookup('states', 'a', body.t)\"", ["E193"]),  # the default is none of the words
        ("a: \"=lookup('states', 'b', 'x')\"", ["E193"]),
        ("a: \"=lookup('sure', body.o)\"", ["E195"]),
        ("a: \"=lookup('sure', body.maybe)\"", ["E195"]),
        ("a: \"=lookup('sure', needed(body.maybe, 'the code'))\"", []),
        ("a: {if: =body.maybe, map: \"=lookup('sure', body.maybe)\"}", []),
    ],
)
def test_a_table_gives_what_its_rows_hold(check: Any, text: str, codes: list[str]) -> None:
    body = {
        "type": "object",
        "required": ["w", "t", "o"],
        "properties": {"w": WORDS, "t": TEXT, "o": {"type": "object"}, "maybe": TEXT},
    }
    found = check(text, body, {"a": {"enum": ["open", "done"]}}, tables="sure, states")
    assert [code for code, _ in found] == codes


def test_a_finding_names_both_ends(check: Any) -> None:
    ((_, said),) = check("a: =body.t", {"t": TEXT}, {"a": TEXT}, required=("a",))
    assert said == "a may be missing: body.t is optional in in@1.0.0; out@1.0.0 requires it"


def test_a_field_that_is_lacking_hides_no_other_mistake(check: Any) -> None:
    found = check("a: =body.texts", {"text": TEXT}, {"a": TEXT, "b": TEXT}, required=("b",))
    assert sorted(code for code, _ in found) == ["E111", "E190"]


def test_a_contract_that_refers_to_itself_ends(check: Any) -> None:
    body = {
        "type": "object",
        "properties": {"node": {"$ref": "#/$defs/node"}},
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/node"}, "name": TEXT},
            },
            "loop": {"oneOf": [{"$ref": "#/$defs/loop"}, TEXT]},
        },
    }
    assert check("a: =body.node.next.next.next.name", body, {"a": TEXT}) == []
    found = check("a: =body.node.next.nam", body, {"a": TEXT})
    assert [code for code, _ in found] == ["E190"]
