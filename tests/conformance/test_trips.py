"""What a message that comes alone asks of a server: so many round trips, and no more."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import PipelineStatus

from router.config.project import Project
from router.infra.secrets import ProcessSecrets
from router.infra.store.postgresql import Server
from router.infra.store.store import Store
from router.runtime.bench import bench_project, sent_note
from router.runtime.clock import SystemClock
from router.runtime.farside import FarSide, far_side
from router.runtime.wiring import Hooks, Parts, build_parts, open_exchange

#: a statement that is asked for often is known to the server by then
WARM = 8


class Trips:
    """Counts how often a server is waited for."""

    def __init__(self) -> None:
        self.made = 0

    def counted(self, steps: Any) -> Any:
        """Go on with what may wait for a server, and count it where it does."""
        told: Any = None
        for place in itertools.count():
            try:
                told = steps.send(told)
            except StopIteration as ended:
                return ended.value
            self.made += place == 0
            told = yield told


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Trips:
    """Waits of every connection; a pipeline is one, however many statements it takes."""
    found = Trips()
    wait, pipeline = psycopg.Connection.wait, psycopg.Connection.pipeline

    def waiting(self: Any, steps: Any, *more: Any, **options: Any) -> Any:
        alone = self.pgconn.pipeline_status == PipelineStatus.OFF
        return wait(self, found.counted(steps) if alone else steps, *more, **options)

    def piping(self: Any) -> Any:
        found.made += 1
        return pipeline(self)

    monkeypatch.setattr(psycopg.Connection, "wait", waiting)
    monkeypatch.setattr(psycopg.Connection, "pipeline", piping)
    return found


@contextmanager
def stepped(root: Path, far: FarSide, server: Server) -> Iterator[tuple[Project, Parts]]:
    """Give the parts of the project that is measured, to be stepped by hand."""
    environment = (
        "environment: bench\nstore: {sqlite: var/x.db}\n"
        f'systems: {{far: {{url: "http://127.0.0.1:{far.port}"}}}}\n'
    )
    project = bench_project(root, {"routes/environments/bench.yaml": environment})
    settings = project.environments["bench"]
    exchange = open_exchange(project, settings, ProcessSecrets({}, None), SystemClock())
    store = Store.on(server, project.revision)
    parts = build_parts(project, settings, store, exchange, Hooks(observe=lambda _: None))
    try:
        yield project, parts
    finally:
        parts.close()
        store.close()


def test_a_lone_message_takes_few_round_trips(server: Server, tmp_path: Path, trips: Trips) -> None:
    """It is taken, decided, called and settled; nothing else of the store is asked meanwhile."""
    took: list[list[int]] = []
    with far_side() as far, stepped(tmp_path, far, server) as (project, parts):
        for number in range(WARM + 1):
            headers, body = sent_note(number)
            (worker,) = parts.workers
            at = [trips.made]
            parts.ingress.receive(project.channels["notes"], headers, body).result()
            at.append(trips.made)
            assert parts.loop.step() == 1
            at.append(trips.made)
            assert worker.step() == 1
            at.append(trips.made)
            took.append([after - before for before, after in itertools.pairwise(at)])
        assert [note["id"] for note in far.notes] == list(range(WARM + 1))
        assert not parts.loop.has_more()  # nobody looks again before the bell rings
    taken, decided, called = took[-1]
    assert taken == 1, "its delivery and its row, with the commit"
    assert decided == 1 + 2 + 1, "the row, its claims and its objects, what comes of it"
    assert called == 1 + 1 + 1 + 1, "the row, its intent, that it begins, how it ends"
