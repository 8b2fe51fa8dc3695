"""Maps build documents: each, let, if, map, lists that are spliced, nulls that are left out."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from router.config.components import INVALID, Invalid
from router.config.transforms.mapcode import MapFunction, compile_map
from router.config.transforms.maps import decode_map
from router.config.transforms.maptree import MAX_ITEMS, finished
from router.core.errors import LimitExceeded, MessageError, NullKey, TransformError
from tests.conftest import Workshop


@pytest.fixture
def build(workshop: Any) -> Any:
    """A maker of documents: the text of a map, and the roots that it sees.

    The tree and the generated code say the same, and the code fails where the tree does.
    """

    def make(text: str, **scope: Any) -> Any:
        builder = decode_map(workshop.node(text), workshop.context(*scope))
        assert not isinstance(builder, Invalid), workshop.told
        assert workshop.codes == [], workshop.told
        quick = compile_map((), builder)
        try:
            made = finished(builder(scope))
        except Exception:  # noqa: BLE001
            with pytest.raises(Exception):  # noqa: B017, PT011 (its kind says nothing)
                quick(scope)
            return MapFunction((), builder)(scope)
        assert repr(quick(scope)) == repr(made)
        return MapFunction((), builder)(scope)

    return make


@pytest.fixture
def wrong(workshop: Any) -> Any:
    """A maker of findings: the codes that a map gives which sees `body`."""

    def make(text: str) -> list[str]:
        decode_map(workshop.node(text), workshop.context("body"))
        codes: list[str] = workshop.codes
        return codes

    return make


# --- literals and nulls ------------------------------------------------------------------------


def test_what_is_no_expression_is_literal(build: Any) -> None:
    text = "{a: x, b: 5, c: true, d: '5', e: 1.5, f: [1, [x]], g: {h: y1}}"
    assert build(text) == {
        "a": "x", "b": 5, "c": True, "d": "5", "e": 1.5, "f": [1, ["x"]], "g": {"h": "y1"},
    }  # fmt: skip


def test_a_computed_null_leaves_its_key_out_a_literal_null_is_written(build: Any) -> None:
    text = "{a: =body.nothing, b: ~, c: null, d: =body.falsy, e: =body.empty, f: =body.zero}"
    body = {"falsy": False, "empty": "", "zero": 0}
    assert build(text, body=body) == {"b": None, "c": None, "d": False, "e": "", "f": 0}


def test_a_record_of_nulls_is_an_empty_record(build: Any) -> None:
    assert build("{a: {b: =body.x, c: {d: =body.y}}}", body={}) == {"a": {"c": {}}}


def test_a_null_in_a_list_is_left_out_a_literal_one_stays(build: Any) -> None:
    assert build("[=body.x, ~, =body.y, a]", body={"y": 1}) == [None, 1, "a"]


def test_keys_keep_the_order_of_the_text(build: Any) -> None:
    assert list(build("{z: 1, a: =body, m: 2}", body=5)) == ["z", "a", "m"]


def test_an_expression_may_be_quoted(build: Any) -> None:
    assert build("{a: \"=join(', ', body)\", b: '=body[0]'}", body=["x", "z"]) == {
        "a": "x, z",
        "b": "x",
    }


# --- each --------------------------------------------------------------------------------------

LINES = [{"id": "a", "n": 1}, {"id": "b", "n": 0}, {"id": "c", "n": 2}]


def test_each_gives_one_item_an_item(build: Any) -> None:
    text = (
        "lines: {each: =body, map: {id: =item.id, at: =index, nr: =position, all: =length(body)}}"
    )
    assert build(text, body=LINES) == {
        "lines": [
            {"id": "a", "at": 0, "nr": 1, "all": 3},
            {"id": "b", "at": 1, "nr": 2, "all": 3},
            {"id": "c", "at": 2, "nr": 3, "all": 3},
        ]
    }


def test_each_can_give_plain_values_and_leaves_nulls_out(build: Any) -> None:
    text = "{ids: {each: =body, map: =item.id}}"
    assert build(text, body=[{"id": 1}, {}, {"id": None}, {"id": 2}]) == {"ids": [1, 2]}


def test_each_over_nothing_is_an_empty_list(build: Any) -> None:
    assert build("{ids: {each: =body, map: =item.id}}", body=[]) == {"ids": []}


@pytest.mark.parametrize("value", [None, {}, "4711", 4711, True])
def test_each_wants_a_list(build: Any, value: Any) -> None:
    with pytest.raises(TransformError) as raised:
        build("{ids: {each: =body.x, map: =item.id}}", body={"x": value})
    assert "as_list" in str(raised.value)
    assert "4711" not in str(raised.value)
    assert raised.value.place is not None


def test_each_is_bounded(build: Any) -> None:
    text = "{ids: {each: =body, map: =item}}"
    assert len(build(text, body=[0] * MAX_ITEMS)["ids"]) == MAX_ITEMS
    with pytest.raises(LimitExceeded):
        build(text, body=[0] * (MAX_ITEMS + 1))


def test_if_keeps_what_holds(build: Any) -> None:
    text = "{ids: {each: =body, if: '=item.n > `0`', map: {id: =item.id}}}"
    assert build(text, body=LINES) == {"ids": [{"id": "a"}, {"id": "c"}]}


def test_each_within_each_sees_the_inner_item_and_every_root(build: Any) -> None:
    text = """
    orders:
      each: =body
      let: {order: =item}
      map:
        id: =order.id
        lines: {each: =order.lines, map: {id: =item.id, of: =order.id, shop: =env.shop, at: =index}}
        after: =item.id
        index: =index
    """
    body = [{"id": "A", "lines": [{"id": 1}, {"id": 2}]}, {"id": "B", "lines": []}]
    assert build(text, body=body, env={"shop": "s"}) == {
        "orders": [
            {
                "id": "A",
                "lines": [
                    {"id": 1, "of": "A", "shop": "s", "at": 0},
                    {"id": 2, "of": "A", "shop": "s", "at": 1},
                ],
                "after": "A",
                "index": 0,
            },
            {"id": "B", "lines": [], "after": "B", "index": 1},
        ]
    }


# --- lists -------------------------------------------------------------------------------------


def test_an_each_inside_a_list_is_spliced(build: Any) -> None:
    text = """
    postings:
      - {kind: total}
      - {each: =body, if: =item.n, map: {kind: line, id: =item.id}}
      - {if: =env.rest, map: {kind: rest}}
      - {if: =env.tax, map: {kind: tax}}
    """
    assert build(text, body=[{"id": "a", "n": 1}, {"id": "b"}], env={"tax": 1}) == {
        "postings": [{"kind": "total"}, {"kind": "line", "id": "a"}, {"kind": "tax"}]
    }


def test_a_list_inside_a_list_is_not_spliced(build: Any) -> None:
    assert build("[[1, 2], =body, 3]", body=[4]) == [[1, 2], [4], 3]
    assert build("[[{each: =body, map: =item}]]", body=[4, 5]) == [[4, 5]]


# --- let and if without each -------------------------------------------------------------------


def test_let_names_values_each_for_those_after_it(build: Any) -> None:
    text = """
    thing:
      let:
        first: =body.a
        second: =first.b
        all: {each: =body.list, map: =item.x}
        none: =body.z
      map: {b: =second, n: =length(all), none: =none, first: =first}
    """
    assert build(text, body={"a": {"b": 5}, "list": [{"x": 1}, {"x": 2}]}) == {
        "thing": {"b": 5, "n": 2, "first": {"b": 5}}
    }


def test_let_does_not_reach_beyond_its_block(wrong: Any) -> None:
    assert wrong("{a: {let: {x: =body.a}, map: {b: =x}}, c: =x}") == ["E104"]


def test_an_item_does_not_keep_what_another_let(build: Any) -> None:
    text = "{l: {each: =body, let: {x: =item.x}, map: {x: =x}}}"
    assert build(text, body=[{"x": 1}, {}]) == {"l": [{"x": 1}, {}]}


def test_if_without_each_leaves_the_key_out(build: Any) -> None:
    text = "{a: {if: =body.ok, map: {b: 1}}, c: 2}"
    assert build(text, body={"ok": True}) == {"a": {"b": 1}, "c": 2}
    assert build(text, body={}) == {"c": 2}


def test_nothing_that_comes_in_is_changed(build: Any) -> None:
    body = {"list": [{"x": 1}], "y1": {"z": [1]}}
    build("{l: {each: =body.list, let: {item2: =item}, map: =item2}, y1: =body.y1}", body=body)
    assert body == {"list": [{"x": 1}], "y1": {"z": [1]}}


# --- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{a: =bdy.id}", ["E104"]),
        ("{a: =bdy.id, b: =lowr(body), c: [=x], d: {e: =z}}", ["E104", "E102", "E104", "E104"]),
        ("{a: =item.id}", ["E104"]),
        ("{a: {each: =body, map: =itm.id}}", ["E104"]),
        ("{a: {each: body, map: =item}}", ["E108"]),
        ("{a: {each: =body}}", ["E121"]),
        ("{a: {each: =body, mpa: {}}}", ["E121"]),
        ("{a: {map: {}, id: 1}}", ["E121"]),
        ("{a: {each: =body, if: item.x, map: =item}}", ["E108"]),
        ("{a: {let: [], map: {}}}", ["E012"]),
        ("{a: {let: {body: =body.x}, map: {}}}", ["E122"]),
        ("{a: {each: =body, let: {item: =body.x}, map: {}}}", ["E122"]),
        ("{a: {let: {x: =later, later: =body}, map: {}}}", ["E104"]),
        ("{a: {each: =item, map: =item}}", ["E104"]),
    ],
)
def test_mistakes(wrong: Any, text: str, codes: list[str]) -> None:
    assert wrong(text) == codes


# --- a transform file --------------------------------------------------------------------------


@pytest.fixture
def shop(workshop: Any) -> Any:
    """A workshop with an inbound contract and a closed canonical one."""
    workshop.contract("shop/order", {"type": "object"})
    line = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "why": {"type": "string"}},
        "required": ["id"],
        "additionalProperties": False,
    }
    workshop.contract(
        "thing",
        {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            },
            "required": ["id"],
            "additionalProperties": False,
            "$defs": {"line": line},
        },
    )
    return workshop


def test_a_transform_is_a_function_of_its_inputs(shop: Any) -> None:
    transform = shop.transform(
        "shop/thing",
        """
        inputs: {body: shop/order@1}
        to: thing@1
        let: {number: "=to_string(body.id)"}
        map: {id: =number, lines: {each: =body.lines, map: {id: =item, why: =number}}}
        """,
    )
    assert shop.codes == [], shop.told
    scope = {"body": {"id": 7, "lines": ["a"]}}
    assert transform(scope) == {"id": "7", "lines": [{"id": "a", "why": "7"}]}
    assert scope == {"body": {"id": 7, "lines": ["a"]}}
    assert transform.inputs == {"body"}
    assert str(transform.to.ref) == "thing@1.0.0"


@pytest.mark.parametrize(
    ("map_", "codes"),
    [
        ("{id: x, idd: z}", ["E110"]),
        ("{lines: []}", ["E111"]),
        ("{id: x, lines: {each: =body.lines, map: {idd: =item}}}", ["E110", "E111"]),
        ("{id: x, lines: [{why: =body.x}]}", ["E111"]),
        ("{id: x, lines: [{each: =body.lines, map: {id: a, nr: 1}}]}", ["E110"]),
        ("{id: =order.id}", ["E104"]),
        ("{id: \"=lookup('reasons', body.id)\"}", ["E107"]),
        ("[1]", ["E012"]),
    ],
)
def test_a_transform_is_held_against_its_contract(shop: Any, map_: str, codes: list[str]) -> None:
    shop.transform("shop/thing", f"inputs: {{body: shop/order@1}}\nto: thing@1\nmap: {map_}")
    assert shop.codes == codes, shop.told


def test_a_transform_sees_the_tables_that_it_declares_and_no_others(shop: Any) -> None:
    shop.table("reasons", {("a",): "b"})
    map_ = "map: {id: \"=lookup('reasons', body.id)\"}"
    head = "inputs: {body: shop/order@1}\nto: thing@1\n"
    assert shop.transform("one", f"{head}tables: [reasons]\n{map_}")({"body": {"id": "a"}}) == {
        "id": "b"
    }
    shop.transform("two", head + map_)
    assert shop.codes == ["E107"]


@pytest.mark.parametrize(
    ("map_", "told"),
    [
        ("let: {code: =body.id}\nmap: {id: \"=lookup('reasons', code)\"}", "; code is =body.id ("),
        (
            "let: {code: =body.id}\nmap: {let: {n: a}, map: {id: \"=lookup('reasons', code)\"}}",
            "; code is =body.id (",
        ),
        ("map: {id: \"=lookup('reasons', body.id)\"}", "null, and there is no default: "),
    ],
)
def test_a_key_that_is_null_is_told_with_where_it_comes_from(
    shop: Any, map_: str, told: str
) -> None:
    shop.table("reasons", {("a",): "b"})
    head = "inputs: {body: shop/order@1}\nto: thing@1\ntables: [reasons]\n"
    made = shop.transform("one", head + map_)
    assert shop.codes == [], shop.told
    with pytest.raises(NullKey) as raised:
        made({"body": {}})
    assert told in str(raised.value)
    assert "add a row" not in str(raised.value)


def test_a_transform_that_gives_no_document_is_refused_or_fails(shop: Any) -> None:
    # a map of the whole that is `each:`, or `if:` that does not hold, makes no document
    for map_ in ("{each: =body.lines, map: {id: =item}}", "{if: =body.ok, map: {id: x}}"):
        text = f"inputs: {{body: shop/order@1}}\nto: thing@1\nmap: {map_}"
        transform = shop.transform("shop/thing", text)
        if transform is INVALID:
            continue
        with pytest.raises(TransformError):
            transform({"body": {"lines": ["a"]}})


# --- the tree and the generated code -------------------------------------------------------------

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "9.90", 0.5]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=10,
)
_PATHS = ("{}", "{}.a", "{}.b.c", "{}.a[0]", "{}.a[-1].b", "{}[*].a", "{}.a[?b].c", "{}.*")
_USES = (
    "{} || 'else'", "{} && body.b", "!{}", "{} == `1`", "{} < `2`", "[{}, body.c]", "{{x: {}}}",
    "not_null({}, body.a)", "length({})", "money({}, 'EUR')", "join_text(['x', {}], '-')",
    "to_string({})", "as_list({})", "sort_by({}, &a)", "{} | a",
)  # fmt: skip


def _expressions(roots: tuple[str, ...]) -> Any:
    paths = st.builds(str.format, st.sampled_from(_PATHS), st.sampled_from(roots))
    return paths | st.builds(str.format, st.sampled_from(_USES), paths)


def _maps(roots: tuple[str, ...], depth: int = 3) -> Any:
    """Return random maps as documents: what YAML would give."""
    written = _expressions(roots).map(lambda text: f"={text}")
    leaves = written | st.sampled_from([None, 1, "x", True])
    if not depth:
        return leaves
    inner, below = _maps(roots, depth - 1), (*roots, f"let{depth}")
    each = (*roots, "item", "index", "position")
    return (
        leaves
        | st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
        | st.fixed_dictionaries({"each": written, "map": _maps(each, depth - 1)})
        | st.fixed_dictionaries({"each": written, "if": written, "map": inner})
        | st.fixed_dictionaries(
            {"let": st.fixed_dictionaries({f"let{depth}": inner}), "map": _maps(below, depth - 1)}
        )
    )


@settings(max_examples=int(os.environ.get("CROSSDOCK_MAPS", "300")), deadline=None)
@given(
    made=st.dictionaries(st.sampled_from("xyz"), _maps(("body",)), min_size=1, max_size=3),
    body=DOCUMENTS,
)
def test_the_tree_and_the_code_give_the_same(made: Any, body: Any) -> None:
    workshop = Workshop()
    builder = decode_map(workshop.node(json.dumps(made)), workshop.context("body"))
    assume(not isinstance(builder, Invalid))
    quick, before = compile_map((), builder), json.dumps(body)
    try:
        told = finished(builder({"body": body}))
    except MessageError:
        with pytest.raises(Exception):  # noqa: B017, PT011 (its kind says nothing)
            quick({"body": body})
    else:
        assert repr(quick({"body": body})) == repr(told)
    assert json.dumps(body) == before
