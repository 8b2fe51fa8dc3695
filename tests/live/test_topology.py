"""The definitions of `router topology` in a real broker: taken as they are, and they hold."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import amqp
import kombu
import pytest

from router.config.project import load_project, load_texts
from router.config.topology import DEAD, Topology, definitions, topology_of
from router.runtime.installed import installed_adapters
from tests.live.broker import Broker
from tests.unit.tools.conftest import BASE, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def topology() -> Topology:
    """The landscape's own, and an ordered channel beside it."""
    project = load_project(ROOT, installed_adapters())[0]
    landscape = topology_of(project, project.environments["test"])
    text = (BASE / "routes/channels/inbox.yaml").read_text()
    small, _ = load_project(BASE, installed_adapters())
    texts = dict(small.texts)
    texts["routes/channels/inbox.yaml"] = text.replace(
        "    steps:", "    order_by: [=body.id]\n    steps:", 1
    )
    ordered, _ = load_texts(BASE, texts, installed_adapters())
    more = topology_of(ordered, ordered.environments["test"])
    known = {one.name for one in landscape.queues}
    fresh = tuple(one for one in more.queues if one.name not in known)
    return Topology(landscape.exchanges, (*landscape.queues, *fresh))


@pytest.fixture(scope="module")
def broker(one_node: Broker, topology: Topology) -> Broker:
    """A node that has imported the definitions."""
    file = one_node.folder / "definitions.json"
    file.write_text(json.dumps(definitions(topology, "/")))
    one_node.ctl("import_definitions", str(file))
    return one_node


def listed(broker: Broker, *words: str) -> list[dict[str, Any]]:
    """Return what rabbitmqctl lists."""
    made: list[dict[str, Any]] = json.loads(broker.ctl(*words, "--formatter", "json"))
    return made


def test_every_queue_is_there_as_it_was_declared(broker: Broker, topology: Topology) -> None:
    rows = listed(broker, "list_queues", "name", "type", "durable", "arguments")
    found = {one["name"]: one for one in rows}
    assert set(found) == {one.name for one in topology.queues}
    for one in topology.queues:
        row = found[one.name]
        assert (row["type"], row["durable"]) == ("quorum", True)
        assert _plain(row["arguments"]) == dict(one.arguments)


def test_every_queue_is_bound(broker: Broker, topology: Topology) -> None:
    rows = listed(broker, "list_bindings", "source_name", "routing_key", "destination_name")
    found = {(one["source_name"], one["routing_key"], one["destination_name"]) for one in rows}
    assert {(one.exchange, one.key, one.name) for one in topology.queues} <= found


def test_a_second_import_changes_nothing(broker: Broker, topology: Topology) -> None:
    before = broker.ctl("list_queues", "name", "arguments")
    broker.ctl("import_definitions", str(broker.folder / "definitions.json"))
    assert broker.ctl("list_queues", "name", "arguments") == before


def test_an_import_leaves_a_queue_that_is_there_as_it_is(
    broker: Broker, topology: Topology
) -> None:
    """A change of arguments is a plan of its own: drain, delete, declare."""
    before = broker.ctl("list_queues", "name", "arguments")
    changed = definitions(topology, "/")
    changed["queues"][0]["arguments"]["x-delivery-limit"] = 7
    file = broker.folder / "changed.json"
    file.write_text(json.dumps(changed))
    broker.ctl("import_definitions", str(file))
    assert broker.ctl("list_queues", "name", "arguments") == before


def test_declaring_the_same_over_amqp_is_content(broker: Broker, topology: Topology) -> None:
    """What the file holds and what a daemon declares later must be one thing."""
    with kombu.Connection(f"pyamqp://guest:guest@127.0.0.1:{broker.port}//") as connection:
        channel = connection.channel()
        for one in topology.queues:
            channel.queue_declare(
                one.name, durable=True, auto_delete=False, arguments=dict(one.arguments)
            )


def test_what_is_refused_arrives_at_the_dead_letters(broker: Broker) -> None:
    with kombu.Connection(f"pyamqp://guest:guest@127.0.0.1:{broker.port}//") as connection:
        channel = connection.channel()
        channel.confirm_select()
        body = kombu.Exchange("obj", type="direct", no_declare=True)
        producer = kombu.Producer(channel, exchange=body)
        producer.publish(b"one", routing_key="refund_to_ledger", delivery_mode=2)
        _take(channel, "obj.refund_to_ledger").reject(requeue=False)
        dead = _take(channel, DEAD)
        assert bytes(dead.body) == b"one"
        assert dead.headers["x-death"][0]["queue"] == "obj.refund_to_ledger"
        dead.ack()


def test_what_goes_back_again_and_again_is_kept(broker: Broker) -> None:
    """RabbitMQ 4 lets go of it after twenty times, where a queue does not say another number."""
    with kombu.Connection(f"pyamqp://guest:guest@127.0.0.1:{broker.port}//") as connection:
        channel = connection.channel()
        channel.basic_publish(
            amqp.Message(b"one", delivery_mode=2), exchange="obj", routing_key="refund_to_ledger"
        )
        for _ in range(25):
            _take(channel, "obj.refund_to_ledger").requeue()
        found = _take(channel, "obj.refund_to_ledger")
        assert bytes(found.body) == b"one"
        found.ack()


def _take(channel: Any, queue: str) -> Any:
    """Return the first message of a queue that comes within some seconds."""
    rest = threading.Event()
    bound = kombu.Queue(queue, channel=channel, no_declare=True)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        message = bound(channel).get(accept=None)
        if message is not None:
            return message
        rest.wait(0.1)
    raise AssertionError(f"nothing came to {queue}")


def _plain(arguments: Any) -> dict[str, Any]:
    """Return arguments as a mapping, in whichever form this version lists them."""
    if isinstance(arguments, dict):
        return arguments
    return {name: value for name, _, value in arguments}
