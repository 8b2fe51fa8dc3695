"""Owns: a project whose workflow has instances in a store on disk, for commands about them.
Imports: tests.conformance.worlds.
Never: keeps the store open while a command runs, but where a test stands in for a daemon.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from router.config.project import load_project
from router.config.workflow.scenarios import Scripted
from router.core.instants import time_of
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.installed import installed_adapters
from router.runtime.jobs import Mover
from router.runtime.operator import Operator
from tests.conformance.worlds import StoreWorld, TurnerDoors

FILE = "routes/workflows/note.yaml"
MONDAY = "2026-03-02T09:00:00Z"
SECOND = timedelta(seconds=1)
FAILED = Scripted("refused", code="broken")


class Office:
    """Notes, of which the last step moves money. Its far side answers as told."""

    def __init__(self, shop: Any, answers: Mapping[str, Sequence[Scripted]]) -> None:
        self.shop = shop
        text = shop.read(FILE)
        shop.write(FILE, text.replace("    pivot: true\n", "    pivot: true\n    money: true\n"))
        self.answers = {name: list(some) for name, some in answers.items()}
        #: how often each operation was asked, however often the store is opened
        self.given: dict[str, int] = {}
        self.at: datetime = time_of(MONDAY)
        project, found = load_project(shop.root, installed_adapters())
        assert [str(one) for one in found if one.severity.value == "error"] == []
        self.project = project

    @contextmanager
    def open(self) -> Iterator[StoreWorld]:
        """Hold the store, as a daemon does; its parts are stepped by hand."""
        store = Store.on(SqliteFile(self.shop.root / "var" / "test.db"), self.project.revision)
        world = StoreWorld(
            workflow=self.project.workflows["note"],
            at=self.at,
            answers=self.answers,
            usual={},
            decide={},
            project=self.project,
            store=store,
        )
        world._given = self.given
        try:
            yield world
        finally:
            self.at = world.at
            store.close()

    def write(self, *names: str, text: str = "hello") -> None:
        """Let notes begin; a text beyond a hundred characters is looked at by a person."""
        with self.open() as world:
            for name in names:
                lines = [{"name": "a", "size": "L"}]
                world.event("note.written", {"id": name, "text": text, "lines": lines}, name)

    def work(self) -> None:
        """Do what waits, as a daemon does."""
        with self.open() as world:
            world._drain()

    def state(self, name: str) -> dict[str, Any]:
        """Return the state of an instance."""
        with self.open() as world, world.store.read() as reader:
            return reader.instances.named([("note", name)])["note", name].state

    def run(self, *words: str, user: str = "ann") -> Any:
        """Run a command of `router workflow`."""
        place = ("--env", "test")
        return self.shop.router("workflow", *words, *place, env={"LOGNAME": user})

    def trace(self, word: str) -> list[str]:
        """Return the lines of a trace, none where nothing is known."""
        done = self.shop.router("trace", word, "--env", "test")
        return list(done.stdout.splitlines())

    def until(self, text: str, *words: str) -> bool:
        """Run a command until it says so; return whether it came to that."""
        return any(text in self.run(*words).output for _ in range(20))

    @contextmanager
    def running(self) -> Iterator[StoreWorld]:
        """Let an operator and a turner work beside what is run meanwhile."""
        with self.open() as world:
            ended = threading.Event()
            operator = Operator(world.store, world.clock, TurnerDoors(world.turner), _mover(world))

            def work() -> None:
                while not ended.wait(0.02):
                    world.clock.move_to(world.clock.now() + SECOND)
                    if operator.step():
                        world._drain()

            thread = threading.Thread(target=work)
            thread.start()
            try:
                yield world
            finally:
                ended.set()
                thread.join()


def _mover(world: StoreWorld) -> Mover:
    replayer: Any = None  # no job of these tests decides anew
    return Mover(world.store, world.clock, replayer)
