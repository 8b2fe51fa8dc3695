"""Owns: what is wrong with an expression's tree where it stands, and where its words are.
Imports: core, config.transforms (functions, growth, bounds, reads, tables).
Never: parses; evaluates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.config.transforms.bounds import wrong_literal
from router.config.transforms.compiler import BUILTIN
from router.config.transforms.functions import LIBRARY, Function
from router.config.transforms.growth import MAX_COPIES, MAX_EACH, growth_of
from router.config.transforms.reads import (
    calls_of,
    compared_money,
    depth_of,
    has_hasty_not,
    has_still_slice,
    has_stray_reference,
    literals_of,
    nodes_of,
    roots_of,
)
from router.config.transforms.tables import Table
from router.core.diagnostics import Place, Report, nearest

#: nodes of a tree within each other; who walks the tree recurses twice for each
MAX_DEPTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What an expression may name where it stands; `roots` None = any field of the document."""

    roots: frozenset[str] | None
    tables: Mapping[str, Table]
    #: functions beside the library's, by name
    functions: Mapping[str, Function] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
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


def parsed_of(tree: Any) -> Parsed:
    """Return what a tree says wherever it stands; what needs a kind of node is only asked of a tree
    that has one.
    """
    kinds = {node["type"] for node in nodes_of(tree)}
    calls = "function_expression" in kinds
    literals = literals_of(tree) if kinds & {"literal", "key_val_pair"} else ()
    return Parsed(
        tree=tree,
        depth=depth_of(tree),
        reads=frozenset(roots_of(tree)),
        calls=tuple(calls_of(tree)) if calls else (),
        compared=tuple(compared_money(tree)) if calls or "comparator" in kinds else (),
        strays="expref" in kinds and has_stray_reference(tree),
        stands_still="slice" in kinds and has_still_slice(tree),
        hasty_not="not_expression" in kinds and has_hasty_not(tree),
        literal=next(filter(None, map(wrong_literal, literals)), ""),
        growth=growth_of(tree, kinds),
    )


@dataclass(frozen=True, slots=True)
class Words:
    """Finds where a name stands inside an expression."""

    text: str
    start: Place

    def place(self, name: str) -> Place:
        for before in (r"(?<![\w.])", r"(?<!\w)", ""):  # a root, a field, anything
            match = re.search(f"{before}{re.escape(name)}(?!\\w)", self.text)
            if match:
                return self.at(match.start(), len(name))
        return self.start

    def at(self, offset: int, width: int) -> Place:
        """Return the place of a part of the text, which may have several lines."""
        line = self.text.count("\n", 0, offset)
        if not line:
            return self.start.moved(offset, width)
        column = offset - self.text.rindex("\n", 0, offset)
        return Place(self.start.file, self.start.line + line, column, width)


def check_parsed(parsed: Parsed, words: Words, vocabulary: Vocabulary, report: Report) -> None:
    """Report what cannot be right in a tree, whatever document it meets."""
    _check_calls(parsed, words, vocabulary, report)
    _check_roots(parsed.reads, words, vocabulary, report)
    _check_values(parsed, words, report)


def _check_roots(
    reads: frozenset[str], words: Words, vocabulary: Vocabulary, report: Report
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


def _check_values(parsed: Parsed, words: Words, report: Report) -> None:
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


def _check_calls(parsed: Parsed, words: Words, vocabulary: Vocabulary, report: Report) -> None:
    for name, arguments in parsed.calls:
        if name == "lookup":
            _check_lookup(arguments, words, vocabulary, report)
        elif (ours := vocabulary.functions.get(name) or LIBRARY.get(name)) is not None:
            complaint = ours.check_arity(len(arguments))
            if complaint:
                report.error("E103", words.place(name), complaint)
        elif name in BUILTIN:
            complaint = _builtin_arity(name, BUILTIN[name]["signature"], len(arguments))
            if complaint:
                report.error("E103", words.place(name), complaint)
        else:
            known = {*vocabulary.functions, *LIBRARY, *BUILTIN, "lookup"}
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
    arguments: list[Any], words: Words, vocabulary: Vocabulary, report: Report
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
