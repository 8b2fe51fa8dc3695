"""Owns: how often Python looks for reference cycles.
Imports: nothing of the router.
Never: turns the search off.

A message is hundreds of small objects and hardly a cycle. By default Python looks after each 700
new objects, and now and then at all that the process holds: the project too, which never changes.
"""

from __future__ import annotations

import gc

#: new objects between two looks; a batch of messages makes some
YOUNG = 50_000


def settle_memory() -> None:
    """Take what is loaded by now out of the search, and search less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
