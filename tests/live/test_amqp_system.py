"""A system behind a broker: each effect is there, by its message id once, whoever is killed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from kombu import Connection

from adapters.amqp import AmqpAdapter, AmqpSettings
from router import Prepared, Retryable, Unknown
from router.infra.secrets import ProcessSecrets
from tests.crash.killing import Plan, play
from tests.crash.processes import Landscape, Settings, wait_until
from tests.crash.traffic import make_day
from tests.crash.verdict import assert_nothing_lost_or_doubled
from tests.live.broker import Broker

OPERATION = """
  write_{what}:
    accept: {accept}
    transform: bi/{what}_row
    request: {{publish: {what}s, exchange: bi, type: {what}, contract: bi/{what}_row@1}}
    idempotency: {{kind: key, header: message-id, ttl: 24h}}
    outcome:
      - {{if: "=status == `200`", is: done}}
      - {{if: "=status == `404`", is: refused, code: unroutable}}
      - {{otherwise: retry}}
"""
SYSTEM = "system: bi\nowner: analytics\nadapter: amqp\non_failure: patient\noperations:" + "".join(
    OPERATION.format(what=what, accept=accept)
    for what, accept in (("return", "return_order@1"), ("sale", "sales_order@1"))
)
KINDS = ("returns", "sales")
#: of a call that failed: a broker that is killed again and again is away whenever it is tried, and
#: then for longer than anybody waits here
PAUSES = "[5s, 30s, 5m, 30m, 2h]"
QUORUM = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}


@pytest.fixture
def broker(new_node: Broker) -> Broker:
    """A node as new, with the queues."""
    with Connection(new_node.address) as connection:
        channel = connection.channel()
        channel.exchange_declare("bi", "direct", durable=True, auto_delete=False)
        for name in KINDS:
            channel.queue_declare(name, durable=True, auto_delete=False, arguments=QUORUM)
            channel.queue_bind(name, "bi", name)
    return new_node


def behind(place: Landscape, broker: Broker) -> Landscape:
    """Let reporting be a system behind a broker."""
    routes = place.root / "routes"
    (routes / "systems" / "bi.yaml").write_text(SYSTEM)
    path = routes / "environments" / "crash.yaml"
    settings = '  bi: {broker: "env:BI_BROKER", timeout: 2s}\n'
    path.write_text(path.read_text().replace("  bi: {folder: var/bi}\n", settings))
    place.environ["BI_BROKER"] = broker.address
    policy = routes / "policies" / "patient.yaml"
    text = policy.read_text()
    assert PAUSES in text
    policy.write_text(text.replace(PAUSES, "[5s, 20s, 20s, 20s, 20s]"))
    return place


def collect(place: Landscape, broker: Broker) -> int:
    """Take what is in the queues to where reports lie, each id once; return the doubles."""
    doubles = 0
    with Connection(broker.address) as connection:
        channel = connection.channel()
        for kind in KINDS:
            found: dict[str, bytes] = {}
            while (one := channel.basic_get(kind, no_ack=True)) is not None:
                name = one.properties["message_id"]
                doubles += name in found
                assert found.setdefault(name, one.body) == one.body, "a repeat is the same bytes"
            folder = place.root / "var" / "bi" / kind
            folder.mkdir(parents=True)
            for name, body in found.items():
                (folder / name).write_bytes(body)
    return doubles


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("messages", [300, pytest.param(1200, marks=pytest.mark.soak)])
def test_a_day_behind_a_broker_that_is_killed_adds_up(
    landscape: Callable[..., Landscape], broker: Broker, messages: int
) -> None:
    """The daemon and the broker are killed by turns."""
    day = make_day(5, messages=messages, files=2)

    def upset() -> None:
        broker.kill()
        broker.start()

    plan = Plan(random=Random(2), sending=4, working=4, early=0, patience=200, upset=upset)
    place = behind(landscape(Settings(orders=day.orders)), broker)
    played = play(place, day, plan)
    doubles = collect(place, broker)
    figures = assert_nothing_lost_or_doubled(place, day, played.sender.messages, played.status)
    print(f"\nbehind a broker: {figures} kills {dict(plan.kills)} doubles {doubles}")
    assert plan.kills["upset"] >= 2
    assert plan.kills.total() - plan.kills["upset"] >= 2


def test_the_broker_says_what_came_of_a_message(broker: Broker) -> None:
    settings = AmqpSettings(broker="env:BROKER", timeout=timedelta(seconds=30))
    adapter = AmqpAdapter(settings, ProcessSecrets({"BROKER": broker.address}, None))
    assert adapter.check().ok

    def call(key: str, **headers: str) -> int:
        head: dict[str, Any] = {"exchange": "bi", "key": key, "id": "r1", "type": "", "headers": {}}
        return adapter.call(Prepared(head=head, body=json.dumps([1]).encode()), headers).status

    assert call("returns") == 200
    assert call("returns", **{"message-id": "k1", "x-key": "k2"}) == 200
    assert call("nowhere") == 404
    adapter.close()
    with Connection(broker.address) as connection:
        channel = connection.channel()
        first, second = (channel.basic_get("returns", no_ack=True) for _ in range(2))
    assert first.properties["message_id"] == "r1"
    assert second.properties["message_id"] == "k1"
    assert second.properties["application_headers"]["x-key"] == "k2"


def test_a_broker_that_comes_back_is_found_again(broker: Broker) -> None:
    settings = AmqpSettings(broker="env:BROKER", timeout=timedelta(seconds=5))
    adapter = AmqpAdapter(settings, ProcessSecrets({"BROKER": broker.address}, None))
    head: dict[str, Any] = {"exchange": "bi", "key": "old", "id": "r", "type": "", "headers": {}}
    with Connection(broker.address) as connection:  # a quorum queue so young is lost by such a kill
        channel = connection.channel()
        channel.queue_declare("old", durable=True, auto_delete=False)
        channel.queue_bind("old", "bi", "old")

    def taken() -> bool:
        """Publish as a worker would: what is in doubt, or did not leave, comes again."""
        try:
            return adapter.call(Prepared(head=head, body=b"{}"), {}).status == 200
        except (Retryable, Unknown):
            return False

    with contextlib.closing(adapter):
        assert adapter.check().ok
        broker.kill()
        wait_until(lambda: not adapter.check().ok, "the adapter has noticed")
        broker.start()
        wait_until(lambda: adapter.check().ok, "the adapter is back")
        wait_until(taken, "the broker takes messages again")
