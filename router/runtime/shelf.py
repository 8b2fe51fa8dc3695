"""Owns: answers of read operations that processes share through Redis.
Imports: core, infra.codecs, infra.redis.
Never: waits for a server that is away; keeps an answer longer than its step allows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from router.core.decision import Call
from router.core.document import Json
from router.core.errors import DecodeError, TransformError
from router.core.outcome import Outcome
from router.infra.codecs import decode_trusted, encode_json
from router.infra.redis.link import Link

#: bytes of one answer; larger ones are kept by who asked alone
LARGEST = 256 * 1024
_MILLI = timedelta(milliseconds=1)

Reach = Callable[[Callable[[Link, str], Any]], Any]


class RedisShelf:
    """Answers on the server that has the states. Safe for many threads.

    What an answer looks like is said by the configuration, so that each revision has its own.
    """

    def __init__(self, reach: Reach, revision: str) -> None:
        """`reach` gives the server to a use, or None while it is away."""
        self._reach = reach
        self._revision = revision

    def find(self, call: Call) -> Outcome | None:
        """Return an answer that is not older than a call allows."""
        found = self._reach(lambda link, prefix: link.get(self._name(prefix, call)))
        if found is None or found[0] is None or call.cache is None:
            return None
        try:
            kept, document = decode_trusted(found[0])
            age = max(timedelta(0), (int(str(kept)) - found[1]) * _MILLI)
        except (DecodeError, TypeError, ValueError):  # it is not ours: it is asked for
            return None
        return Outcome(word="done", result=document, age=age) if age <= call.cache else None

    def put(self, call: Call, document: Json) -> None:
        """Keep a good answer as long as a call allows."""
        assert call.cache is not None, "only answers of such calls are kept"
        span = call.cache
        try:
            value = encode_json([span // _MILLI, document])
        except TransformError:  # a number that the store could not hold either
            return

        def put(link: Link, prefix: str) -> None:
            link.put(self._name(prefix, call), value, span)

        if len(value) <= LARGEST and span:
            self._reach(put)

    def _name(self, prefix: str, call: Call) -> str:
        return f"{prefix}answer:{self._revision}:{call.key}"
