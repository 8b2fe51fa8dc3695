"""The compliance suite of JMESPath through our compiled path; and both paths against each other."""

from __future__ import annotations

import os
from typing import Any

import jmespath
import jmespath.exceptions
import jmespath.parser
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cli.main import main
from router.config.transforms.compiler import Builtins, compile_tree

SUITE = os.environ.get("CROSSDOCK_CONFORMANCE", "")
#: literals that are not JSON are read as texts until the grammar drops them
pytestmark = pytest.mark.filterwarnings("ignore:deprecated string literal")


@pytest.mark.skipif(not SUITE, reason="CROSSDOCK_CONFORMANCE is not set")
def test_the_suite_holds() -> None:
    done = CliRunner().invoke(main, ["eval", "--suite", f"{SUITE}/jmespath"])
    assert done.output == "908 of 908\n"
    assert done.exit_code == 0


NAMES = st.sampled_from(["a", "b", "c"])
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, "", "a", "b", "10"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
LITERALS = st.sampled_from(
    ["`1`", "`0`", "`null`", "`true`", "`false`", "'a'", "`[]`", "`{}`", '`""`', "`[1,2]`"]
)


def expressions() -> st.SearchStrategy[str]:
    leaf = (
        NAMES
        | LITERALS
        | st.sampled_from(["@", "*", "[]", "[0]", "[-1]", "[*]", "[1:]", "[::-1]", "[:2]"])
    )

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(NAMES, inner).map(".".join),
            st.tuples(inner, inner).map(lambda p: f"{p[0]} | {p[1]}"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) || ({p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) && ({p[1]})"),
            st.tuples(inner, st.sampled_from(["==", "!=", "<", ">=", ">", "<="]), inner).map(
                lambda p: f"({p[0]}) {p[1]} ({p[2]})"
            ),
            inner.map(lambda one: f"!({one})"),
            st.tuples(NAMES, inner).map(lambda p: f"{p[0]}[?{p[1]}]"),
            st.tuples(NAMES, inner).map(
                lambda p: f"{p[0]}[*].{p[1]}" if p[1][0] in "abc" else f"{p[0]}[*]"
            ),
            st.tuples(inner, inner).map(lambda p: f"[{p[0]}, {p[1]}]"),
            st.tuples(inner, inner).map(lambda p: f"{{x: {p[0]}, y: {p[1]}}}"),
            st.tuples(
                st.sampled_from(
                    [
                        "length",
                        "keys",
                        "values",
                        "type",
                        "to_string",
                        "to_number",
                        "sort",
                        "reverse",
                        "sum",
                        "max",
                        "not_null",
                        "to_array",
                        "abs",
                        "avg",
                    ]
                ),
                inner,
            ).map(lambda p: f"{p[0]}({p[1]})"),
            st.tuples(st.sampled_from(["map", "sort_by", "max_by"]), inner, inner).map(
                lambda p: (
                    f"map(&({p[1]}), {p[2]})" if p[0] == "map" else f"{p[0]}({p[2]}, &({p[1]}))"
                )
            ),
        )

    return st.recursive(leaf, grow, max_leaves=6)


def outcome(run: Any) -> tuple[str, Any]:
    try:
        return "value", run()
    except jmespath.exceptions.JMESPathError as error:
        return "error", type(error).__name__
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        return "error", type(error).__name__


@settings(max_examples=4000, deadline=None)
@given(expression=expressions(), document=DOCUMENTS)
def test_both_paths_agree(expression: str, document: Any) -> None:
    agree(expression, document)


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None)
@given(expression=expressions(), document=DOCUMENTS)
def test_both_paths_agree_for_long(expression: str, document: Any) -> None:
    agree(expression, document)


def agree(expression: str, document: Any) -> None:
    try:
        parsed = jmespath.parser.Parser().parse(expression)
    except jmespath.exceptions.JMESPathError:
        return
    theirs = outcome(lambda: parsed.search(document))
    assert outcome(lambda: compile_tree(parsed.parsed, Builtins())(document)) == theirs
