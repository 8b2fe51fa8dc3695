"""What a shared broker must hold: the rules of the design, as far as a file can show them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.config.environments import EnvironmentFile
from router.config.project import Project, load_project
from router.config.topology import DEAD, Topology, definitions, topology_of
from router.runtime.installed import installed_adapters
from tests.unit.tools.conftest import ROOT, Command


def made(root: Path, environment: str = "test") -> tuple[Project, EnvironmentFile, Topology]:
    """Return a project's topology in one of its environments."""
    project, found = load_project(root, installed_adapters())
    assert [one for one in found if one.severity.value == "error"] == []
    chosen = project.environments[environment]
    return project, chosen, topology_of(project, chosen)


@pytest.fixture
def ordered(base: Path) -> Path:
    """The small project with a channel whose messages are handled in order."""
    path = base / "routes/channels/inbox.yaml"
    path.write_text(
        path.read_text().replace("    steps:", "    order_by: [=body.id]\n    steps:", 1)
    )
    return base


def test_there_is_a_queue_for_each_channel_flow_and_system_that_acts() -> None:
    project, _, topology = made(ROOT)
    names = {one.name for one in topology.queues}
    assert {f"in.{name}" for name in project.channels} <= names
    assert {f"obj.{name.removeprefix('flow:')}" for name in project.flows} <= names
    assert {"sys.ledger", "sys.bi", DEAD} <= names
    assert "sys.shop" not in names  # it is only asked
    assert len(names) == len(topology.queues)


def test_only_channels_that_come_in_have_a_queue() -> None:
    _, environment, topology = made(ROOT, "demo")
    inbound = {one.key for one in topology.queues if one.exchange == "in"}
    assert inbound == {one.name for one in environment.takes}


def test_nothing_can_be_lost_by_its_arguments() -> None:
    for one in made(ROOT)[2].queues:
        assert one.arguments["x-queue-type"] == "quorum"
        assert one.arguments["x-overflow"] == "reject-publish"
        assert one.arguments["x-delivery-limit"] >= 10_000
        if one.name != DEAD:
            assert one.arguments["x-dead-letter-strategy"] == "at-least-once"
            assert one.arguments["x-dead-letter-exchange"] == DEAD
            assert one.arguments["x-dead-letter-routing-key"] == DEAD


def test_each_queue_is_bound_where_publishers_find_it_and_dead_letters_too() -> None:
    topology = made(ROOT)[2]
    file = definitions(topology, "/")
    bound = {(one["source"], one["routing_key"], one["destination"]) for one in file["bindings"]}
    assert ("obj", "refund_to_ledger", "obj.refund_to_ledger") in bound
    assert (DEAD, DEAD, DEAD) in bound
    assert {one["name"] for one in file["queues"]} == {one[2] for one in bound}
    assert {one["name"] for one in file["exchanges"]} == {one[0] for one in bound}
    # `mandatory` would be swallowed by an alternate exchange
    assert all(one["arguments"] == {} for one in file["exchanges"])


def test_an_ordered_channel_has_a_queue_for_each_partition(ordered: Path) -> None:
    queues = [one for one in made(ordered)[2].queues if one.exchange == "in"]
    assert [one.name for one in queues] == [f"in.inbox.{number}" for number in range(4)]
    assert all(one.arguments["x-single-active-consumer"] is True for one in queues)
    path = ordered / "routes/environments/test.yaml"
    path.write_text(path.read_text() + "partitions: 2\n")
    queues = [one for one in made(ordered)[2].queues if one.exchange == "in"]
    assert [one.key for one in queues] == ["inbox.0", "inbox.1"]


def test_other_queues_are_shared_by_all_consumers(ordered: Path) -> None:
    others = [one for one in made(ordered)[2].queues if one.exchange != "in"]
    assert len(others) == 3
    assert not [one for one in others if one.single or "x-single-active-consumer" in one.arguments]


def test_the_command_prints_text_data_and_definitions(command: Command, ordered: Path) -> None:
    words = ("topology", "--env", "test", "-p", ordered)
    lines = command(*words).stdout.splitlines()
    assert lines[1].split() == [
        "in.inbox.0",
        "in",
        "inbox.0",
        "channel:inbox",
        "one",
        "at",
        "a",
        "time",
    ]
    data = json.loads(command(*words, "--format", "json").stdout)
    assert data["queues"][0]["for"] == "channel:inbox"
    file = json.loads(command(*words, "--format", "rabbitmq", "--vhost", "shop").stdout)
    assert file["vhosts"] == [{"name": "shop"}]
    assert {one["vhost"] for one in file["queues"]} == {"shop"}
    assert "users" not in file
    again = command(*words, "--format", "rabbitmq", "--vhost", "shop").stdout
    assert json.loads(again) == file


def test_an_environment_that_is_none(command: Command, base: Path) -> None:
    done = command("topology", "--env", "tset", "-p", base)
    assert (done.exit_code, done.stderr) == (2, "router: no environment tset: did you mean test?\n")
