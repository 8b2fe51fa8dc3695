"""What a Prometheus server reads: figures that add up, few series, apart from senders' door."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.calls import ending_of, level, post
from tests.crash.client import Sender
from tests.crash.processes import Landscape, Settings, free_port, wait_until
from tests.crash.traffic import make_day

DAY = make_day(1, messages=20, files=0)
Series = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Landscape, int]]:
    """A running landscape whose metrics can be asked for, and the port where."""
    settings = Settings(orders=DAY.orders)
    made = Landscape.copied(tmp_path_factory.mktemp("measured") / "project", settings)
    port = free_port()
    environment = made.root / "routes" / "environments" / "crash.yaml"
    text = environment.read_text().replace(
        "workers:", f"metrics: {{host: 127.0.0.1, port: {port}}}\nworkers:"
    )
    environment.write_text(text)
    try:
        made.start_sandbox()
        made.start_daemon()
        yield made, port
    finally:
        made.close()


def asked(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def refused(port: int, path: str) -> int:
    """Return the status of an answer that is none."""
    with pytest.raises(urllib.error.HTTPError) as error:
        asked(port, path)
    error.value.close()
    return error.value.code


def samples(port: int) -> dict[str, Series]:
    """Return each metric's series by its labels' values."""
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(asked(port)):
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(one.labels.values())] = one.value
    return found


def test_figures_are_those_of_the_status(measured: tuple[Landscape, int]) -> None:
    place, port = measured
    for _ in range(3):
        reply = post(place, level())
        assert ending_of(place, reply.message) == ("routed", "")
    twice = level()
    assert [post(place, twice).status for _ in range(2)] == [202, 202]
    wait_until(lambda: not place.backlog(), "nothing waits")
    found = samples(port)
    counters = place.status()["counters"]
    wanted: dict[tuple[str, ...], float] = {}
    for one in counters:
        labels = (one["consumer"], one["word"])
        wanted[labels] = wanted.get(labels, 0) + one["n"]
    assert found["router_decisions_total"] == wanted
    assert found["router_store_up"] == {(): 1}
    assert found["router_request_seconds_count"]["shopify", "202"] == 5
    kind = "shopify:inventory_levels/update"
    assert (wanted[kind, "routed"], wanted[kind, "duplicate"]) == (4, 1)


def test_calls_are_counted_by_what_came_of_them(measured: tuple[Landscape, int]) -> None:
    place, port = measured
    Sender(place.port).send(DAY.webhooks)
    place.wait_idle(60)
    found = samples(port)["router_call_seconds_count"]
    effects = place.query("SELECT operation, count(*) FROM intents GROUP BY operation")
    assert effects
    assert {one: found[one, "done"] for one, _ in effects} == dict(effects)
    assert found["shop.get_order", "done"] >= 1  # a read is a call, too


def test_what_waits_for_a_person_is_there_with_its_age(measured: tuple[Landscape, int]) -> None:
    place, port = measured
    body = level(inventory_item_id=None)
    reply = post(place, body)
    assert ending_of(place, reply.message)[0] == "dead_lettered"
    found = samples(port)
    dead = {labels: n for labels, n in found["router_waiting_messages"].items() if "dead" in labels}
    assert dead == {("shopify:inventory_levels/update", "dead"): 1}
    age = found["router_oldest_message_seconds"]["shopify:inventory_levels/update", "dead"]
    assert 0 <= age < 600
    reasons = found["router_dead_letters_total"]
    assert reasons == {("shopify:inventory_levels/update", "no_identity"): 1}


def test_nothing_of_a_senders_becomes_a_label(measured: tuple[Landscape, int]) -> None:
    place, port = measured
    post(place, level(), kind="made-up-by-a-sender")
    wait_until(lambda: "shopify:?" in asked(port), "the unknown kind is counted")
    text = asked(port)
    assert "made-up-by-a-sender" not in text
    assert refused(place.port, "/no/such/path") == 404
    assert "/no/such/path" not in asked(port)


def test_a_pause_is_seen(measured: tuple[Landscape, int]) -> None:
    place, port = measured
    done = place.command("pause", "system:ledger", "--env", "crash", "--reason", "a test")
    assert done.returncode == 0, done.stderr
    held = ("paused", "system:ledger")  # labels are written in the order of their names
    wait_until(lambda: samples(port).get("router_held_info", {}).get(held) == 1, "it is told")
    done = place.command("resume", "system:ledger", "--env", "crash")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: held not in samples(port).get("router_held_info", {}), "it is over")


def test_the_door_of_senders_tells_no_metrics(measured: tuple[Landscape, int]) -> None:
    place, port = measured
    assert refused(place.port, "/metrics") == 404
    for path in ("/healthz", "/readyz"):
        assert asked(place.port, path) == asked(port, path)
