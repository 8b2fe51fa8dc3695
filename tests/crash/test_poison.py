"""One bad message, file or far side stands in nobody else's way."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.infra.store.store import Store
from router.runtime.archive import Archive
from router.runtime.clock import ManualClock
from router.runtime.folders import Folder
from router.runtime.ingress import Ingress
from router.runtime.installed import installed_adapters
from tests.crash.client import Sender, drop
from tests.crash.processes import ROOT, Landscape, Settings, pause, wait_until
from tests.crash.traffic import Webhook, make_day

#: seconds in which a handful of messages must be through
SOON = 8.0


def routed(landscape: Landscape, kind: str) -> int:
    sql = "SELECT coalesce(sum(n), 0) FROM counters WHERE consumer = ? AND word = 'routed'"
    return int(landscape.query(sql, kind)[0][0])


@pytest.mark.parametrize("version", [2**63, 2**64 - 1])
def test_a_version_that_the_store_cannot_hold_stops_nobody_else(
    landscape: Callable[..., Landscape], version: int
) -> None:
    place = landscape()
    place.start_daemon()
    body = {"inventory_item_id": 1, "location_id": 1, "available": 1, "updated_at": version}
    good = {**body, "inventory_item_id": 2, "updated_at": "2026-03-02T10:15:30Z"}
    kind = "inventory_levels/update"
    sender = Sender(place.port, threads=1)
    sender.send(
        [Webhook(kind, f"e{n}", json.dumps(b).encode()) for n, b in enumerate((body, good))]
    )
    wait_until(
        lambda: routed(place, f"shopify:{kind}") == 1, "the good one is routed", seconds=SOON
    )
    assert place.query("SELECT count(*) FROM dead") == [(1,)]


def test_a_file_whose_name_is_no_text_stops_no_other_file(
    landscape: Callable[..., Landscape],
) -> None:
    place = landscape()
    day = make_day(3, messages=25, files=1)
    (place.inbox / os.fsdecode(b"caf\xe9.xml")).write_bytes(b"<POSLog/>")
    place.start_daemon()
    drop(place.inbox, "day.xml", day.files["day-000.xml"])
    wait_until((place.archive / "day.xml").exists, "the good one is read", seconds=SOON)


def test_a_file_that_replaces_another_while_it_is_read_is_read_next(tmp_path: Path) -> None:
    """A till that writes every hour under one name: the second file comes during the commit."""
    found, findings = load_project(ROOT, installed_adapters())
    assert not findings
    inbox = tmp_path / "in"
    inbox.mkdir()
    day = make_day(3, messages=50, files=2)
    first, second = day.files.values()
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    store = Store.in_memory(found.revision)
    taken: list[bytes] = []

    class Slow(Ingress):
        def receive(self, channel: Any, headers: Any, body: bytes, also: Any = None) -> Any:
            taken.append(body)
            if len(taken) == 1:
                drop(inbox, "hour.xml", second)
            return super().receive(channel, headers, body, also)

    parts = (store, Slow(store, clock, {}, found.contracts), clock)
    folder = Folder(found.channels["poslog"], inbox, Archive(lambda _day: tmp_path / "done"), parts)
    drop(inbox, "hour.xml", first)
    for _ in range(6):
        folder.step()
        clock.move_to(clock.now() + timedelta(seconds=3))
    assert taken == [first, second]


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system."""
    base = Path("/dev/shm")
    if not base.is_dir() or base.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("this machine has one file system")
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield Path(folder)


def test_the_archive_may_be_on_another_file_system(
    landscape: Callable[..., Landscape], elsewhere: Path
) -> None:
    place = landscape()
    day = make_day(3, messages=50, files=2)
    file = place.root / "routes" / "environments" / "crash.yaml"
    file.write_text(file.read_text().replace("poslog}", f"poslog, archive: {elsewhere}}}"))
    place.start_daemon()
    for name, body in day.files.items():
        drop(place.inbox, name, body)
    wait_until(lambda: len(list(elsewhere.iterdir())) == 2, "both are put away", seconds=SOON)


@pytest.mark.parametrize("boundary", ["archive.copied", "archive.named"])
def test_a_death_on_the_way_to_another_file_system_leaves_each_file_once(
    landscape: Callable[..., Landscape], elsewhere: Path, boundary: str
) -> None:
    place = landscape()
    day = make_day(3, messages=50, files=2)
    file = place.root / "routes" / "environments" / "crash.yaml"
    archive = f'poslog, archive: "{elsewhere}/{{day}}"}}'
    file.write_text(file.read_text().replace("poslog}", archive))
    place.failpoint = f"{boundary}:2"
    place.start_daemon()
    for name, body in day.files.items():
        drop(place.inbox, name, body)
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SOON)
    place.failpoint = ""
    place.start_daemon()
    wait_until(lambda: not any(place.inbox.iterdir()), "both are put away", seconds=SOON)
    found = {one.name: one.read_bytes() for one in elsewhere.glob("*/*")}
    assert found == day.files
    assert place.query("SELECT count(*) FROM deliveries") == [(2,)]
    assert place.query("SELECT count(*) FROM files") == [(2,)]


def test_a_far_side_that_answers_drop_by_drop_is_given_up(
    landscape: Callable[..., Landscape],
) -> None:
    """`timeout` is for the whole call: no slot of a worker is held longer, no lease is outlived."""
    day = make_day(3, messages=10, files=0, mix={"refund": 1})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip_to_all, args=(listener,), daemon=True).start()
        place = landscape(Settings(ledger_port=int(listener.getsockname()[1]), timeout="1s"))
        place.start_daemon()
        Sender(place.port, threads=1).send(day.webhooks)
        sql = (
            "SELECT count(*) FROM journal WHERE consumer = 'ledger.post_journal' AND word = 'retry'"
        )
        wait_until(lambda: place.query(sql)[0][0] > 0, "a call is given up", seconds=SOON)
        place.kill_daemon()
        listener.shutdown(socket.SHUT_RDWR)


def _drip_to_all(listener: socket.socket) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_drip, args=(near,), daemon=True).start()


def _drip(near: socket.socket) -> None:
    """Answer with one byte of the body each tenth of a second, until nobody listens any more."""
    end = time.monotonic() + 30
    with near:
        try:
            near.recv(65536)
            near.sendall(b"HTTP/1.1 201 Created\r\ncontent-length: 100000\r\n\r\n")
            while time.monotonic() < end:
                near.sendall(b" ")
                pause(0.1)
        except OSError:
            return
