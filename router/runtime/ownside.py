"""Owns: our own route as one who is measured: its project, its store, its processes.
Imports: runtime.brokerspeed, runtime.contest, runtime.serverbench.
Never: keeps anything from one run for the next.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from router.runtime.brokerspeed import REFERENCE, STORE, broker_project
from router.runtime.contest import Entrant, Start
from router.runtime.serverbench import schema

_START = "from router.cli.start import start; start()"


class OwnSide:
    """Our route over the queues of a desk; recorded when there is a server for its store."""

    def __init__(self, desk: str, address: str, root: Path, server: str = "") -> None:
        """`desk` is the name of the queues, at the broker at `address`; `root` an empty folder."""
        self._root, self._address, self._server = root, address, server
        broker_project(root, desk, recorded=bool(server))

    def entrant(
        self,
        name: str,
        processes: Mapping[str, Sequence[str]],
        ready: Callable[[str], bool] = lambda _: True,
    ) -> Entrant:
        """Return our route in some processes: by its part, what each is told on its command line.
        The last one starts once `ready` holds, which is given where the store is.
        """

        @contextmanager
        def fresh() -> Iterator[list[Start]]:
            for one in (self._root / "var").glob("*"):
                one.unlink()
            environ = {REFERENCE.removeprefix("env:"): self._address}
            with ExitStack() as stack:
                place = stack.enter_context(schema(self._server)) if self._server else ""
                environ[STORE.removeprefix("env:")] = place
                made = [
                    Start(part=part, words=self._words(more), environ=environ)
                    for part, more in processes.items()
                ]
                yield [*made[:-1], replace(made[-1], after=partial(ready, place))]

        return Entrant(name=name, fresh=fresh)

    def _words(self, more: Sequence[str]) -> list[str]:
        return [
            *(sys.executable, "-c", _START, "run", "--env", "bench"),
            *("--project", str(self._root), *more),
        ]
