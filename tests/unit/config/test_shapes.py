"""Components and shapes: one way to write each value, and all mistakes told at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from router.config.components import INVALID, component, knob, knobs_of, name_of, place_of
from router.config.shapes import (
    DURATION,
    PERCENT,
    SIZE,
    Choice,
    Document,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Name,
    Nested,
    OneKey,
    Text,
    Wrapped,
)
from router.core.diagnostics import Place


@component("reason", doc="Why.")
class Reason:
    reason: str = knob(Text(), doc="in words")
    place: Place = place_of()


@component("inner", doc="A part.")
class Inner:
    name: str = knob(Name(), doc="its name")
    many: tuple[int, ...] = knob(ListOf(Integer(1, 9)), doc="numbers", default=())


@component("outer", doc="A whole.")
class Outer:
    title: str = knob(Text(), doc="its title")
    inner: Inner = knob(Nested(Inner), doc="its part")
    wait: timedelta = knob(DURATION, doc="how long", default=timedelta(seconds=5), key="for")
    fresh: list[int] = knob(Document(), doc="a value of its own", default=list)
    parts: dict[str, Inner] = knob(MapOf(Nested(Inner)), doc="more parts", default=dict)
    place: Place = place_of()


SOUND = """
title: one
inner: {name: a_1, many: [1, 9]}
for: 2h
"""


def test_a_component_is_what_its_text_spells(workshop: Any) -> None:
    made = workshop.decode(Outer, SOUND)
    assert workshop.codes == []
    assert made == Outer(
        title="one",
        inner=Inner(name="a_1", many=(1, 9)),
        wait=timedelta(hours=2),
        fresh=[],
        parts={},
        place=made.place,
    )
    assert made.place.line == 2


def test_what_may_be_left_out_has_its_default(workshop: Any) -> None:
    first = workshop.decode(Outer, "{title: one, inner: {name: a}, for: ~}")
    second = workshop.decode(Outer, "{title: one, inner: {name: a}}")
    assert first.wait == timedelta(seconds=5)
    assert first.fresh == []
    assert first.fresh is not second.fresh


def test_a_component_cannot_be_changed(workshop: Any) -> None:
    made = workshop.decode(Outer, SOUND)
    with pytest.raises(AttributeError):
        made.title = "two"


def test_every_mistake_is_told_at_once(workshop: Any) -> None:
    made = workshop.decode(
        Outer,
        """
        title: 5
        tilte: x
        inner:
          name: Not A Name
          many: [0, 1, x, 10]
          more: 1
        for: 2 hours
        parts: {a: {}, b: {name: b, many: 1}, c: text}
        """,
    )
    assert made is INVALID
    assert workshop.codes == [
        "E010",  # tilte
        "E012",  # title
        "E010",  # more
        "E012",  # name
        *["E012"] * 3,  # 0, x, 10
        "E012",  # for
        "E011",  # a lacks its name
        "E012",  # many of b
        "E012",  # c
    ]


@pytest.mark.parametrize("text", ["[]", "x", "5", "~"])
def test_a_component_is_a_mapping(workshop: Any, text: str) -> None:
    assert workshop.decode(Outer, text) is INVALID
    assert workshop.codes == ["E012"]
    assert "keys: title, inner, for?, fresh?, parts?" in workshop.told


@pytest.mark.parametrize("text", ["{inner: {name: a}}", "{title: ~, inner: {name: a}}"])
def test_what_is_missing_is_told_with_what_to_write(workshop: Any, text: str) -> None:
    assert workshop.decode(Outer, text) is INVALID
    assert workshop.codes == ["E011"]
    assert "title is missing" in workshop.told
    assert "title: a text; its title" in workshop.told


def test_an_unknown_key_names_the_nearest(workshop: Any) -> None:
    workshop.decode(Outer, SOUND + "tittle: x\n")
    assert "unknown key tittle in outer: did you mean title?" in workshop.told


def test_a_definition_tells_its_keys() -> None:
    assert [(one.key, one.required) for one in knobs_of(Outer)] == [
        ("title", True),
        ("inner", True),
        ("for", False),
        ("fresh", False),
        ("parts", False),
    ]
    assert name_of(Outer) == "outer"
    assert all(one.doc for one in knobs_of(Outer))


STEP = OneKey("step", {"stop": Wrapped(Reason, "reason", Text()), "go": Nested(Inner)})


@pytest.mark.parametrize(
    ("shape", "text", "value"),
    [
        (Text(), "a b", "a b"),
        (Text(), "'5'", "5"),
        (Text("a date", r"\d{4}-\d\d"), "2025-01", "2025-01"),
        (Name(), "a_1", "a_1"),
        (Flag(), "true", True),
        (Integer(0, 5), "0", 0),
        (Integer(-5, 5), "-5", -5),
        (DURATION, "500ms", timedelta(milliseconds=500)),
        (DURATION, "5s", timedelta(seconds=5)),
        (DURATION, "30m", timedelta(minutes=30)),
        (DURATION, "90d", timedelta(days=90)),
        (SIZE, "64KiB", 65536),
        (SIZE, "0B", 0),
        (PERCENT, "20%", 20),
        (PERCENT, "100%", 100),
        (Choice(("json", "xml")), "xml", "xml"),
        (Document(), "{a: [1, ~, 'x']}", {"a": [1, None, "x"]}),
        (ListOf(Integer(0, 9)), "[1, 2]", (1, 2)),
        (ListOf(Integer(0, 9)), "[]", ()),
        (MapOf(Integer(0, 9)), "{b: 1, a: 2}", {"b": 1, "a": 2}),
        (STEP, "{go: {name: a}}", Inner(name="a", many=())),
    ],
)
def test_a_shape_decodes_its_one_form(workshop: Any, shape: Any, text: str, value: Any) -> None:
    assert workshop.decode(shape, text) == value
    assert workshop.codes == []


@pytest.mark.parametrize(
    ("shape", "text", "code"),
    [
        (Text(), "5", "E012"),
        (Text(), "true", "E012"),
        (Text(), "~", "E012"),
        (Text(), "[a]", "E012"),
        (Text(), "''", "E012"),
        (Text("a date", r"\d{4}"), "20250", "E012"),
        (Text("a date", r"\d{4}"), '"2025\\n"', "E012"),
        (Name(), "A", "E012"),
        (Name(), "1a", "E012"),
        (Name(), "a-b", "E012"),
        (Name(), "a" * 65, "E012"),
        (Name(), '"a\\n"', "E012"),
        (Flag(), "'true'", "E012"),
        (Flag(), "1", "E012"),
        (Integer(0, 5), "6", "E012"),
        (Integer(0, 5), "-1", "E012"),
        (Integer(0, 5), "1.0", "E012"),
        (Integer(0, 1), "true", "E012"),
        (Integer(0, 5), "'3'", "E012"),
        (DURATION, "5", "E012"),
        (DURATION, "-5s", "E012"),
        (DURATION, "1.5h", "E012"),
        (DURATION, "5 s", "E012"),
        (DURATION, "5S", "E012"),
        (DURATION, "[5s]", "E012"),
        (DURATION, "999999999d", "E012"),
        (SIZE, "1MB", "E012"),
        (SIZE, "1024", "E012"),
        (PERCENT, "101%", "E012"),
        (PERCENT, "20", "E012"),
        (Choice(("json", "xml")), "xnl", "E013"),
        (Choice(("json", "xml")), "5", "E013"),
        (Choice(("json", "xml")), "[json]", "E013"),
        (ListOf(Integer(0, 9)), "1", "E012"),
        (ListOf(Integer(0, 9)), "{a: 1}", "E012"),
        (ListOf(Integer(0, 9), least=1), "[]", "E012"),
        (MapOf(Integer(0, 9)), "[1]", "E012"),
        (MapOf(Integer(0, 9), least=1), "{}", "E012"),
        (MapOf(Integer(0, 9), key="[a-z]+"), "{a1: 1}", "E012"),
        (STEP, "{run: {}}", "E014"),
        (STEP, "{go: {name: a}, stop: x}", "E014"),
        (STEP, "{}", "E014"),
        (STEP, "go", "E014"),
    ],
)
def test_a_shape_refuses_every_other_form(workshop: Any, shape: Any, text: str, code: str) -> None:
    assert workshop.decode(shape, text) is INVALID
    assert workshop.codes == [code]


def test_a_wrapped_value_becomes_its_component(workshop: Any) -> None:
    made = workshop.decode(STEP, "{stop: it is late}")
    assert isinstance(made, Reason)
    assert made.reason == "it is late"
    assert made.place.column == 8


def test_lists_and_mappings_tell_every_bad_item(workshop: Any) -> None:
    assert workshop.decode(ListOf(Integer(0, 9)), "[x, 1, z, 10]") is INVALID
    assert workshop.decode(MapOf(Integer(0, 9), key="[a-z]"), "{a: x, b1: 1, c: z}") is INVALID
    assert workshop.codes == ["E012"] * 6


def test_a_mapping_tells_its_values_under_which_key_they_stand(workshop: Any) -> None:
    seen: list[Any] = []

    class Spy:
        expects = "anything"

        def decode(self, _node: Any, context: Any) -> Any:
            seen.append(context.around["who"])
            return 1

    workshop.decode(MapOf(Spy(), told_as="who"), "{a: 1, b: 2}")
    assert seen == ["a", "b"]


def test_later_keys_see_what_earlier_ones_said(workshop: Any) -> None:
    seen: list[Any] = []

    class Spy:
        expects = "anything"

        def decode(self, _node: Any, context: Any) -> Any:
            seen.append(dict(context.around))
            return 1

    @component("pair", doc="Two.")
    class Pair:
        first: int = knob(Integer(0, 9), doc="one")
        second: int = knob(Spy(), doc="two")

    workshop.decode(Pair, "{second: x, first: 7}")
    assert seen == [{"first": 7}]


def test_long_texts_are_not_repeated_in_findings(workshop: Any) -> None:
    workshop.decode(Name(), "'" + "x y" * 50 + "'")
    assert "x y" not in workshop.told
    workshop.decode(Name(), "'x y'")
    assert 'the text "x y" where' in workshop.told
