"""The types of JMESPath's compliance suite: what comes out is of the type that was said before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jmespath.parser
import pytest

from router.config.types.facts import NONE
from router.config.types.infer import Inference
from router.config.types.literals import literal
from router.config.types.type import Type

SUITE = os.environ.get("CROSSDOCK_CONFORMANCE", "")
pytestmark = [
    pytest.mark.skipif(not SUITE, reason="CROSSDOCK_CONFORMANCE is not set"),
    pytest.mark.filterwarnings("ignore:deprecated string literal"),
]


def cases() -> list[tuple[Any, str, Any]]:
    """Return document, expression and result of each case that gives one."""
    return [
        (group["given"], case["expression"], case["result"])
        for path in sorted((Path(SUITE) / "jmespath").glob("*.json"))
        for group in json.loads(path.read_text())
        for case in group["cases"]
        if "result" in case
    ]


def typed(expression: str, document: Any) -> tuple[Type, list[str]]:
    """Return the type of an expression over a document, and what was told of it."""
    told: list[str] = []
    inference = Inference(tables={}, complain=lambda code, *_: told.append(code))
    tree = jmespath.parser.Parser().parse(expression).parsed
    return inference.of(tree, literal(document), NONE), told


def test_a_result_is_of_the_type_that_was_said_before() -> None:
    wrong = []
    looked_at = 0
    for document, expression, result in cases():
        found, told = typed(expression, document)
        if told or found.unknown:
            continue  # it was told, or nothing was said
        looked_at += 1
        given = literal(result)
        fits = bool(found.null) if result is None else bool(given.kinds & found.kinds)
        if not fits:
            wrong.append(f"{expression} gives {given}, said was {found}")
    assert wrong == []
    assert looked_at > 300
