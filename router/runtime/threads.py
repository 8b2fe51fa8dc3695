"""Owns: the threads of a daemon: what runs in each, how they rest, how they end.
Imports: runtime.wiring.
Never: lets a thread die of an error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from router.core.errors import Unavailable
from router.runtime.units import DUE, LOOP, TURNS
from router.runtime.wiring import Parts

#: longest sleep of a thread that nobody rings for; due rows are looked at this often
TICK = 0.2
#: pause after the store was away, so that the log is not flooded
PAUSE = 1.0


class Threads:
    """Runs the parts: one thread each for loop, turns, scheduler, folders, polls, and the dispatch
    of every system.

    Stopping: no new row is taken, what is in hand is finished, then the calls are waited for.
    """

    def __init__(self, parts: Parts, complain: Callable[[str], None]) -> None:
        self._parts = parts
        self._complain = complain
        self._stop = threading.Event()
        self._threads = [
            *self._led(parts),
            threading.Thread(
                target=self._run, args=(parts.operator.step, self._stop.wait), name="operator"
            ),
            *(
                threading.Thread(
                    target=self._run,
                    args=(worker.step, worker.rest, worker.has_more),
                    name="dispatch",
                )
                for worker in parts.workers
            ),
            *(
                threading.Thread(
                    target=self._run, args=(folder.step, self._pause(folder.every)), name="folder"
                )
                for folder in parts.folders
            ),
            *(
                threading.Thread(
                    target=self._run, args=(one.step, self._pause(one.every)), name="poll"
                )
                for one in parts.asking
            ),
            *(
                threading.Thread(target=self._run, args=(one.step, self._stop.wait), name="queue")
                for one in parts.taking
            ),
        ]

    def _led(self, parts: Parts) -> Iterator[threading.Thread]:
        """Yield the threads of what one process does for all, where it is this one."""
        if parts.leads(LOOP):
            loop = parts.loop
            args = (loop.step, loop.bell.wait, loop.has_more)
            yield threading.Thread(target=self._run, args=args, name="loop")
        if parts.leads(TURNS):
            turner = parts.turner
            turning = (turner.step, turner.bell.wait, turner.has_more)
            yield threading.Thread(target=self._run, args=turning, name="turns")
        if parts.leads(DUE):
            due = (parts.scheduler.step, self._stop.wait)
            yield threading.Thread(target=self._run, args=due, name="scheduler")

    def _pause(self, seconds: float) -> Callable[[float], Any]:
        """Return a wait of its own length, that ends with the daemon."""
        return lambda _tick: self._stop.wait(seconds)

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop every thread and close the parts."""
        self._stop.set()
        self._parts.loop.bell.ring()
        self._parts.turner.bell.ring()
        for worker in self._parts.workers:
            worker.bell.ring()
        for one in self._parts.taking:
            one.ring()
        for thread in self._threads:
            thread.join()
        self._parts.close()

    def _run(
        self,
        step: Callable[[], int],
        wait: Callable[[float], Any],
        has_more: Callable[[], bool] = lambda: True,
    ) -> None:
        """Step again and again; wait where nothing was done, or nobody can have more to do unless
        it is rung for.
        """
        while not self._stop.is_set():
            try:
                if not step() or not has_more():
                    wait(TICK)
            except Unavailable as error:
                self._complain(str(error))
                self._stop.wait(PAUSE)
            except Exception as error:  # noqa: BLE001 (a thread that dies would stand still silently)
                self._complain(f"{type(error).__name__}: {error}")
                self._stop.wait(PAUSE)
