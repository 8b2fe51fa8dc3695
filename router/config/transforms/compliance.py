"""Owns: the compliance suite of JMESPath against our compiled path.
Imports: config.transforms, jmespath (its parser, its errors).
Never: passes a case for an error of another class than the one that the case names.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jmespath.exceptions
import jmespath.parser

from router.config.transforms.compiler import Builtins, compile_tree
from router.core.document import Json
from router.core.errors import TransformError

#: the suite's word for a class of error; the first that fits counts
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (jmespath.exceptions.UnknownFunctionError, "unknown-function"),
    (jmespath.exceptions.ArityError, "invalid-arity"),
    (jmespath.exceptions.ParseError, "syntax"),  # the lexer's too
    (jmespath.exceptions.EmptyExpressionError, "syntax"),
    (jmespath.exceptions.JMESPathTypeError, "invalid-type"),
    (TransformError, "invalid-type"),
    (TypeError, "invalid-type"),
    (ValueError, "invalid-value"),  # a slice that stands still
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One case of the suite. `complaint` is empty when it passed."""

    expression: str
    complaint: str


class SuiteError(Exception):
    """What is no file of the suite; the text says why."""


def judge(groups: Json) -> Iterator[Judged]:
    """Yield what comes of each case of one file of the suite, in order. Raises SuiteError.

    A case says the result, the word of an error, or (where it is for measuring) neither.
    """
    try:
        cases = [(group["given"], case) for group in groups for case in group["cases"]]
        texts = [str(case["expression"]) for _, case in cases]
    except (TypeError, KeyError):
        raise SuiteError("not a list of {given, cases: [{expression}]}") from None
    for (document, case), text in zip(cases, texts, strict=True):
        yield Judged(expression=text, complaint=_complaint(document, case, text))


def evaluate(text: str, document: Json) -> Json:
    """Return the value of any JMESPath over a document, by generated code.

    Raises what jmespath raises for the same; in place of its own errors in Python TransformError.
    """
    with warnings.catch_warnings():
        #: literals that are not JSON are read as texts until the grammar drops them
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        tree = jmespath.parser.Parser().parse(text).parsed
    return compile_tree(tree, Builtins())(document)


def _complaint(document: Json, case: dict[str, Any], text: str) -> str:
    wanted = case.get("error")
    try:
        found = evaluate(text, document)
    except tuple(kind for kind, _ in _WORDS) as error:
        told = next(word for kind, word in _WORDS if isinstance(error, kind))
        return "" if told == wanted else f"{told} instead of {wanted or 'a value'}"
    if wanted is not None:
        return f"a value instead of {wanted}"
    if "result" in case and not _same(found, case["result"]):
        return "another value"
    return ""


def _same(found: Json, wanted: Json) -> bool:
    """Return whether two documents are the same; in Python true is 1 as well."""
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[k], wanted[k]) for k in wanted)
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)
