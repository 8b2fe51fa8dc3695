"""Owns: how often Python looks for reference cycles; that threads share what they have freed.
Imports: nothing of the router.
Never: turns the search off for longer than a project is being loaded.

A message is hundreds of small objects and hardly a cycle. By default Python looks after each 700
new objects, and now and then at all that the process holds: the project too, which never changes.

glibc gives each thread memory of its own, and keeps what it once took. Whichever thread commits
builds a transaction of megabytes, so each would keep them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: M_ARENA_MAX of malloc.h
_ARENAS = -8
#: new objects between two looks; a batch of messages makes some
YOUNG = 50_000
#: the same for a command, most of which make one project, tell something of it, and end: one of
#: 2,000 routes is 270,000 objects, and a look at them a tenth of what it takes to load it
MADE = 500_000


def begin_memory() -> None:
    """Let a command load a project, and end, before Python looks; what runs on settles."""
    gc.set_threshold(MADE, 10, 10)


def let_go() -> None:
    """Look at all that was loaded, too: who loads again does not keep it."""
    gc.unfreeze()
    gc.collect()


def settle_memory() -> None:
    """Take what is loaded by now out of the search, and search less often."""
    _share()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def _share() -> None:
    """Let threads that begin from here on take memory from one place, where glibc has many."""
    import ctypes  # noqa: PLC0415 (only who runs on needs it)

    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_ARENAS, 1)


@contextmanager
def building() -> Iterator[None]:
    """Do not search while a project is being loaded: what is made is kept, in one piece.

    A search in between goes through all that was made before, again and again: a third of the time.
    A command keeps what it has loaded until it ends, and is not searched at its end for that.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_threshold()[0] == MADE:
            gc.freeze()
        if searching:
            gc.enable()
