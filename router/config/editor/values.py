"""Owns: values of components as an author would write them.
Imports: config.components, config.shapes.
Never: decodes (the shapes do).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from router.config.components import Knob, Shape, knobs_of
from router.config.shapes import PERCENT, SIZE
from router.core import units
from router.core.document import Json


def written(one: Knob) -> Json:
    """Return the default of a key as it would be written; None when nothing stands for it."""
    return as_written(one.default() if callable(one.default) else one.default, one.shape)


def as_written(value: Any, shape: Shape) -> Json:
    """Return a decoded value of a shape as it would be written."""
    if isinstance(value, timedelta):
        return units.duration_text(value)
    if shape is PERCENT:
        return f"{value}%"
    if shape is SIZE:
        return units.size_text(value)
    if hasattr(value, "__component__"):
        keys = knobs_of(type(value))
        return {one.key: as_written(getattr(value, one.name), one.shape) for one in keys}
    if isinstance(value, tuple):
        return [as_written(one, shape) for one in value]
    return value
