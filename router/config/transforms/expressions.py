"""Owns: expressions: text after `=` to a checked callable. The seam behind which JMESPath stands.
Imports: core, config.transforms.functions, jmespath (nowhere else in the project).
Never: shows a value in an error; evaluates what was not checked.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jmespath.exceptions
import jmespath.parser

from router.config.transforms.bounds import bounded
from router.config.transforms.checks import (
    MAX_DEPTH,
    Parsed,
    Vocabulary,
    Words,
    check_parsed,
    parsed_of,
)
from router.config.transforms.compiler import (
    BUILTIN,
    Builtins,
    Compiled,
    FunctionOf,
    compile_tree,
    is_false,
)
from router.config.transforms.functions import LIBRARY, Function
from router.config.transforms.reads import key_read
from router.core.diagnostics import Diagnostic, Place, Report
from router.core.document import Json
from router.core.errors import LimitExceeded, NullKey, TransformError

#: characters of one expression; longer ones are maps that want to be written as maps
MAX_LENGTH = 2048
#: brackets open at once; the parser recurses once for each
MAX_NESTING = 32
_MARKS, _NOTS = re.compile(r"[(\[{&)\]}]"), re.compile(r"!+")

Scope = Mapping[str, Json]
#: what evaluating an expression can raise beside our own errors
FAILURES = (
    jmespath.exceptions.JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)


class Late:
    """The function of a tree, made when it is first wanted: checking a project wants none."""

    __slots__ = ("function_of", "run", "tree")

    def __init__(self, tree: Any, function_of: FunctionOf) -> None:
        self.tree = tree
        self.function_of = function_of
        #: gives the value; after the first time the function itself
        self.run: Compiled = self._first

    def watch(self, told: Callable[[Json], None]) -> None:
        """Tell of each value from now on: for who measures tests."""
        inner = compile_tree(self.tree, self.function_of)

        def run(value: Json) -> Json:
            found = inner(value)
            told(found)
            return found

        self.run = run

    def _first(self, value: Json) -> Json:
        self.run = compile_tree(self.tree, self.function_of)
        return self.run(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A checked expression. Calling it with the roots in reach gives a plain document.

    Raises TransformError or LimitExceeded with this place; its text never holds a value.
    """

    source: str
    place: Place
    #: the roots that it reads
    reads: frozenset[str]
    #: the functions that it calls
    calls: frozenset[str]
    evaluate: Late

    def __call__(self, scope: Scope) -> Json:
        """Return the value of the expression over `scope`, null where a path ends nowhere."""
        try:
            return self.evaluate.run(scope)
        except (TransformError, LimitExceeded) as error:
            told = type(error)(f"{error} in ={self.source}", place=self.place)
            if isinstance(error, NullKey) and isinstance(told, NullKey):
                told.read = key_read(self.evaluate.tree, error.part)
            raise told from error
        except FAILURES as error:
            raise TransformError(_complaint(error, self.source), place=self.place) from error

    def place_of(self, name: str) -> Place:
        """Return where a name stands in it; its own place where it does not."""
        return Words(self.source, self.place).place(name)

    def holds(self, scope: Scope) -> bool:
        """Return whether the value is true in JMESPath's sense (not null, false or empty)."""
        return not is_false(self(scope))


