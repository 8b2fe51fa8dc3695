"""`router status`: whether anything moves is said before what waits."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from router.infra.store.store import Store

DEAD = "no daemon runs on this store, nothing moves: start router run\n"


def test_a_store_without_a_daemon_is_told_first(shop: Any) -> None:
    Store.on_file(shop.root / "var" / "test.db", "rev1").close()
    done = shop.router("status", "--env", "test")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(DEAD)
    assert "waiting: nothing" in done.stdout
    assert shop.data("status", "--env", "test")["running"] is False


def test_beside_a_daemon_nothing_is_said_of_it(shop: Any) -> None:
    with closing(Store.on_file(shop.root / "var" / "test.db", "rev1")):  # it holds the lock
        done = shop.router("status", "--env", "test")
        assert done.exit_code == 0, done.output
        assert "daemon" not in done.stdout
        assert shop.data("status", "--env", "test")["running"] is True
