"""Owns: how values of the hot path and nodes of a text are declared: immutable for the type
checker, quick to make.
Imports: the standard library.
Never: a field of its own.

A frozen dataclass sets each field through a call: that was a twelfth of the cost of a message, and
of that of a load. So `frozen` is held by mypy alone; at run time the class is a plain one with
slots, and it hashes as a frozen one does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen: bool, slots: bool, **options: bool):
        """Return the decorator of such a class; the options are those of `dataclass`."""
        return dataclass(unsafe_hash=frozen, slots=slots, **options)


__all__ = ["value"]
