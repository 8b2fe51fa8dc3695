"""Commands over a broker: several processes serve one system, whatever is killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from amqp.exceptions import AMQPError
from kombu import Connection

from router.runtime.caution import MOST_ENDS
from tests.crash.client import Sender
from tests.crash.conditions import in_order, misbehave, retry_soon
from tests.crash.crew import Crew
from tests.crash.killing import Plan
from tests.crash.processes import Settings, wait_until
from tests.crash.test_ledger import ledger
from tests.crash.traffic import make_day
from tests.crash.verdict import assert_far_sides, assert_one_final_state
from tests.live.broker import Broker, held, taking
from tests.live.postgres import Postgres

pytestmark = pytest.mark.slow

#: seconds in which a process that is asked to has to end; in which everything is done
GRACE, SECONDS = 60, 150
#: processes that one command may end before it must be found: each of those that a mark counts, and
#: the first, may take one with it that has a copy of a new leader
MOST_KILLED = 2 * (MOST_ENDS + 1)
#: messages that the broker can have on their way to a consumer when it ends
UNDERWAY = 8


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A private server."""
    with Postgres().running() as server:
        yield server


@pytest.fixture
def broker(new_node: Broker) -> Broker:
    return new_node


def listed(broker: Broker, *words: str) -> list[dict[str, Any]]:
    """Return what rabbitmqctl lists."""
    made: list[dict[str, Any]] = json.loads(broker.ctl(*words, "--formatter", "json"))
    return made


Make = Callable[..., Crew]


@pytest.fixture
def make(tmp_path: Path, postgres: Postgres, broker: Broker) -> Iterator[Make]:
    """Makes crews whose commands the broker carries; what still runs is killed afterwards."""
    made: list[Crew] = []

    def one(orders: tuple[dict[str, Any], ...], **settings: Any) -> Crew:
        kept = Settings(orders=orders, server=postgres.fresh(), broker=broker.address, **settings)
        made.append(Crew.copied(tmp_path / f"project{len(made)}", kept))
        return made[-1]

    yield one
    for place in made:
        place.close()


@pytest.mark.timeout(300)
def test_every_worker_calls_every_system_and_one_that_ends_hands_its_work_on(
    make: Make, broker: Broker
) -> None:
    """Faults at every endpoint: whatever waits, no command is given to hands a second time."""
    day = make_day(6, messages=120, files=0, mix={"return": 1, "refund": 2})
    place = make(day.orders)
    retry_soon(place)
    misbehave(place)
    in_order(place)
    place.start_sandbox()
    place.start_daemon()
    place.wait_led()
    wait_until(lambda: hands(broker) == {2}, "both workers take commands")
    sender = Sender(place.port)
    sender.send(day.webhooks[:60])
    assert place.end_member("worker-a", GRACE) == 0
    sender.send(day.webhooks[60:])
    place.wait_idle(SECONDS)
    wait_until(lambda: lying(broker) == 0, "every command is acknowledged")
    assert_far_sides(place, day)
    assert_one_final_state(place, sender.messages)
    assert place.query("SELECT count(*) FROM intents WHERE state <> 'done'") == [(0,)]
    assert set(place.end_members(GRACE).values()) == {0}
    # what was on its way to the one that ended comes again; nothing does because hands compete
    assert place.log().count("came again") <= UNDERWAY
    assert lying(broker) == 0


@pytest.mark.timeout(300)
def test_while_the_broker_is_away_commands_wait_and_it_is_told(make: Make, broker: Broker) -> None:
    day = make_day(7, messages=40, files=0, mix={"return": 1})
    place = make(day.orders)
    place.start_sandbox()
    place.start_daemon()
    place.wait_led()
    wait_until(lambda: hands(broker) == {2}, "both workers take commands")
    broker.kill()
    sender = Sender(place.port)
    sender.send(day.webhooks)
    wait_until(lambda: place.count("queue") >= 40, "commands wait in the store")
    wait_until(lambda: len(place.status()["away"]) == 2, "both workers say so")
    assert all("refused" in one["why"] for one in place.status()["away"])
    assert "commands to " in place.command("status", "--env", "crash").stdout
    assert place.bi_rows("returns") == []
    broker.start()
    place.wait_idle(SECONDS)
    assert_far_sides(place, day)
    wait_until(lambda: not place.status()["away"], "they have found the broker")
    assert place.log().count("the broker is there again") == 2


