"""Owns: the splitter: one token for each item of a list.
Imports: config.steps, engine.token.
Never: treats what is no list as an empty one.
"""

from __future__ import annotations

from router.config.steps import Split
from router.core.document import type_name
from router.core.errors import TransformError
from router.engine.steps.ending import stop_of
from router.engine.token import Context, Emit, Token


def split(step: Split, token: Token, _context: Context) -> Emit:
    """Give one token an item. Raises TransformError when `each` is not a list."""
    items = step.each(token.scope)
    if not isinstance(items, list):
        raise TransformError(
            f"split: ={step.each.source} is {type_name(items)}, not a list", place=step.each.place
        )
    if not items:
        return Emit(stops=(stop_of(step.empty),))
    return Emit(
        tokens=tuple(
            token.with_roots({step.name: item, f"{step.name}_index": index}, str(index))
            for index, item in enumerate(items)
        )
    )
