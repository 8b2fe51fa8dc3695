"""Owns: holding the fields that a map writes against the contract that it promises.
Imports: config.source, config.validation, config.types.schemas.
Never: judges types (config.types does); looks past what the map spells.
"""

from __future__ import annotations

from router.config.components import Context
from router.config.source import Node, Sequence, Table
from router.config.types.schemas import Schema, Schemas, View
from router.config.validation import Contract
from router.core.diagnostics import nearest


def check_target(node: Node, contract: Contract, context: Context) -> None:
    """Report each field that a map writes beyond its contract, and each that it lacks."""
    _Walk(contract, context).check(node, contract.schema, contract.schema)


class _Walk:
    """One walk through a map and a schema, side by side."""

    def __init__(self, contract: Contract, context: Context) -> None:
        self.contract = contract
        self.context = context
        self.schemas = Schemas(context.library.contracts.by_urn, str(contract.ref))

    def check(self, node: Node, schema: Schema, root: Schema) -> None:
        views = self.schemas.views(schema, root)
        if isinstance(node, Table):
            block = node.get("map")
            if node.get("each") is not None and block is not None:
                self._items(block, views)
            elif block is not None:
                self.check(block, schema, root)
            else:
                self._fields(node, views)
        elif isinstance(node, Sequence):
            for one in node.items:
                inner = one.get("map") if isinstance(one, Table) else None
                self._items(inner if inner is not None else one, views)

    def _items(self, node: Node, views: list[View]) -> None:
        for view, root in views:
            if isinstance(view.get("items"), dict):
                self.check(node, view["items"], root)
                return

    def _fields(self, node: Table, views: list[View]) -> None:
        properties: dict[str, View] = {}
        for view, root in views:
            for name, child in view.get("properties", {}).items():
                properties[name] = (child, root)
        closed = any(
            view.get(key) is False
            for view, _ in views
            for key in ("additionalProperties", "unevaluatedProperties")
        )
        for entry in node.entries:
            if entry.key in properties:
                child, root = properties[entry.key]
                if isinstance(child, dict):
                    self.check(entry.node, child, root)
            elif closed:
                self.context.report.error(
                    "E110",
                    entry.place,
                    f"{self.contract.ref} has no field {entry.key} here",
                    nearest(entry.key, properties),
                )
        written = {entry.key for entry in node.entries}
        required = {name for view, _ in views for name in view.get("required", ())}
        for name in sorted(required - written):
            self.context.report.error(
                "E111", node.place, f"{self.contract.ref} requires {name} here", f"{name}: =..."
            )