@pytest.mark.timeout(300)
def test_a_broker_that_takes_nothing_is_told_and_commands_wait(make: Make, broker: Broker) -> None:
    day = make_day(10, messages=20, files=0, mix={"return": 1})
    place = make(day.orders)
    place.start_sandbox()
    place.start_daemon()
    place.wait_led()
    wait_until(lambda: hands(broker) == {2}, "both workers take commands")
    broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    Sender(place.port).send(day.webhooks)
    wait_until(lambda: bool(place.status()["away"]), "it is told")
    assert any("takes nothing" in one["why"] for one in place.status()["away"])
    broker.ctl("set_vm_memory_high_watermark", "absolute", "400MB")
    place.wait_idle(SECONDS)
    assert_far_sides(place, day)
    wait_until(lambda: not place.status()["away"], "all is well")
    assert "came again" not in place.log()


def test_an_address_of_no_broker_is_told(make: Make) -> None:
    place = make(())
    place.environ["ROUTER_BROKER"] = "nonsense"
    done = place.command("run", "--env", "crash")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "the address of the broker is none: amqp://" in done.stderr
    place.environ["ROUTER_BROKER"] = ""
    done = place.command("run", "--env", "crash")
    assert "secrets are missing: env:ROUTER_BROKER (for the broker)" in done.stderr


@pytest.mark.timeout(300)
def test_what_is_paused_does_not_leave_and_goes_on_afterwards(make: Make, broker: Broker) -> None:
    day = make_day(8, messages=60, files=0, mix={"return": 1})
    place = make(day.orders)
    place.start_sandbox()
    place.start_daemon()
    place.wait_led()
    sender = Sender(place.port)
    sender.send(day.webhooks[:20])
    place.wait_idle(SECONDS)
    done = place.command("pause", "system:bi", "--reason", "a test", "--env", "crash")
    assert done.returncode == 0, done.stdout + done.stderr
    sender.send(day.webhooks[20:])
    only = "SELECT count(*) FROM queue WHERE lane <> 'sys.bi'"
    wait_until(lambda: place.query(only) == [(0,)], "only those of the system wait")
    assert len(place.bi_rows("returns")) == 20
    place.kill_member("worker-a")
    place.start_daemon()
    place.wait_led()
    assert len(place.bi_rows("returns")) == 20
    done = place.command("resume", "system:bi", "--env", "crash")
    assert done.returncode == 0, done.stdout + done.stderr
    place.wait_idle(SECONDS)
    assert_far_sides(place, day)


@pytest.mark.timeout(300)
def test_a_queue_that_is_there_otherwise_is_told_and_left_as_it_is(
    make: Make, broker: Broker
) -> None:
    with Connection(broker.address) as connection:
        channel = connection.channel()
        channel.queue_declare("sys.bi", durable=True, auto_delete=False)
    day = make_day(9, messages=10, files=0, mix={"return": 1})
    place = make(day.orders)
    place.start_sandbox()
    place.start_daemon()
    place.wait_led()
    wait_until(lambda: bool(place.status()["away"]), "it is told")
    assert "sys.bi is another one than router topology says" in place.status()["away"][0]["why"]
    rows = listed(broker, "list_queues", "name", "type")
    assert {one["name"]: one["type"] for one in rows}["sys.bi"] == "classic"
    with Connection(broker.address) as connection:
        connection.channel().queue_delete("sys.bi")
    Sender(place.port).send(day.webhooks)
    place.wait_idle(SECONDS)
    assert_far_sides(place, day)
    wait_until(lambda: not place.status()["away"], "all is well")


