"""Owns: dying at a named boundary, for tests that prove what survives it.
Imports: nothing of the router.
Never: does anything unless ROUTER_FAILPOINT is set, which no deployment does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

#: `name` or `name:n` = die at the n-th time that the boundary is reached
_WANTED, _, _TIMES = os.environ.get("ROUTER_FAILPOINT", "").partition(":")
_hits: Counter[str] = Counter()
_lock = threading.Lock()


def reach(name: str) -> None:
    """Die here, as by kill -9, when the environment asks for this boundary."""
    if not _WANTED or name != _WANTED:
        return
    with _lock:
        _hits[name] += 1
        if _hits[name] >= int(_TIMES or "1"):
            os.kill(os.getpid(), signal.SIGKILL)