class _Functions:
    """The functions that an expression may call: ours, `lookup` over tables, JMESPath's own."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._tables = vocabulary.tables
        self._more: Mapping[str, Function] = vocabulary.functions
        self._builtins = Builtins()

    def __call__(self, name: str) -> Callable[..., Json]:
        """Return a function by its name."""
        if name == "lookup":
            return self._lookup
        ours = self._more.get(name) or LIBRARY.get(name)
        return ours if ours is not None else bounded(name, self._builtins(name))

    def _lookup(self, name: Json, *keys: Json) -> Json:
        table = self._tables.get(name)
        if table is None:
            raise TransformError("lookup(): the first argument must name a table of the project")
        return table.lookup(keys)


def compile_expression(
    text: str, place: Place, vocabulary: Vocabulary
) -> tuple[Expression | None, list[Diagnostic]]:
    """Return the checked expression that `text` (without `=`) spells, and what is wrong with it.

    `place` is where the first character of `text` stands.
    """
    report = Report()
    parsed = _parse(text, place, report)
    if parsed is not None and parsed.depth > MAX_DEPTH:
        report.error("E105", place, f"more than {MAX_DEPTH} steps in a row", "write it as a map")
        parsed = None
    if parsed is None:
        return None, report.found
    words = Words(text, place)
    check_parsed(parsed, words, vocabulary, report)
    if report.has_errors:
        return None, report.found
    return _made(text, place, parsed, vocabulary), report.found


def compile_parsed(
    tree: Any, words: Words, vocabulary: Vocabulary, report: Report
) -> Expression | None:
    """Return the checked expression of a tree that another grammar spelled, or None.

    `words` are the text that spelled it.
    """
    parsed, found = parsed_of(tree), Report()
    if parsed.depth > MAX_DEPTH:
        found.error("E105", words.start, f"more than {MAX_DEPTH} steps in a row", "take it apart")
    else:
        check_parsed(parsed, words, vocabulary, found)
    report.extend(found.found)
    return None if found.has_errors else _made(words.text, words.start, parsed, vocabulary)


def _made(text: str, place: Place, parsed: Parsed, vocabulary: Vocabulary) -> Expression:
    return Expression(
        source=text,
        place=place,
        reads=parsed.reads,
        calls=frozenset(name for name, _ in parsed.calls),
        evaluate=Late(parsed.tree, _Functions(vocabulary)),
    )


def looks_like_expression(text: str, roots: frozenset[str] | None) -> bool:
    """Return whether a literal is most likely an expression whose `=` was forgotten."""
    call = re.match(r"([a-z_0-9]+)\(.*\)$", text)
    if call is not None:
        return call[1] in LIBRARY or call[1] in BUILTIN or call[1] == "lookup"
    path = re.match(r"([a-z_0-9]+)\.[A-Za-z_\"]", text)
    return path is not None and path[1] in (roots or ())


def _parse(text: str, place: Place, report: Report) -> Parsed | None:
    if not text.strip():
        report.error("E101", place, "nothing after =", "write a path such as =body.id")
        return None
    if len(text) > MAX_LENGTH:
        report.error("E105", place, f"longer than {MAX_LENGTH} characters", "write it as a map")
        return None
    if _nesting(text) > MAX_NESTING:
        report.error("E105", place, f"nested deeper than {MAX_NESTING}", "write it as a map")
        return None
    try:
        return _parsed(text)
    except PendingDeprecationWarning:
        report.error("E101", place, "not JMESPath: what stands in backticks is no JSON", "'text'")
    except jmespath.exceptions.LexerError as error:
        at = getattr(error, "lexer_position", None) or 0
        report.error(
            "E101", place.moved(at, 1), f"not JMESPath: {error.message}", _parse_hint(text)
        )
    except jmespath.exceptions.ParseError as error:
        at = min(error.lex_position, len(text))
        if at >= len(text):
            report.error("E101", place.moved(at, 1), "not JMESPath: it ends too early")
            return None
        what = f"{error.token_value!r} does not fit"
        report.error("E101", place.moved(at, 1), f"not JMESPath: {what}", _parse_hint(text))
    except RecursionError:
        report.error("E105", place, "nested deeper than its parser can go", "write it as a map")
    except (jmespath.exceptions.JMESPathError, ValueError) as error:
        report.error("E101", place, f"not JMESPath: {str(error).splitlines()[0]}")
    return None


@lru_cache(4096)  # the same paths stand in many files
def _parsed(text: str) -> Parsed:
    """Return what a text says. Raises what JMESPath's parser raises."""
    if "`" not in text:  # of what else is wrong it does not only warn
        return parsed_of(jmespath.parser.Parser().parse(text).parsed)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PendingDeprecationWarning)
        return parsed_of(jmespath.parser.Parser().parse(text).parsed)


def _parse_hint(text: str) -> str:
    if "==" in text or "!=" in text:
        return "a literal is 'text' or `json`"
    return 'a field with a dash or a colon is quoted: headers."x-topic"'


@lru_cache(4096)
def _nesting(text: str) -> int:
    text = text.replace("&&", "")
    deepest = max(map(len, _NOTS.findall(text)), default=0)
    depth = 0
    for mark in _MARKS.findall(text):
        depth += 1 if mark in "([{&" else -1
        deepest = max(deepest, depth)
    return deepest


def _complaint(error: Exception, source: str) -> str:
    if isinstance(error, jmespath.exceptions.JMESPathTypeError):
        expected = " or ".join(error.expected_types)
        return (
            f"{error.function_name}(): an argument must be {expected}, is {error.actual_type}"
            f" in ={source}"
        )
    return f"{type(error).__name__} in ={source}"
