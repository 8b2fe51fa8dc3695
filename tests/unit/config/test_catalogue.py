"""Owns: that the catalogue of findings is whole and its examples can be read.
Imports: config.catalogue, config.source, cli.explain.
Never: triggers a finding (tests/rules does).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from router.cli.main import main
from router.config.catalogue import Code, load_catalogue
from router.config.source import Scalar, Sequence, Table, read_yaml
from router.core.diagnostics import Diagnostic

CATALOGUE = load_catalogue()
#: what the examples of these codes show cannot be read, or not without a finding
UNREADABLE = {"E001", "E002", "E004", "E005", "E201"}


@pytest.mark.parametrize("one", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_has_a_title_of_one_line_and_a_reason_of_two_to_four_sentences(one: Code) -> None:
    assert re.fullmatch(r"[A-Z][^\n]{8,88}[^.\s]", one.title), "one line, no full stop"
    assert 2 <= len(re.findall(r"[.?!](?=\s)", one.why)) <= 4
    assert one.why.endswith(".\n")


@pytest.mark.parametrize("one", CATALOGUE.values(), ids=CATALOGUE)
def test_the_right_example_reads_without_a_finding_and_the_wrong_one_differs(one: Code) -> None:
    node, found = read_yaml(one.right, "right.yaml")
    assert found == []
    assert isinstance(node, Table | Sequence)
    assert one.wrong != one.right


@pytest.mark.parametrize("one", CATALOGUE.values(), ids=CATALOGUE)
def test_the_wrong_example_is_unreadable_only_where_that_is_its_point(one: Code) -> None:
    found: list[Diagnostic]
    node, found = read_yaml(one.wrong, "wrong.yaml")
    assert isinstance(node, Table | Sequence) or found
    if one.code in UNREADABLE:
        assert {"E001" if one.code == "E201" else one.code} == {each.code for each in found}
    else:
        assert found == []


def test_codes_stand_in_order_and_none_twice() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
    assert all(re.fullmatch(r"[EW]\d{3}", code) for code in CATALOGUE)


def test_a_title_belongs_to_one_code() -> None:
    titles = [one.title for one in CATALOGUE.values()]
    assert len(set(titles)) == len(titles)


def test_every_expression_in_the_examples_of_other_codes_is_quoted_where_yaml_asks() -> None:
    """An unquoted `=f(a, b)` in a flow list falls apart into two items."""
    for one in CATALOGUE.values():
        if one.code in UNREADABLE:
            continue
        for text in _texts(one.right):
            assert text.count("(") == text.count(")"), f"{one.code}: {text}"


@pytest.mark.parametrize("code", ["E031", "e031"])
def test_explain_prints_the_whole_entry(code: str) -> None:
    told = CliRunner().invoke(main, ["explain", code])
    one = CATALOGUE["E031"]
    assert told.exit_code == 0
    assert told.output.startswith(f"E031  {one.title}\n\n{one.why.strip()}\n")
    assert f"Wrong:\n    {one.wrong}" in told.output
    assert f"Right:\n    {one.right}" in told.output


def test_explain_without_a_code_lists_all() -> None:
    told = CliRunner().invoke(main, ["explain"])
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert [line.split("  ", 1) for line in lines] == [
        [one.code, one.title] for one in CATALOGUE.values()
    ]


def test_explain_of_an_unknown_code_names_the_nearest() -> None:
    told = CliRunner().invoke(main, ["explain", "E0311"])
    assert told.exit_code == 2
    assert "E031" in told.output


def _texts(example: str) -> Iterator[str]:
    node, _ = read_yaml(example, "example.yaml")
    todo = [node]
    while todo:
        match todo.pop():
            case Scalar(value=str() as text):
                yield text
            case Sequence(items=items):
                todo.extend(items)
            case Table(entries=entries):
                todo.extend(entry.node for entry in entries)
