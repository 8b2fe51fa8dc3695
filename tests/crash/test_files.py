"""Files that wait or are held, over the ends of the daemon."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest

from tests.crash.client import drop
from tests.crash.processes import Landscape, pause, wait_until
from tests.crash.traffic import make_day

#: seconds in which a file must be through
SOON = 60.0
STABLE = "    stable: 2s\n"


def changed(place: Landscape, keys: str) -> None:
    """Give the file source of the landscape more keys."""
    file = place.root / "routes" / "channels" / "poslog.yaml"
    text = file.read_text()
    assert STABLE in text
    file.write_text(text.replace(STABLE, f"    stable: 100ms\n{keys}"))


def said(place: Landscape, *words: str) -> str:
    """Return what a command says."""
    done = place.command(*words, "--env", "crash")
    assert done.returncode == 0, done.stderr
    return done.stdout


def routed(place: Landscape) -> int:
    sql = "SELECT coalesce(sum(n), 0) FROM counters WHERE consumer LIKE 'poslog:%' AND word = ?"
    return int(place.query(sql, "routed")[0][0])


@pytest.mark.timeout(240)
def test_a_file_with_another_digest_waits_over_a_death_and_is_told_once(
    landscape: Callable[..., Landscape],
) -> None:
    place = landscape()
    changed(place, "    checksum: .sha256\n")
    ((name, body),) = make_day(3, messages=25, files=1).files.items()
    place.start_daemon()
    drop(place.inbox, name, body)
    drop(place.inbox, f"{name}.sha256", b"0" * 64)
    waits = f"file waits: poslog {name} since "
    wait_until(lambda: waits in said(place, "status"), "it waits", seconds=SOON)
    place.kill_daemon()
    place.start_daemon()
    pause(1.5)  # it looks again
    says = f"{name}.sha256 says 000"
    wait_until(lambda: says in said(place, "status"), "it says why", seconds=SOON)
    assert place.log().count(f"{name}.sha256 says") == 1
    assert place.query("SELECT word, sum(n) FROM counters GROUP BY word") == [("file_waits", 1)]
    drop(place.inbox, f"{name}.sha256", hashlib.sha256(body).hexdigest().encode())
    wait_until(lambda: not any(place.inbox.iterdir()), "it is put away", seconds=SOON)
    assert waits not in said(place, "status")
    assert place.query("SELECT count(*) FROM deliveries") == [(1,)]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("boundary", ["folder.after_commit", "folder.after_marker"])
def test_a_file_that_does_not_add_up_is_held_over_a_death_and_let_go(
    landscape: Callable[..., Landscape], boundary: str
) -> None:
    place = landscape()
    changed(place, '    control: {count: =body.POSLog."@Count"}\n')
    ((name, body),) = make_day(3, messages=25, files=1).files.items()
    records = body.count(b"<Transaction ") + body.count(b"<Transaction>")
    assert records > 1
    drop(place.inbox, name, body.replace(b"<POSLog", b'<POSLog Count="7000"', 1))
    place.failpoint = boundary
    place.start_daemon(wait=False)
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SOON)
    place.failpoint = ""
    place.start_daemon()
    wait_until(lambda: not any(place.inbox.iterdir()), "it is put away", seconds=SOON)
    wait_until(lambda: place.count("dead") == 1, "it is a letter", seconds=SOON)
    ((letter, detail),) = place.query("SELECT message_id, detail FROM dead")
    assert detail == f"count: 7000 are said, here are {records}"
    assert (routed(place), place.count("deliveries"), place.count("files")) == (0, 1, 1)
    plan = said(place, "replay", "plan", "--about", letter, "--reason", "they say it is right")
    (job,) = re.findall(r"router replay start (\d+)", plan)
    said(place, "replay", "start", job)
    sql = (
        "SELECT count(DISTINCT message_id) FROM journal"
        " WHERE consumer LIKE 'poslog:%' AND word IN ('routed', 'discarded')"
    )
    wait_until(lambda: place.query(sql) == [(records,)], "all of them", seconds=SOON)
    assert place.query("SELECT state FROM dead") == [("retried",)]
