"""The daemon ends as it is asked to, and a second one is kept off its store."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest

from tests.crash.client import Sender
from tests.crash.processes import Landscape, Settings, free_port, pause, wait_until
from tests.crash.traffic import make_day
from tests.crash.verdict import assert_nothing_lost_or_doubled

#: seconds that open connections and calls under way may take, and some for the machine
GRACE = 20.0


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_work_ends_it_cleanly(
    landscape: Callable[..., Landscape], by: signal.Signals
) -> None:
    """What is in hand is finished, the rest is there after the next start."""
    day = make_day(11, messages=400, files=1)
    place = landscape(Settings(orders=day.orders))
    place.start_sandbox()
    place.start_daemon()
    sender = Sender(place.port)
    sender.start(day.webhooks)
    for name, body in day.files.items():
        (place.inbox / name).write_bytes(body)
    wait_until(lambda: sender.accepted >= 150, "some are taken")
    assert place.end_daemon(by, GRACE) == 0
    assert "Traceback" not in place.log()
    assert '"event": "stopped"' in place.log()
    assert place.under_way() == 0, "a call under way was left without its result"
    place.start_daemon()
    wait_until(lambda: sender.done, "everything is taken")
    status = place.wait_idle(60)
    assert_nothing_lost_or_doubled(place, day, sender.messages, status)


def test_it_ends_while_a_far_side_stands_still(landscape: Callable[..., Landscape]) -> None:
    """Calls that do not come back hold the end up no longer than the grace."""
    day = make_day(12, messages=60, files=0)
    place = landscape(Settings(orders=day.orders, timeout="2s"))
    place.start_sandbox()
    place.start_daemon()
    assert place.sandbox is not None
    place.sandbox.send_signal(signal.SIGSTOP)
    sender = Sender(place.port)
    sender.send(day.webhooks)
    wait_until(lambda: place.under_way() > 0, "calls are under way")
    assert place.end_daemon(signal.SIGTERM, GRACE) == 0
    assert "Traceback" not in place.log()
    place.sandbox.send_signal(signal.SIGCONT)
    place.start_daemon()
    status = place.wait_idle(60)
    assert_nothing_lost_or_doubled(place, day, sender.messages, status)


def test_a_second_daemon_on_the_store_is_refused(landscape: Callable[..., Landscape]) -> None:
    """Another port, the same store: it says which, ends with 2, and the first goes on."""
    place = landscape()
    place.write_environment("twin", free_port(), Settings())
    place.start_daemon()
    done = place.command("run", "--env", "twin")
    assert done.returncode == 2
    assert "another router runs on" in done.stderr
    assert "stop it first" in done.stderr
    assert "Traceback" not in done.stderr
    place.wait_ready()


def test_a_port_that_is_taken_is_said(landscape: Callable[..., Landscape]) -> None:
    place = landscape()
    place.start_daemon()
    done = place.command("run", "--env", "crash")
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{place.port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("after", [0.15, 0.3, 0.5, 0.8])
def test_ctrl_c_during_the_start_shows_no_traceback(
    landscape: Callable[..., Landscape], after: float
) -> None:
    place = landscape()
    place.start_daemon(wait=False)
    pause(after)
    place.end_daemon(signal.SIGINT, GRACE)
    assert re.findall(r'File ".*/(router/\w+/\w+\.py)"', place.log()) == []
    place.start_daemon()
