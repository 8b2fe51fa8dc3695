"""`router eval`: one expression over one document, and JMESPath's suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tools.conftest import Command


@pytest.fixture
def order(tmp_path: Path) -> Path:
    path = tmp_path / "order.json"
    path.write_text('{"total": "19.9", "currency": "EUR", "lines": [{"id": 1}, {"id": 2}]}')
    return path


def test_a_path_and_a_function_give_what_a_map_would(command: Command, order: Path) -> None:
    assert json.loads(command("eval", "body.lines[].id", order).output) == [1, 2]
    found = command("eval", "=money(body.total, body.currency)", order)
    assert json.loads(found.output) == {"amount": "19.90", "currency": "EUR"}
    told = json.loads(command("eval", "body.nothing", order, "--format", "json").output)
    assert (told["ok"], told["value"]) == (True, None)


def test_a_field_that_is_not_there_is_null_and_told_with_the_nearest(
    command: Command, order: Path
) -> None:
    done = command("eval", "[body.totl, body.lines[].idd, body.lines[?id > `1`].id]", order)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == [None, [], [2]]
    assert done.stderr.splitlines() == [
        "expression:1:7 E190 warning there is no field totl",
        "    1 | [body.totl, body.lines[].idd, body.lines[?id > `1`].id]",
        "      |       ^^^^ did you mean total?",
        "expression:1:26 E190 warning there is no field idd",
        "    1 | [body.totl, body.lines[].idd, body.lines[?id > `1`].id]",
        "      |                          ^^^ did you mean id?",
    ]
    data = json.loads(command("eval", "body.totl", order, "--format", "json").output)
    (note,) = data["notes"]
    assert (note["code"], note["severity"]) == ("E190", "warning")
    assert command("eval", "body.total", order).stderr == ""


def test_a_field_that_some_items_have_is_no_mistake(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text('[{"a": 1}, {"b": 2}, 3, null, [{"a": 4}]]')
    done = command("eval", "body[].a", path)
    assert (json.loads(done.stdout), done.stderr) == ([1, 4], "")


def test_an_expression_without_a_document_needs_none(command: Command) -> None:
    assert command("eval", "join_text(['a', 'b'], '/')").output == '"a/b"\n'


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("body.lines[", "expression:1:12 E101"),
        ("order.lines", "expression:1:1 E104 nothing is called order here"),
        ("moneys(body.total)", "did you mean money?"),
        ("money(body.lines, 'EUR')", "money(): argument 1 must be text or a number, is a list"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    command: Command, order: Path, expression: str, told: str
) -> None:
    done = command("eval", expression, order)
    assert done.exit_code == 1
    assert told in done.output
    data = json.loads(command("eval", expression, order, "--format", "json").output)
    assert data["ok"] is False
    assert len(data["findings"]) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no expression"),
        (("@", "--suite", "."), "say one of them"),
        (("--suite", "."), "no cases"),
    ],
)
def test_wrong_use_is_told(command: Command, words: tuple[str, ...], told: str) -> None:
    done = command("eval", *words)
    assert (done.exit_code, told in done.output) == (2, True)


#: (expression, what the case says, the complaint about it)
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("a", {"result": 1}, ""),
    ("a", {"result": True}, "another value"),
    ("a", {"bench": "full"}, ""),
    ("a", {"error": "syntax"}, "a value instead of syntax"),
    ("a[", {"error": "syntax"}, ""),
    ("a[", {"result": 1}, "syntax instead of a value"),
    ("abs('x')", {"error": "invalid-type"}, ""),
    ("abs('x')", {"error": "invalid-value"}, "invalid-type instead of invalid-value"),
    ("abs()", {"error": "invalid-arity"}, ""),
    ("nope()", {"error": "unknown-function"}, ""),
    ("b[::0]", {"error": "invalid-value"}, ""),
]


def test_a_suite_counts_what_holds_and_names_what_does_not(
    command: Command, tmp_path: Path
) -> None:
    cases = [{"expression": expression, **case} for expression, case, _ in CASES]
    (tmp_path / "own.json").write_text(json.dumps([{"given": {"a": 1, "b": [1]}, "cases": cases}]))
    done = command("eval", "--suite", tmp_path)
    wrong = [f"own.json: {one}: {complaint}" for one, _, complaint in CASES if complaint]
    assert done.output.splitlines() == [*wrong, f"{len(CASES) - len(wrong)} of {len(CASES)}"]
    assert done.exit_code == 1
    data = json.loads(command("eval", "--suite", tmp_path, "--format", "json").output)
    assert (data["ok"], data["cases"], len(data["failed"])) == (False, len(CASES), len(wrong))


@pytest.mark.parametrize("text", ["{", "[1]", '[{"given": 1, "cases": [{}]}]'])
def test_a_file_that_is_no_suite_is_told(command: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "own.json").write_text(text)
    done = command("eval", "--suite", tmp_path)
    assert done.exit_code == 2
    assert "own.json: no file of the suite" in done.output
