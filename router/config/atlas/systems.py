"""Owns: the pages of systems: what each operation takes, what its answers mean, how it repeats.
Imports: config.atlas.book, config.atlas.markdown.
Never: says where a system is (the environments do).
"""

from __future__ import annotations

from typing import Any

from router.config.atlas.book import Book, told
from router.config.atlas.graph import Node
from router.config.atlas.markdown import cell, code, code_cell, spelled, table
from router.config.policies import Retry
from router.config.systems import Confirmation, Idempotency, Lookup

#: parts of an operation, each with the component that knows their defaults
_PARTS: dict[str, type[Any]] = {
    "idempotency": Idempotency,
    "lookup": Lookup,
    "confirmation": Confirmation,
}
_RULE = ("code", "reference", "left", "result", "after")


def system_page(book: Book, name: str) -> list[str]:
    """Return the lines of a system's page."""
    page, file = f"systems/{name}.md", book.file("system", name)
    said = f"Owner: {cell(file['owner'])}. It speaks {code(file['adapter'])}."
    lines = [f"# System `{name}`", "", said, "", *book.drawing([Node("system", name)])]
    lines += _bounds(file)
    for word, operation in file["operations"].items():
        lines += [f"## Operation `{name}.{word}`", ""]
        lines += _calls(operation) if "calls" in operation else _operation(book, operation, page)
        lines += _users(book, name, word, page)
        lines += _retries(book, operation.get("on_failure", file["on_failure"]))
    return lines


def _bounds(file: dict[str, Any]) -> list[str]:
    """Return what bounds the calls to a system."""
    rows = [
        (code(f"limit {name}"), code_cell(spelled(limit)))
        for name, limit in file.get("limits", {}).items()
    ]
    if "breaker" in file:
        rows.append((code("breaker"), code_cell(spelled(file["breaker"]))))
    return table(("calls are held by", "which says"), rows) if rows else []


def _calls(operation: dict[str, Any]) -> list[str]:
    calls = ", ".join(code(one) for one in operation["calls"])
    return [f"Takes {code(operation['accept'])} and makes these calls in order: {calls}.", ""]


def _operation(book: Book, operation: dict[str, Any], page: str) -> list[str]:
    rows = [
        (code(key), book.to("contract", operation[key], page))
        for key in ("accept", "returns")
        if key in operation
    ]
    shown = ("arguments", "transform", "request", "reference")
    rows += [(code(k), code_cell(spelled(operation[k]))) for k in shown if k in operation]
    request = operation["request"]
    contracts = {one for one in request.values() if isinstance(one, str) and "@" in one}
    rows += [("keeps", book.to("contract", one, page)) for one in sorted(contracts)]
    for key, cls in _PARTS.items():
        if key in operation:
            rows += [
                (code(f"{key} {one}"), code_cell(spelled(value)))
                for one, value in told(cls, operation[key])
            ]
    return [*table(("key", "value"), rows), *_outcomes(operation["outcome"])]


def _outcomes(rules: list[dict[str, Any]]) -> list[str]:
    rows = []
    for rule in rules:
        when = code_cell(spelled(rule["if"])) if "if" in rule else "everything else"
        means = rule.get("is") or rule.get("otherwise", "")
        more = {key: rule[key] for key in _RULE if key in rule}
        rows.append((when, f"**{means}**", code_cell(spelled(more)) if more else ""))
    heads = ("when the answer", "it means", "and gives")
    return ["The first that holds counts:", "", *table(heads, rows)]


def _users(book: Book, system: str, operation: str, page: str) -> list[str]:
    node = Node("system", system)
    edges = [e for e in book.graph.edges if e.target == node and operation in e.words]
    users = [book.to(edge.source.kind, edge.source.name, page) for edge in edges]
    return [f"Used by {', '.join(users)}.", ""] if users else ["Used by nobody.", ""]


def _retries(book: Book, policy: str) -> list[str]:
    file = book.file("policy", policy)
    said = ", ".join(f"{key} {code(spelled(one))}" for key, one in told(Retry, file["retry"]))
    last = code(file["at_last"])
    return [f"Retries by policy {code(policy)}: {said}; at last {last}.", ""]
