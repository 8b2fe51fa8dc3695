"""A channel that asks a system, over the ends of the daemon: none is lost, none comes twice."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.crash.processes import ROOT, Landscape, Settings, wait_until

#: seconds in which all pages must be through
SOON = 60.0
RETURNS = 7
ASKED = Settings(more=frozenset({"walmart_returns.yaml", "walmart.yaml", "walmart"}))
#: where the daemon dies, and at which page: one of each kind, and every pair when there is time
DEATHS = [
    pytest.param(boundary, page, marks=() if at == kind else pytest.mark.soak)
    for kind, boundary in enumerate(("answered", "before_commit", "after_commit"))
    for at, page in enumerate((1, 2, 4))
]
ENDPOINT = """
  - get: /walmart/v3/returns
    pages: {of: returns, order: =item.returnOrderId, after: =query.offset, size: 2}
    answer:
      body:
        meta: {nextCursor: "=next && join_text(['?offset=', next], '')"}
        returnOrders: =found
    faults: FAULTS
"""


def asked(place: Landscape, faults: str = "[]") -> None:
    """Let the landscape ask its sandbox for returns, every second."""
    fixture = ROOT / "routes" / "channels" / "fixtures" / "walmart_returns_asked.json"
    (document,) = json.loads(fixture.read_text())["returnOrders"]
    seed = [{**document, "returnOrderId": f"9{n:03}"} for n in range(RETURNS)]
    routes = place.root / "routes"
    (routes / "sandboxes" / "returns.json").write_text(json.dumps(seed))
    sandbox = routes / "sandboxes" / "crash.yaml"
    text = sandbox.read_text().replace(
        "collections:\n",
        "collections:\n  returns: {key: =item.returnOrderId, seed: returns.json}\n",
    )
    sandbox.write_text(text.rstrip() + ENDPOINT.replace("FAULTS", faults))
    environment = routes / "environments" / "crash.yaml"
    near = f'http://127.0.0.1:{place.sandbox_port}/walmart"'
    text = environment.read_text().replace("takes: [", "takes: [walmart_returns, ")
    text = text.replace("systems:\n", f'systems:\n  walmart: {{url: "{near}, timeout: 1s}}\n')
    environment.write_text(text)
    channel = routes / "channels" / "walmart_returns.yaml"
    channel.write_text(channel.read_text().replace("every: 10m", "every: 1s"))


def soon(place: Landscape) -> None:
    """Let what failed be asked for again in a second."""
    file = place.root / "routes" / "policies" / "patient.yaml"
    head, _, rest = file.read_text().partition("after: [")
    file.write_text(f"{head}after: [1s]{rest.partition(']')[2]}")


def cursor(place: Landscape) -> dict[str, Any]:
    done = place.command("cursor", "list", "--env", "crash", "--format", "json")
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["polls"]
    assert isinstance(one, dict)
    return one


def returns(place: Landscape) -> list[str]:
    """Return the returns that were written, doubles included."""
    return sorted(one["rma_number"] for one in place.bi_rows("returns"))


def all_there(place: Landscape) -> None:
    """Wait until a whole round is taken and nothing waits; then each return is there once."""
    wait_until(lambda: len(returns(place)) >= RETURNS, "all returns", seconds=SOON, tick=0.2)
    wait_until(
        lambda: place.query("SELECT cursor FROM polls")[0][0] != "null", "the cursor", seconds=SOON
    )
    place.wait_idle(SOON)
    assert returns(place) == [f"9{n:03}" for n in range(RETURNS)]
    assert place.count("dead") == 0


@pytest.mark.timeout(150)
@pytest.mark.parametrize(("boundary", "page"), DEATHS)
def test_a_death_between_two_pages(
    landscape: Callable[..., Landscape], boundary: str, page: int
) -> None:
    place = landscape(ASKED)
    asked(place)
    place.start_sandbox()
    place.failpoint = f"poll.{boundary}:{page}"
    place.start_daemon(wait=False)
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SOON)
    assert daemon.poll() == -signal.SIGKILL, place.log()
    taken = page if boundary == "after_commit" else page - 1
    assert place.query("SELECT count(*) FROM deliveries") == [(taken,)]
    place.failpoint = ""
    place.start_daemon()
    all_there(place)


@pytest.mark.timeout(150)
def test_a_far_side_that_misbehaves_while_the_daemon_dies(
    landscape: Callable[..., Landscape],
) -> None:
    place = landscape(ASKED)
    asked(place, "[{kind: error, at: [1, 4]}, {kind: html, at: [2]}, {kind: half, at: [6]}]")
    soon(place)
    place.start_sandbox()
    for n in (2, 2, 3):
        place.failpoint = f"poll.before_commit:{n}"
        place.start_daemon(wait=False)
        daemon = place.daemon
        assert daemon is not None
        wait_until(lambda d=daemon: d.poll() is not None, "it dies", seconds=SOON)  # type: ignore[misc]
    place.failpoint = ""
    place.start_daemon()
    all_there(place)


@pytest.mark.timeout(150)
def test_a_cursor_that_is_stuck_is_seen_and_set(landscape: Callable[..., Landscape]) -> None:
    place = landscape(ASKED)
    asked(place)
    soon(place)
    place.start_daemon()  # there is nobody to ask

    def stuck() -> bool:
        return "stuck since" in place.command("status", "--env", "crash").stdout

    wait_until(stuck, "it is told", seconds=SOON)
    words = ("cursor", "set", "walmart_returns", "2026-01-01T00:00:00Z", "--env", "crash")
    assert "--reason" in place.command(*words).stderr
    done = place.command(*words, "--reason", "returns of last year are settled")
    assert done.returncode == 0, done.stderr
    assert "goes on at 2026-01-01T00:00:00Z" in done.stdout
    ((said, actor),) = place.query("SELECT arguments, actor FROM commands WHERE verb = 'cursor'")
    assert actor
    assert "returns of last year are settled" in said
    assert cursor(place)["cursor"] == "2026-01-01T00:00:00Z"
    place.start_sandbox()
    all_there(place)
    assert not stuck()
    assert place.end_daemon(signal.SIGTERM, grace=10.0) == 0
    wrong = place.command(
        "cursor", "set", "walmart_returns", "monday", "--reason", "x", "--env", "crash"
    )
    assert "monday is not an instant" in wrong.stderr
    other = place.command("cursor", "set", "walmart", "--first", "--reason", "x", "--env", "crash")
    assert "did you mean walmart_returns?" in other.stderr


@pytest.mark.timeout(150)
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_while_a_page_is_asked_for(
    landscape: Callable[..., Landscape], by: signal.Signals
) -> None:
    place = landscape(ASKED)
    asked(place, "[{kind: slow, share: 100%, lasts: 700ms}]")
    place.start_sandbox()
    place.start_daemon()
    wait_until(lambda: bool(place.count("polls")), "a page is taken", seconds=SOON)
    assert place.end_daemon(by, grace=10.0) == 0
    place.start_daemon()
    all_there(place)


@pytest.mark.timeout(150)
def test_a_reload_changes_how_often_it_is_asked(landscape: Callable[..., Landscape]) -> None:
    place = landscape(ASKED)
    asked(place)
    channel = place.root / "routes" / "channels" / "walmart_returns.yaml"
    channel.write_text(channel.read_text().replace("every: 1s", "every: 1h"))
    place.start_sandbox()
    place.start_daemon()
    all_there(place)
    before = cursor(place)["asked_at"]
    channel.write_text(channel.read_text().replace("every: 1h", "every: 1s"))
    assert place.daemon is not None
    place.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: cursor(place)["asked_at"] != before, "asked again", seconds=SOON, tick=0.2)
    assert returns(place) == [f"9{n:03}" for n in range(RETURNS)]
