"""Owns: answers to enrich calls: asked in a bounded pool, cached for as long as a step allows.
Imports: core, runtime.exchange.
Never: blocks the loop (others' answers are looked for in the pool); keeps a failure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from router.core.decision import Call
from router.core.document import Json
from router.core.outcome import Outcome
from router.core.ports import Clock, Shelf
from router.runtime.exchange import Exchange

#: answers kept at once; about 20 MB of documents of 2 kB
CACHE_SIZE = 10_000


class Answers:
    """Asks read operations. One thread (the loop) calls `cached` and `ask`.

    With `workers=0` a call is made at once, by the caller: for tests of the language.
    """

    def __init__(self, exchange: Exchange, workers: int, shelf: Shelf | None = None) -> None:
        """`shelf` has answers that other processes asked for."""
        self._exchange = exchange
        self._shelf = shelf
        self._pool = ThreadPoolExecutor(workers, "enrich") if workers else None
        self._cache: OrderedDict[str, tuple[datetime, Json]] = OrderedDict()
        self._asked: dict[str, Future[Outcome]] = {}

    @property
    def clock(self) -> Clock:
        """Return where time comes from."""
        return self._exchange.clock

    def cached(self, call: Call, now: datetime) -> tuple[bool, Json]:
        """Return whether a usable answer is kept, and the answer."""
        if call.cache is None:
            return False, None
        at, document = self._cache.get(call.key, (None, None))
        if at is None or now - at > call.cache:
            return False, None
        return True, document

    def ask(self, call: Call, wake: Callable[[], None]) -> Future[Outcome]:
        """Return the future answer; equal cacheable calls under way share one."""
        shared = self._asked.get(call.key) if call.cache is not None else None
        if shared is not None and not shared.done():
            return shared
        if self._pool is None:
            future: Future[Outcome] = Future()
            future.set_result(self._read(call))
            return future
        future = self._pool.submit(self._read, call)
        if call.cache is not None:
            self._asked = {key: one for key, one in self._asked.items() if not one.done()}
            self._asked[call.key] = future
        future.add_done_callback(lambda _: wake())
        return future

    def keep(self, call: Call, outcome: Outcome, now: datetime) -> None:
        """Keep a good answer for later messages, when the step allows it."""
        if call.cache is None:
            return
        self._cache[call.key] = (now - outcome.age, outcome.result)
        self._cache.move_to_end(call.key)
        while len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)

    def close(self) -> None:
        """Stop asking; calls under way are not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, call: Call) -> Outcome:
        """Return what another process was answered not long ago, or ask."""
        shelf = self._shelf
        if shelf is None or call.cache is None:
            return self._exchange.read(call.operation, call.arguments)
        found = shelf.find(call)
        if found is not None:
            return found
        outcome = self._exchange.read(call.operation, call.arguments)
        if outcome.word == "done":
            shelf.put(call, outcome.result)
        return outcome


def outcome_of(future: Future[Outcome]) -> Outcome:
    """Return what came of a call; one that broke is asked again by the policy."""
    error = future.exception()
    if error is None:
        return future.result()
    return Outcome(word="retry", detail=f"{type(error).__name__} in the call")
