"""What the store refused for a moment is taken again."""

from __future__ import annotations

from typing import Any

import pytest

from router.core.errors import Unavailable


def failing_once(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write = store.write

    def fail(_job: Any) -> Any:
        monkeypatch.setattr(store, "write", write)
        raise Unavailable("the disk is full")

    monkeypatch.setattr(store, "write", fail)


def test_a_command_whose_gate_could_not_be_written_is_taken_again(
    make_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(lambda verb, n: 200)
    world.give(1, "a")
    while world.parts.loop.step():
        pass
    (worker,) = world.parts.workers
    failing_once(world.store, monkeypatch)
    with pytest.raises(Unavailable):
        worker.step()
    world.work()
    assert world.far.put == [1]
