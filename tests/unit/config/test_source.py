"""Strict YAML: one spelling, one meaning, and every mistake with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.config.source import MAX_DEPTH, MAX_TEXT, Scalar, Table, read_yaml, to_json


def read(text: str) -> tuple[Any, list[str]]:
    node, found = read_yaml(text, "a.yaml")
    return (None if node is None else to_json(node)), [one.code for one in found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", "a"),
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("1.50", 1.5),
        ("-0.5", -0.5),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("'5'", "5"),
        ('"true"', "true"),
        ("'null'", "null"),
        ("'yes'", "yes"),
        ("'012'", "012"),
        ("5s", "5s"),
        ("1.2.3", "1.2.3"),
        ("2025-01-31", "2025-01-31"),
        ("10:", {"10": None}),
        ("=body.id", "=body.id"),
        ("- a\n- 1\n", ["a", 1]),
        ("{a: [1, {b: ~}]}", {"a": [1, {"b": None}]}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: >\n  x\n  y\n", {"a": "x y\n"}),
        ("ähre: köln", {"ähre": "köln"}),
        # more digits than a number keeps: the text as it was written
        ("1234567890123456789012", "1234567890123456789012"),
        ("0.12345678901234567890", "0.12345678901234567890"),
    ],
)
def test_values_are_what_the_text_spells(text: str, value: Any) -> None:
    made, codes = read(text)
    assert codes == []
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes", "Yes", "no", "NO", "on", "Off", "y", "N", "True", "TRUE", "False", "Null", "NULL",
        # octal, hexadecimal, binary
        "012", "-012", "00", "0o17", "0x1F", "-0x1f", "0b101",
        # separators, signs, exponents, bare points
        "1_000", "1_000.5", "+5", "+1.5", "1e5", "1.5e-3", ".5", "-.5", "5.", "+.5",
        # sexagesimal
        "12:30", "12:30:45", "-1:30", "190:20:30.15",
        # what is no number
        ".inf", "-.inf", "+.inf", ".nan", ".NaN", ".Inf", "-.INF",
    ],
)  # fmt: skip
def test_values_that_readers_disagree_about_are_refused(text: str) -> None:
    for written in (text, f"a: {text}", f"[{text}]", f"- {text}"):
        assert read(written)[1] == ["E005"], written


@pytest.mark.parametrize("key", ["yes", "No", "on", "OFF"])
def test_keys_that_readers_take_for_truths_are_refused(key: str) -> None:
    assert read(f"{key}: 1")[1] == ["E005"]
    assert read(f"'{key}': 1")[1] == []


@pytest.mark.parametrize("key", ["true", "False", "null", "~"])
def test_keys_that_are_no_texts_to_readers_are_refused(key: str) -> None:
    assert read(f"{key}: 1")[1] == ["E005"]
    assert read(f"'{key}': 1")[1] == []


@pytest.mark.parametrize(
    "text",
    [
        "&a 1", "a: &a 1", "- &a [1]", "a: &a {b: 1}",
        "a: !!int 5", "a: !!str 5", "!!map {a: 1}", "a: !x z", "a: ! z",
        "a: !!python/object:os.system x", "a: !<tag:yaml.org,2002:strange> z",
        # a key is a node as well
        "&a key: 1", "!!str key: 1", "!x key: 1",
        "<<: {a: 1}",
        "a: 1\n---\nb: 2\n",
    ],
)  # fmt: skip
def test_anchors_tags_merges_and_second_documents_are_refused(text: str) -> None:
    assert read(text)[1] == ["E002"]


def test_aliases_are_refused() -> None:
    made, codes = read("a: &x [1]\nb: *x\n")
    assert codes == ["E002", "E002"]
    assert made == {"a": [1], "b": None}


def test_an_alias_as_a_key_is_refused() -> None:
    assert "E002" in read("a: &x 1\n*x : 2\n")[1]


@pytest.mark.parametrize("text", ["? [a, b]\n: 1\n", "? {a: 1}\n: 1\n", "{[a]: 1}"])
def test_keys_are_texts(text: str) -> None:
    assert read(text)[1] == ["E002"]


def test_a_bomb_of_aliases_costs_nothing() -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    made, codes = read("\n".join(rows))
    assert len(codes) == 9 + 9 * 8
    assert made["a8"] == [None] * 9


def test_a_key_twice_is_told_with_the_place_of_the_first() -> None:
    node, found = read_yaml("a: 1\nb: 2\na: 3\n", "a.yaml")
    assert [(one.code, str(one.place), one.hint) for one in found] == [
        ("E004", "a.yaml:3:1", "first on line 1")
    ]
    assert node is not None
    assert to_json(node) == {"a": 1, "b": 2}


def test_quoted_and_plain_keys_are_one_key() -> None:
    assert read("a: 1\n'a': 2\n")[1] == ["E004"]


def test_equal_keys_in_different_mappings_are_fine() -> None:
    assert read("a: {x: 1}\nb: {x: 1}\n")[1] == []


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: b: c", "\ta: 1", "a: 'x", "a: @x", "{a: 1", "- a\nb: 1", "%FOO\n---\na", "\x00"],
)
def test_what_is_no_yaml_is_one_finding(text: str) -> None:
    made, codes = read(text)
    assert made is None
    assert codes == ["E001"]


@pytest.mark.parametrize("text", ["", "# only words\n", "\n\n"])
def test_an_empty_text_is_nothing(text: str) -> None:
    assert read(text) == (None, [])


def test_depth_is_bounded() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == []
    assert read("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))[1] == ["E003"]
    assert read("{a: " * 5000 + "1" + "}" * 5000)[1] == ["E003"]


def test_size_is_bounded() -> None:
    assert read("#" * (MAX_TEXT + 1))[1] == ["E003"]
    assert read("#" * MAX_TEXT)[1] == []


def test_all_mistakes_are_told_at_once() -> None:
    text = "a: yes\nb: &x 012\na: !t 1\nno: *x\nc: 12:30\n"
    _, codes = read(text)
    assert codes == ["E005", "E002", "E005", "E002", "E004", "E005", "E002", "E005"]


def test_places_point_at_the_text() -> None:
    node, _ = read_yaml("first: 1\nsecond:\n  - word\n  - 'quoted'\n", "dir/a.yaml")
    assert isinstance(node, Table)
    second = node.get("second")
    places = [(one.place.line, one.place.column, one.place.width) for one in second.items]  # type: ignore[union-attr]
    assert places == [(3, 5, 4), (4, 5, 8)]
    assert [(e.place.line, e.place.column, e.place.width) for e in node.entries] == [
        (1, 1, 5),
        (2, 1, 6),
    ]
    assert str(node.entries[0].node.place) == "dir/a.yaml:1:8"


def test_a_scalar_knows_how_it_was_written() -> None:
    node, _ = read_yaml("[1.50, '1.50']", "a.yaml")
    plain, quoted = node.items  # type: ignore[union-attr]
    assert isinstance(plain, Scalar)
    assert isinstance(quoted, Scalar)
    assert (plain.value, plain.text, plain.plain) == (1.5, "1.50", True)
    assert (quoted.value, quoted.text, quoted.plain) == ("1.50", "1.50", False)


@given(st.text(max_size=200))
@example("a: \ud800")
@example("? ")
@example("- ? : -")
@example("\ufeffa: 1")
def test_no_text_makes_the_reader_raise(text: str) -> None:
    node, found = read_yaml(text, "a.yaml")
    assert node is None or found is not None
    for one in found:
        assert one.place.line >= 1
        assert one.place.column >= 1


#: JSON writes what lies beyond as two escapes, which no YAML is
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**16), 10**16), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(PLAIN)
def test_json_is_read_as_what_it_is(value: Any) -> None:
    # a document of JSON is one of YAML: quoted texts, plain numbers
    assert read(json.dumps(value)) == (value, [])
