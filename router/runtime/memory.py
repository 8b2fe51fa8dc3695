"""Owns: how often Python looks for reference cycles.
Imports: nothing of the router.
Never: turns the search off for longer than a project is being loaded.

A message is hundreds of small objects and hardly a cycle. By default Python looks after each 700
new objects, and now and then at all that the process holds: the project too, which never changes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: new objects between two looks; a batch of messages makes some
YOUNG = 50_000


def settle_memory() -> None:
    """Take what is loaded by now out of the search, and search less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


@contextmanager
def building() -> Iterator[None]:
    """Do not search while a project is being loaded: what is made is kept, in one piece.

    A search in between goes through all that was made before, again and again: a third of the time.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()
