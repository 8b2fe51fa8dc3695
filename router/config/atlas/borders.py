"""Owns: the pages of contracts, tables and environments.
Imports: config.atlas.book, config.atlas.markdown, config.pointers.
Never: shows a value of an environment that may be a secret: references and names alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.atlas.book import Book, told
from router.config.atlas.markdown import cell, code, code_cell, spelled, table
from router.config.contracts import InvariantFile, order_of
from router.config.environments import ChannelSettings, HttpSettings, StoreSettings
from router.config.pointers import pointed
from router.config.tablefiles import TableFile

#: rows of a table that are shown; more are counted
ROWS = 50
#: fields within each other that are shown
DEPTH = 8


def contract_page(book: Book, name: str) -> list[str]:
    """Return the lines of a contract's page: versions, identity, truths, fields, who uses it."""
    page, file = f"contracts/{name}.md", book.file("contract", name)
    lines = [
        f"# Contract `{name}`",
        "",
        f"Owner: {cell(file['owner'])}. {cell(file.get('doc', ''))}".strip(),
        "",
    ]
    rows = [(code(version), spelled(said)) for version, said in file["versions"].items()]
    lines += table(("version", "status"), ((one, code_cell(said)) for one, said in rows))
    shown = ("keys", "policy", "money", "unconsumed")
    said = ((code(key), code_cell(spelled(file[key]))) for key in shown if key in file)
    lines += [*table(("key", "value"), said), *_truths(file.get("invariants", []))]
    lines += _users(book, name, page)
    latest = max(book.project.contracts.versions[name], key=order_of)
    schema = book.project.contracts.versions[name][latest].schema
    fields = list(_fields(schema, schema, "", DEPTH))
    heads = ("field", "type", "must", "meaning")
    return [*lines, f"## Fields of `{latest}`", "", *table(heads, fields)]


def table_page(book: Book, name: str) -> list[str]:
    """Return the lines of a table's page."""
    file, made = book.file("table", name), book.project.tables[name]
    lines = [
        f"# Table `{name}`",
        "",
        f"Owner: {cell(file['owner'])}. {cell(file.get('doc', ''))}".strip(),
        "",
    ]
    about = [
        (key, one) for key, one in told(TableFile, file) if key in ("source", "refresh", "default")
    ]
    lines += table(("key", "value"), ((code(key), code_cell(spelled(one))) for key, one in about))
    rows = list(made.rows.items())
    heads = (*made.columns, "value")
    lines += table(
        heads, ((*map(code_cell, key), code_cell(spelled(one))) for key, one in rows[:ROWS])
    )
    left = len(rows) - ROWS
    return [*lines, f"And {left} more rows.", ""] if left > 0 else lines


def environment_page(book: Book, name: str) -> list[str]:
    """Return the lines of an environment's page; of `values:` only the names."""
    page, file = f"environments/{name}.md", book.file("environment", name)
    rows = [(f"store {key}", spelled(one)) for key, one in told(StoreSettings, file["store"])]
    rows += [(f"http {key}", spelled(one)) for key, one in told(HttpSettings, file.get("http", {}))]
    rows += [("values", ", ".join(file["values"]))] if file.get("values") else []
    lines = [f"# Environment `{name}`", ""]
    lines += table(("key", "value"), ((code(key), code_cell(one)) for key, one in rows))
    takes = file.get("takes", list(book.files["channel"]))
    lines += [
        f"Channels that come in: {', '.join(book.to('channel', c, page) for c in takes)}.",
        "",
    ]
    for kind, known in (("system", file.get("systems", {})), ("channel", file.get("channels", {}))):
        lines += [line for one in known for line in _settings(book, (kind, one), known[one], page)]
    return lines


def _settings(book: Book, thing: tuple[str, str], settings: dict[str, Any], page: str) -> list[str]:
    kind, name = thing
    cls = ChannelSettings if kind == "channel" else book.project.systems[name].adapter.Settings
    rows = ((code(key), code_cell(spelled(one))) for key, one in told(cls, settings))
    return [
        f"## {kind.capitalize()} {book.to(kind, name, page)}",
        "",
        *table(("key", "value"), rows),
    ]


def _truths(invariants: list[dict[str, Any]]) -> list[str]:
    rows = [
        (
            code(one["id"]),
            cell(one.get("doc", "")),
            code_cell(dict(told(InvariantFile, one))["expr"]),
        )
        for one in invariants
    ]
    return table(("truth", "meaning", "expression"), rows)


def _users(book: Book, name: str, page: str) -> list[str]:
    lines = []
    for node in book.graph.nodes:
        if node.kind == "object" and node.name.partition("@")[0] == name:
            made = book.leading(node, "produces", page)
            taken = book.following(node, "takes", page)
            lines += [f"{code(node.name)} is produced by {', '.join(made) or 'nobody'},"]
            lines += [f"taken by {', '.join(taken) or 'nobody'}.", ""]
    accepting = [
        book.to("channel", channel, page)
        for channel, file in book.files["channel"].items()
        if any(one.get("accept", "").partition("@")[0] == name for one in file["routes"].values())
    ]
    return [*lines, f"Accepted by {', '.join(accepting)}.", ""] if accepting else lines


def _fields(schema: Any, root: Any, path: str, depth: int) -> Iterator[tuple[str, str, str, str]]:
    """Yield the fields of a schema, those of objects and of items of lists below them."""
    schema = _resolved(schema, root)
    if depth == 0 or not isinstance(schema, dict):
        return
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        inner = _resolved(field, root)
        must = "yes" if name in required else ""
        yield code(here), _type(inner), must, _meaning(field, inner)
        yield from _fields(inner, root, here, depth - 1)
    if isinstance(schema.get("items"), dict):
        yield from _fields(schema["items"], root, f"{path}[]", depth - 1)


def _resolved(schema: Any, root: Any) -> Any:
    """Return what a reference within the same file leads to; others stay as they are."""
    reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
    if not reference.startswith("#/"):
        return schema
    return pointed(root, reference[1:])


def _type(inner: Any) -> str:
    if not isinstance(inner, dict):
        return "never" if inner is False else "any"
    reference = inner.get("$ref", "")
    if reference:  # urn:contract:types/money:1.0.0
        name, _, version = reference.removeprefix("urn:contract:").partition("#")[0].rpartition(":")
        return code(f"{name}@{version}")
    kinds = inner.get("type", "any")
    text = " or ".join(kinds) if isinstance(kinds, list) else kinds
    words = inner.get("enum") or ([inner["const"]] if "const" in inner else [])
    return f"{text}: {', '.join(code_cell(spelled(one)) for one in words)}" if words else text


def _meaning(field: Any, inner: Any) -> str:
    said = [one.get("description", "") for one in (field, inner) if isinstance(one, dict)]
    return cell(next((text for text in said if text), ""))
