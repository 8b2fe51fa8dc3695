"""Owns: literal texts with places to fill: `/orders/{id}`.
Imports: config.components.
Never: evaluates an expression; fills a place without the caller's encoding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from router.config.components import INVALID, Context, report_wrong
from router.config.source import Node, Scalar
from router.core.diagnostics import nearest
from router.core.document import Json, type_name
from router.core.errors import TransformError

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """Text whose `{name}` places are filled from named values."""

    text: str
    parts: tuple[str, ...]

    def fill(self, values: Mapping[str, Json], encode: Callable[[str], str] = str) -> str:
        """Return the text with each place filled. Raises TransformError for null or a structure."""
        made = []
        for index, part in enumerate(self.parts):
            made.append(encode(_text(part, values.get(part))) if index % 2 else part)
        return "".join(made)


@dataclass(frozen=True, slots=True)
class TemplateShape:
    """A text with `{name}` places; the names are those in reach."""

    expects: str = "a text with {name} places"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return report_wrong(self, node, context)
        parts = tuple(_PLACE.split(node.value))
        if any("{" in part or "}" in part for part in parts[::2]):
            context.report.error(
                "E120",
                node.place,
                "a brace that is no place",
                f"a place is {{name}}: {nearest('', context.roots or ())}",
            )
            return INVALID
        for name in parts[1::2]:
            if name not in (context.roots or ()):
                at = node.value.find(f"{{{name}}}") + (0 if node.plain else 1)
                context.report.error(
                    "E120",
                    node.place.moved(at, len(name) + 2),
                    f"nothing is called {{{name}}} here",
                    nearest(name, context.roots or ()),
                )
                return INVALID
        if any(brace in part for part in parts[::2] for brace in "{}"):
            context.report.error(
                "E120", node.place, "a brace that makes no place", "{name}, a name in snake_case"
            )
            return INVALID
        return Template(node.value, parts)


TEMPLATE = TemplateShape()


def _text(name: str, value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TransformError(f"{{{name}}} is {type_name(value)}, a text or a whole number is wanted")
