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

from router.config.transforms.bounds import bounded, wrong_literal
from router.config.transforms.compiler import (
    BUILTIN,
    Builtins,
    Compiled,
    FunctionOf,
    compile_tree,
    is_false,
)
from router.config.transforms.functions import LIBRARY
from router.config.transforms.growth import MAX_COPIES, MAX_EACH, growth_of
from router.config.transforms.reads import (
    calls_of,
    compared_money,
    depth_of,
    has_hasty_not,
    has_still_slice,
    has_stray_reference,
    literals_of,
    roots_of,
)
from router.config.transforms.tables import Table
from router.core.diagnostics import Diagnostic, Place, Report, nearest
from router.core.document import Json
from router.core.errors import LimitExceeded, TransformError

#: characters of one expression; longer ones are maps that want to be written as maps
MAX_LENGTH = 2048
#: brackets open at once; the parser recurses once for each
MAX_NESTING = 32
#: nodes of its tree within each other; who walks the tree recurses twice for each
MAX_DEPTH = 128

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
            raise type(error)(f"{error} in ={self.source}", place=self.place) from error
        except FAILURES as error:
            raise TransformError(_complaint(error, self.source), place=self.place) from error

    def place_of(self, name: str) -> Place:
        """Return where a name stands in it; its own place where it does not."""
        return _Words(self.source, self.place).place(name)

    def holds(self, scope: Scope) -> bool:
        """Return whether the value is true in JMESPath's sense (not null, false or empty)."""
        return not is_false(self(scope))


class _Functions:
    """The functions that an expression may call: ours, `lookup` over tables, JMESPath's own."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._builtins = Builtins()

    def __call__(self, name: str) -> Callable[..., Json]:
        """Return a function by its name."""
        if name == "lookup":
            return self._lookup
        ours = LIBRARY.get(name)
        return ours if ours is not None else bounded(name, self._builtins(name))

    def _lookup(self, name: Json, *keys: Json) -> Json:
        table = self._tables.get(name)
        if table is None:
            raise TransformError("lookup(): the first argument must name a table of the project")
        return table.lookup(keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What an expression may name where it stands; `roots` None = any field of the document."""

    roots: frozenset[str] | None
    tables: Mapping[str, Table]


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
    words = _Words(text, place)
    _check_calls(parsed, words, vocabulary, report)
    _check_roots(parsed.reads, words, vocabulary, report)
    _check_values(parsed, words, report)
    if report.has_errors:
        return None, report.found
    made = Expression(
        source=text,
        place=place,
        reads=parsed.reads,
        calls=frozenset(name for name, _ in parsed.calls),
        evaluate=Late(parsed.tree, _Functions(vocabulary.tables)),
    )
    return made, report.found


def _check_roots(
    reads: frozenset[str], words: _Words, vocabulary: Vocabulary, report: Report
) -> None:
    if vocabulary.roots is None:
        return
    for name in sorted(reads - vocabulary.roots):
        report.error(
            "E104",
            words.place(name),
            f"nothing is called {name} here",
            nearest(name, vocabulary.roots),
        )


def _check_values(parsed: _Parsed, words: _Words, report: Report) -> None:
    """Report amounts that are compared as numbers, `&` where no function takes it, what is too
    much, and what is no value.
    """
    for name in parsed.compared:
        report.error(
            "E106",
            words.place(name),
            f"{name}(...) compared as if it were a number",
            "amounts are texts: write more(a, b), less(a, b), same(a, b) or total(list)",
        )
    if parsed.strays:
        report.error("E101", words.place("&"), "not JMESPath: & outside a call", "sort_by(a, &b)")
    if parsed.hasty_not:
        report.error(
            "E109",
            words.place("!"),
            "! binds closer than the point after it: !a.b is a field of !a, and null",
            "!(a.b)",
        )
    if parsed.stands_still:
        report.error("E101", words.start, "a slice's step is 0", "leave the step out")
    if parsed.literal:
        report.error("E101", words.start, f"a literal holds {parsed.literal}", "write it as a text")
    copies, each = parsed.growth
    if copies > MAX_COPIES:
        text = f"gives what it reads up to {copies} times, {MAX_COPIES} are allowed"
        report.error("E159", words.start, text, "name each part once, or write it as a map")
    elif each > MAX_EACH:
        text = f"makes up to {each} values for one item, {MAX_EACH} are allowed"
        report.error("E159", words.start, text, "write it as a map: each: with map:")


def looks_like_expression(text: str, roots: frozenset[str] | None) -> bool:
    """Return whether a literal is most likely an expression whose `=` was forgotten."""
    call = re.match(r"([a-z_0-9]+)\(.*\)$", text)
    if call is not None:
        return call[1] in LIBRARY or call[1] in BUILTIN or call[1] == "lookup"
    path = re.match(r"([a-z_0-9]+)\.[A-Za-z_\"]", text)
    return path is not None and path[1] in (roots or ())


