"""Owns: finding the one of a batch that makes it fail.
Imports: core.errors.
Never: takes a store that is away for somebody's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from router.core.errors import Unavailable

T = TypeVar("T")


def in_halves(
    batch: Sequence[T],
    handle: Callable[[Sequence[T]], None],
    alone: Callable[[T, Exception], None],
) -> None:
    """Handle a batch; where it fails, halve it until the one at fault is found, and give that over.

    Nothing of a batch that fails may be done: what is not at fault is handled again. `alone` is
    told why the one failed. Raises Unavailable.
    """
    try:
        handle(batch)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, it must not stop the others)
        if len(batch) == 1:
            alone(batch[0], error)
            return
        half = len(batch) // 2
        in_halves(batch[:half], handle, alone)
        in_halves(batch[half:], handle, alone)
