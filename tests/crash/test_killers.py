"""What kills the process is found wherever it strikes, and nobody else is blamed."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.crash.client import Sender, drop
from tests.crash.processes import TICK, Landscape, Settings, pause, wait_until
from tests.crash.traffic import Webhook, make_day

SECONDS = 150
#: seconds for a call that gets no answer: its trial lasts twice as long, and a start with a look
#: must end before it does, also on a loaded machine
PATIENT = 15
#: seconds in which a daemon that is ready has a call in hand
LOOK = 20
#: a message that leads to a command of a kind of its own
ORDERS = {"order": 1}


def play(place: Landscape, most: int) -> int:
    """Start the daemon whenever it has died, until it comes to rest; return how often it died."""
    ends = 0
    while ends <= most:
        daemon = place.daemon
        assert daemon is not None

        def settled(daemon: Any = daemon) -> bool:
            return daemon.poll() is not None or has_letter(place)

        wait_until(settled, "it dies, or has found the killer", seconds=SECONDS)
        if daemon.poll() is None:
            return ends
        ends += 1
        place.start_daemon(wait=False)
    raise AssertionError(f"it died {ends} times")


def has_letter(place: Landscape) -> bool:
    return bool(place.query("SELECT count(*) FROM dead")[0][0])


def letters(place: Landscape) -> list[tuple[Any, ...]]:
    return place.query("SELECT reason, consumer, step FROM dead")


def killer_of(day: Any) -> Webhook:
    (hook,) = day.webhooks
    assert isinstance(hook, Webhook)
    return hook


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("point", "step"),
    [
        # over a broker this is tests/live/test_commands.py, each time
        pytest.param("worker.prepare", "request", marks=pytest.mark.soak),
        ("worker.call", "call"),
    ],
)
def test_a_command_that_kills_is_buried_alone(
    landscape: Callable[..., Landscape], point: str, step: str
) -> None:
    """Its request or its call ends the process; every other message arrives once."""
    day = make_day(31, messages=40, files=0, mix={"refund": 3, "return": 1})
    killer = killer_of(make_day(32, messages=1, files=0, mix=ORDERS))
    place = landscape(Settings(orders=day.orders))
    place.start_sandbox()
    place.failpoint = f"{point}.{killer.kind}"
    place.start_daemon()
    sender = Sender(place.port)
    sender.start([*day.webhooks[:15], killer, *day.webhooks[15:]])
    assert play(place, 6) == 6
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    place.wait_idle(SECONDS)
    assert letters(place) == [("killer", "bi.write_sale", step)]
    assert Counter(one["text"] for one in place.journals()) == Counter(list(day.expected.postings))
    returns = place.bi_rows("returns")
    assert Counter(row["rma_number"] for row in returns) == Counter(day.expected.returns)


@pytest.mark.timeout(600)
def test_a_file_that_kills_is_kept_and_the_others_go_on(
    landscape: Callable[..., Landscape],
) -> None:
    day = make_day(33, messages=75, files=3)
    place = landscape(Settings(orders=day.orders))
    place.start_sandbox()
    place.failpoint = "folder.read.day-bad.xml"
    place.start_daemon()
    bad = b"<POSLog>what it is does not matter</POSLog>"
    drop(place.inbox, "day-bad.xml", bad)
    wait_until(lambda: not (place.inbox / "day-bad.xml").exists(), "it is taken", seconds=SECONDS)
    for name, body in day.files.items():
        drop(place.inbox, name, body)
    assert play(place, 6) == 6
    place.wait_idle(SECONDS)
    assert letters(place) == [("killer", "poslog:?", "decode")]
    assert place.query(
        "SELECT deliveries.body FROM deliveries JOIN dead ON delivery = deliveries.id"
    ) == [(bad,)]
    assert (place.archive / "day-bad.xml").read_bytes() == bad
    assert Counter(one["text"] for one in place.journals()) == Counter(list(day.expected.postings))
    sales = Counter(row["order_number"] for row in place.bi_rows("sales"))
    assert sales == Counter(list(day.expected.sales))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.soak)])
def test_many_kills_blame_nobody(landscape: Callable[..., Landscape], kills: int) -> None:
    """The ledger stands still, so that the same calls are in hand at each end."""
    day = make_day(34, messages=30, files=0, mix={"refund": 1})
    place = landscape(Settings(orders=day.orders, timeout=f"{PATIENT}s"))
    place.start_sandbox()
    place.start_daemon()
    assert place.sandbox is not None
    place.sandbox.send_signal(signal.SIGSTOP)
    sender = Sender(place.port)
    sender.send(day.webhooks)
    wait_until(lambda: place.under_way() > 0, "calls are under way", seconds=SECONDS)
    most = 0
    for _ in range(kills):
        place.kill_daemon()
        place.start_daemon()
        most = max(most, ends_in_hand(place))
    assert most >= 3, "the same call was in hand again and again"
    place.sandbox.send_signal(signal.SIGCONT)
    place.wait_idle(SECONDS)
    assert letters(place) == []
    assert Counter(one["text"] for one in place.journals()) == Counter(list(day.expected.postings))


def ends_in_hand(place: Landscape) -> int:
    """Return at how many ends the call in hand was there; wait for one, but not too long.

    While a call is on trial there may be none.
    """
    until = time.monotonic() + LOOK
    while time.monotonic() < until:
        ((text,),) = place.query("SELECT value FROM marks WHERE name = 'in_hand'")
        key, ends = json.loads(text)
        if key.startswith("call:"):
            return int(ends)
        pause(TICK)
    return 0
