"""A far side that stands still, or a wire that loses: still exactly one effect for each cause."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.crash.client import Sender
from tests.crash.processes import Landscape, Settings, pause, wait_until
from tests.crash.traffic import Day, make_day
from tests.crash.verdict import assert_nothing_lost_or_doubled
from tests.crash.wire import Wire

#: a call that got no answer comes again after 5 s at the earliest (policy `patient`)
SECONDS = 90


def found_by_look_up(landscape: Landscape) -> int:
    sql = "SELECT count(*) FROM journal WHERE word = 'done' AND detail LIKE '%look-up: there%'"
    return int(landscape.query(sql)[0][0])


def sent_again(landscape: Landscape) -> int:
    return int(landscape.query("SELECT count(*) FROM intents WHERE sends > 1")[0][0])


@pytest.mark.slow
def test_a_far_side_that_stands_still_is_asked_and_not_told_twice(
    landscape: Callable[..., Landscape],
) -> None:
    """The sandbox is stopped for longer than a call may take, twice, and continued."""
    stand_still(landscape, seconds=1.5)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_far_side_that_does_not_answer_when_it_is_asked_either(
    landscape: Callable[..., Landscape],
) -> None:
    """It stands still for so long that the look-ups after 5 s get no answer as well."""
    stand_still(landscape, seconds=9.0)


def stand_still(landscape: Callable[..., Landscape], seconds: float) -> None:
    day = make_day(5, messages=400, files=0)
    place = landscape(Settings(orders=day.orders, timeout="500ms"))
    place.start_sandbox()
    place.start_daemon()
    sender = Sender(place.port)
    sender.start(day.webhooks)
    assert place.sandbox is not None
    for wanted in (100, 250):
        wait_until(lambda n=wanted: sender.accepted >= n, "some are taken")  # type: ignore[misc]
        place.sandbox.send_signal(signal.SIGSTOP)
        pause(seconds)
        place.sandbox.send_signal(signal.SIGCONT)
    wait_until(lambda: sender.done, "everything is taken")
    status = place.wait_idle(SECONDS + 60 * seconds)
    unsure = place.query("SELECT count(*) FROM journal WHERE detail LIKE '%no whole answer%'")[0][0]
    figures = assert_nothing_lost_or_doubled(place, day, sender.messages, status)
    print(
        f"\n{figures}; {unsure} calls without an answer, {found_by_look_up(place)} found by"
        f" look-up, {sent_again(place)} sent again"
    )
    assert unsure > 0, "no call was under way while the far side stood still"


@pytest.mark.slow
def test_answers_that_get_lost_after_the_commit_are_found_by_look_up(
    landscape: Callable[..., Landscape],
) -> None:
    """The ledger has posted, the router never hears of it: not one posting is sent again."""
    day = make_day(6, messages=120, files=0)
    place = landscape(Settings(orders=day.orders))
    with Wire(place.sandbox_port) as wire:
        start_behind(place, wire, day)
        wire.lose = "answers"
        sender = Sender(place.port)
        sender.send(day.webhooks)
        wait_until(lambda: wire.lost >= 5, "answers are lost")
        wire.lose = ""
        status = place.wait_idle(SECONDS)
        assert_nothing_lost_or_doubled(place, day, sender.messages, status)
        assert found_by_look_up(place) >= 5
        assert sent_again(place) == 0


@pytest.mark.slow
def test_requests_that_never_arrived_are_sent_again_after_the_far_side_was_asked(
    landscape: Callable[..., Landscape],
) -> None:
    """The router cannot tell this from a lost answer: it asks, waits until it counts, sends."""
    day = make_day(8, messages=120, files=0)
    place = landscape(Settings(orders=day.orders))
    with Wire(place.sandbox_port) as wire:
        start_behind(place, wire, day)
        wire.lose = "requests"
        sender = Sender(place.port)
        sender.send(day.webhooks)
        wait_until(lambda: wire.lost >= 5, "requests are lost")
        wire.lose = ""
        status = place.wait_idle(SECONDS)
        assert_nothing_lost_or_doubled(place, day, sender.messages, status)
        assert sent_again(place) >= 5


@pytest.mark.slow
def test_a_kill_between_commit_and_answer_is_settled_by_look_up(
    landscape: Callable[..., Landscape],
) -> None:
    """The ledger has posted and its answers are on the wire when the daemon dies."""
    day = make_day(9, messages=60, files=0, mix={"refund": 1})
    place = landscape(Settings(orders=day.orders))
    with Wire(place.sandbox_port) as wire:
        start_behind(place, wire, day)
        wire.lose = "time"
        sender = Sender(place.port)
        sender.send(day.webhooks)
        wait_until(lambda: len(place.journals()) >= 8, "the ledger has posted")
        before = {one["text"] for one in place.journals()}
        place.kill_daemon()
        wire.release()
        place.start_daemon()
        status = place.wait_idle(SECONDS)
        assert_nothing_lost_or_doubled(place, day, sender.messages, status)
        assert found_by_look_up(place) >= len(before)


def start_behind(place: Landscape, wire: Wire, day: Day) -> None:
    """Start sandbox and daemon; the ledger is reached over the wire only."""
    settings = Settings(orders=day.orders, ledger_port=wire.port)
    place.write_environment("crash", place.port, settings)
    place.start_sandbox()
    place.start_daemon()
