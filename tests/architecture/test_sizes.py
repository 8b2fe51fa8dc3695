"""Files, functions and parameter lists stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

MAX_FILE = 400
MAX_FUNCTION = 40
MAX_PARAMETERS = 5
#: functions longer than this are the exception
USUAL_FUNCTION = 20
#: how many of them there may be, of all functions
MAX_SHARE = 0.10
#: written by Alembic from the tables
GENERATED = "router/infra/store/migrations/versions/"


def test_files_are_short(sources: Any) -> None:
    lines = {source.path: source.text.count("\n") for source in sources}
    assert {path: n for path, n in lines.items() if n > MAX_FILE} == {}


def test_functions_are_short(sources: Any) -> None:
    long = [
        f"{name} {_length(node)}" for name, node in _all(sources) if _length(node) > MAX_FUNCTION
    ]
    assert long == []


def test_nine_functions_in_ten_are_very_short(sources: Any) -> None:
    lengths = [_length(node) for _, node in _all(sources)]
    longer = sum(length > USUAL_FUNCTION for length in lengths)
    share = longer / len(lengths)
    assert share <= MAX_SHARE, f"{longer} of {len(lengths)} are longer: {share:.1%}"


def test_parameter_lists_are_short(sources: Any) -> None:
    many = [
        f"{name} {_parameters(node)}"
        for name, node in _all(sources)
        if _parameters(node) > MAX_PARAMETERS and not _is_command(node)
    ]
    assert many == []


def _all(sources: Any) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for source in sources:
        if source.path.startswith(GENERATED):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{source.path}:{node.lineno} {node.name}", node


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    rest = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return sum(one.arg not in ("self", "cls") for one in named) + len(rest)


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether click gives the arguments: one for each option."""
    return any("command" in ast.unparse(one) for one in node.decorator_list)