def _parse(text: str, place: Place, report: Report) -> _Parsed | None:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    """What a text says wherever it stands."""

    #: nobody changes it
    tree: Any
    depth: int
    reads: frozenset[str]
    calls: tuple[tuple[str, list[Any]], ...]
    #: functions whose amounts are compared as numbers
    compared: tuple[str, ...]
    strays: bool
    stands_still: bool
    hasty_not: bool
    #: what no document holds of its literals
    literal: str
    #: copies of one value, values made for one item
    growth: tuple[int, int]


@lru_cache(4096)  # the same paths stand in many files
def _parsed(text: str) -> _Parsed:
    """Return what a text says. Raises what JMESPath's parser raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", PendingDeprecationWarning)
        tree = jmespath.parser.Parser().parse(text).parsed
    return _Parsed(
        tree=tree,
        depth=depth_of(tree),
        reads=frozenset(roots_of(tree)),
        calls=tuple(calls_of(tree)),
        compared=tuple(compared_money(tree)),
        strays=has_stray_reference(tree),
        stands_still=has_still_slice(tree),
        hasty_not=has_hasty_not(tree),
        literal=next(filter(None, map(wrong_literal, literals_of(tree))), ""),
        growth=growth_of(tree),
    )


def _parse_hint(text: str) -> str:
    if "==" in text or "!=" in text:
        return "a literal is 'text' or `json`"
    return 'a field with a dash or a colon is quoted: headers."x-topic"'


@lru_cache(4096)
def _nesting(text: str) -> int:
    deepest = depth = nots = 0
    for char in text.replace("&&", ""):
        if char in "([{&":
            depth += 1
        elif char in ")]}":
            depth -= 1
        nots = nots + 1 if char == "!" else 0
        deepest = max(deepest, depth, nots)
    return deepest


def _check_calls(parsed: _Parsed, words: _Words, vocabulary: Vocabulary, report: Report) -> None:
    for name, arguments in parsed.calls:
        if name == "lookup":
            _check_lookup(arguments, words, vocabulary, report)
        elif name in LIBRARY:
            complaint = LIBRARY[name].check_arity(len(arguments))
            if complaint:
                report.error("E103", words.place(name), complaint)
        elif name in BUILTIN:
            complaint = _builtin_arity(name, BUILTIN[name]["signature"], len(arguments))
            if complaint:
                report.error("E103", words.place(name), complaint)
        else:
            known = {*LIBRARY, *BUILTIN, "lookup"}
            close = nearest(name, known)
            hint = close if close.startswith("did") else "the reference page lists all functions"
            report.error("E102", words.place(name), f"unknown function {name}", hint)


def _builtin_arity(name: str, signature: Any, given: int) -> str:
    variadic = bool(signature) and signature[-1].get("variadic")
    wanted = len(signature)
    if given == wanted or (variadic and given >= wanted):
        return ""
    return f"{name}() takes {wanted}{' or more' if variadic else ''} arguments, {given} given"


def _check_lookup(
    arguments: list[Any], words: _Words, vocabulary: Vocabulary, report: Report
) -> None:
    place = words.place("lookup")
    first = arguments[0] if arguments else {}
    if first.get("type") != "literal" or not isinstance(first.get("value"), str):
        report.error("E107", place, "lookup() without a table", "lookup('table', key, ...)")
        return
    table = vocabulary.tables.get(first["value"])
    if table is None:
        close = nearest(first["value"], vocabulary.tables)
        hint = close if close.startswith("did") else f"declare it: tables: [{first['value']}]"
        report.error("E107", words.place(first["value"]), f"unknown table {first['value']}", hint)
        return
    complaint = table.check_keys(len(arguments) - 1)
    if complaint:
        report.error("E103", place, complaint)


@dataclass(frozen=True, slots=True)
class _Words:
    """Finds where a name stands inside an expression."""

    text: str
    start: Place

    def place(self, name: str) -> Place:
        for before in (r"(?<![\w.])", r"(?<!\w)", ""):  # a root, a field, anything
            match = re.search(f"{before}{re.escape(name)}(?!\\w)", self.text)
            if match:
                return self.start.moved(match.start(), len(name))
        return self.start


def _complaint(error: Exception, source: str) -> str:
    if isinstance(error, jmespath.exceptions.JMESPathTypeError):
        expected = " or ".join(error.expected_types)
        return (
            f"{error.function_name}(): an argument must be {expected}, is {error.actual_type}"
            f" in ={source}"
        )
    return f"{type(error).__name__} in ={source}"