@pytest.mark.timeout(600)
def test_a_command_that_kills_its_hands_is_buried_and_the_others_go_on(make: Make) -> None:
    day = make_day(31, messages=30, files=0, mix={"refund": 3, "return": 1})
    (killer,) = make_day(32, messages=1, files=0, mix={"order": 1}).webhooks
    place = make(day.orders)
    place.start_sandbox()
    place.failpoint = f"worker.prepare.{killer.kind}"
    place.start_daemon()
    sender = Sender(place.port)
    sender.start([*day.webhooks[:10], killer, *day.webhooks[10:]])
    ends = 0

    def fallen() -> list[str]:
        return [name for name, one in place.members.items() if one.poll() is not None]

    while ends < MOST_KILLED and not place.count("dead"):
        wait_until(
            lambda: bool(fallen() or place.count("dead")), "it kills, or is found", seconds=SECONDS
        )
        ends += len(fallen())
        place.start_daemon(wait=False)
    assert MOST_ENDS < ends < MOST_KILLED, "one without a mark, and as many as marks count"
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    place.wait_idle(SECONDS)
    found = place.query("SELECT reason, consumer, step FROM dead")
    assert found == [("killer", "bi.write_sale", "request")]
    assert Counter(one["text"] for one in place.journals()) == Counter(list(day.expected.postings))
    assert place.query("SELECT name FROM marks WHERE name LIKE 'apart:%'") == []


class Trouble:
    """What happens to a broker, by turns: it is killed, emptied, its queues are taken away."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.done: Counter[str] = Counter()

    def __call__(self) -> None:
        """Let the next thing happen."""
        word = ("killed", "emptied", "taken away")[self.done.total() % 3]
        self.done[word] += 1
        if word == "killed":
            self._broker.kill()
            self._broker.start()
            return
        act = "queue_purge" if word == "emptied" else "queue_delete"
        for name in ("sys.shop", "sys.ledger", "sys.bi"):
            with suppress(AMQPError), Connection(self._broker.address) as connection:
                getattr(connection.channel(), act)(name)  # it may not be there as yet


def played(
    root: Path, places: tuple[Postgres, Broker], seed: int, messages: int, plan: Plan
) -> tuple[Crew, Trouble]:
    """Play a day with faults while members are killed and the broker suffers; all adds up."""
    postgres, broker = places
    day = make_day(seed, messages=messages, files=2)
    settings = Settings(
        orders=day.orders, workers=4, server=postgres.fresh(), broker=broker.address
    )
    place = Crew.copied(root, settings)
    place.random = Random(seed)
    trouble = plan.upset = Trouble(broker)
    try:
        said = ledger(place, day, plan)
        assert place.query("SELECT name FROM marks WHERE name LIKE 'apart:%'") == []
    finally:
        place.close()
    print(f"\nledger of hands: {said}, killed {dict(place.killed)}, broker {dict(trouble.done)}")
    return place, trouble


@pytest.mark.timeout(300)
def test_members_killed_and_a_broker_that_fails_lose_and_double_nothing(
    tmp_path: Path, postgres: Postgres, broker: Broker
) -> None:
    """Faults at every endpoint, orders by key; hands and dispatchers are killed at random."""
    plan = Plan(random=Random(11), sending=5, working=3, early=1, patience=200)
    place, trouble = played(tmp_path / "project", (postgres, broker), 11, 250, plan)
    assert place.killed.total() >= 3
    assert trouble.done.total() >= 3


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_members_killed_for_ten_minutes_beside_a_broker_that_fails(
    tmp_path: Path, postgres: Postgres, broker: Broker, seed: int
) -> None:
    """5,000 messages, faults at every endpoint, sixty kills and troubles."""
    plan = Plan(random=Random(seed), sending=30, retrying=10, working=15, early=5, patience=900)
    place, trouble = played(tmp_path / "project", (postgres, broker), seed, 5000, plan)
    assert place.killed.total() >= 20
    assert trouble.done.total() >= 15


def lying(broker: Broker) -> int:
    """Return how many commands lie in queues, or in somebody's hands."""
    return sum(number for name, number in held(broker).items() if name.startswith("sys."))


def hands(broker: Broker) -> set[int]:
    """Return how many processes take from the queues of commands."""
    return {number for name, number in taking(broker).items() if name.startswith("sys.")}
