"""Tables: keys to a value, and a declared answer for a key that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from router.config.components import INVALID
from router.config.tablefiles import TableFile, make_table
from router.core.errors import NullKey, TransformError

FILE = """
table: reasons
owner: us
keys: [system, code]
default: {error: unknown_key}
rows:
  shop: {'1': broken, 2: wrong_item, 'null': {deep: [1]}}
  till: {'01': late}
"""


@pytest.fixture
def table_of(workshop: Any) -> Any:
    """A maker of tables."""

    def make(text: str) -> Any:
        file = workshop.decode(TableFile, text)
        return file if file is INVALID else make_table(file, workshop.context())

    return make


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["shop", "1"], "broken"),
        (["shop", 1], "broken"),
        (["shop", 2], "wrong_item"),
        (["shop", "2"], "wrong_item"),
        (["shop", "null"], {"deep": [1]}),
        (["till", "01"], "late"),
    ],
)
def test_a_row_is_found_by_its_texts(table_of: Any, keys: list[Any], value: Any) -> None:
    assert table_of(FILE).lookup(keys) == value


@pytest.mark.parametrize(
    "keys",
    [
        ["shop", "9"],
        ["else", "1"],
        ["till", 1],
        ["till", "1"],
        ["shop", None],
        ["1", "shop"],
        ["shop"],
    ],
)
def test_an_unknown_key_without_a_default_is_an_error(table_of: Any, keys: list[Any]) -> None:
    with pytest.raises(TransformError, match="no default"):
        table_of(FILE).lookup(keys)


@pytest.mark.parametrize(
    ("keys", "told"), [([None, "1"], "system of the key"), (["shop", None], "code of the key")]
)
def test_a_key_that_is_null_is_not_told_to_want_a_row(
    table_of: Any, keys: list[Any], told: str
) -> None:
    with pytest.raises(NullKey) as raised:
        table_of(FILE).lookup(keys)
    assert f"lookup('reasons'): {told} is null" in str(raised.value)
    assert "row" not in str(raised.value)
    assert raised.value.part == keys.index(None)


@pytest.mark.parametrize("key", [True, 1.5, ["1"], {"a": 1}])
def test_a_key_is_a_text_or_an_integer(table_of: Any, key: Any) -> None:
    with pytest.raises(TransformError) as raised:
        table_of(FILE.replace("{error: unknown_key}", "other")).lookup(["shop", key])
    assert "1" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"), [("other", "other"), ("0", 0), ("false", False), ("{a: 1}", {"a": 1})]
)
def test_an_unknown_key_takes_the_default(table_of: Any, text: str, value: Any) -> None:
    table = table_of(FILE.replace("{error: unknown_key}", text))
    assert table.lookup(["shop", "9"]) == value
    assert table.lookup(["shop", "1"]) == "broken"


def test_the_number_of_keys_is_checked(table_of: Any) -> None:
    table = table_of(FILE)
    assert table.check_keys(2) == ""
    for given in (0, 1, 3):
        assert "lookup('reasons', system, code)" in table.check_keys(given)


def test_a_falsy_value_is_a_value(table_of: Any) -> None:
    text = FILE.replace("'1': broken", "'1': '', '3': 0, '4': false, '5': ~")
    table = table_of(text)
    assert [table.lookup(["shop", key]) for key in "1345"] == ["", 0, False, None]


@pytest.mark.parametrize(
    ("was", "is_", "codes"),
    [
        ("keys: [system, code]", "keys: []", ["E012"]),
        ("keys: [system, code]", "keys: [system, code, more]", ["E012"] * 3),
        ("default: {error: unknown_key}\n", "", ["E011"]),
        ("default: {error: unknown_key}", "default: [1]", ["E012"]),
        ("table: reasons", "table: My Reasons", ["E012"]),
        ("till: {'01': late}", "till: late", ["E012"]),
        ("owner: us", "ownr: us", ["E010"]),
    ],
)
def test_mistakes(workshop: Any, table_of: Any, was: str, is_: str, codes: list[str]) -> None:
    assert table_of(FILE.replace(was, is_)) is INVALID
    assert workshop.codes == codes


def test_a_table_may_know_nothing_of_other_keys(table_of: Any) -> None:
    table = table_of(FILE.replace("{error: unknown_key}", "{nothing: unknown_key}"))
    assert table.lookup(["shop", "9"]) is None
    assert table.lookup(["shop", "1"]) == "broken"


HOLDS = """
table: places
owner: us
keys: [currency]
holds: {least: 0, most: 4}
default: {nothing: unknown_key}
rows: {ISK: 2, CLF: 4}
"""


def test_a_table_of_whole_numbers(table_of: Any) -> None:
    table = table_of(HOLDS)
    assert (table.lookup(["ISK"]), table.lookup(["EUR"])) == (2, None)


@pytest.mark.parametrize("value", ["5", "-1", "'2'", "2.0", "true", "null", "[2]", "{x: 2}"])
def test_a_value_that_the_table_does_not_hold(table_of: Any, workshop: Any, value: str) -> None:
    assert table_of(HOLDS.replace("ISK: 2", f"ISK: {value}")) is INVALID
    assert "E135" in workshop.codes
    assert table_of(HOLDS.replace("{nothing: unknown_key}", "7")) is INVALID
