"""A definition changes while instances of it are anywhere (S25): in a store, by orders."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from router.config.project import Project, load_project
from router.config.workflow.scenarios import Scripted
from router.core.document import Json
from router.core.instance import Snapshot
from router.core.instants import time_of
from router.engine.workflow.values import Ordered
from router.infra.store.letters import LetterQuery
from router.infra.store.store import Store
from router.runtime.definitions import Definitions
from router.runtime.installed import installed_adapters
from router.runtime.migrating import Plan, chosen, foresee, order_migrations
from router.runtime.replaying import replayed
from router.runtime.turner import Turner
from router.runtime.wiring import revisions_of
from tests.conformance.versions import ADDED, NAME, RENAMED, ROOT, later, made_of, shipped
from tests.conformance.worlds import Decided, StoreWorld

LOST, CLOSED, NO_ACCOUNT, LOCKED = (
    (Scripted("lost"),),
    (Scripted("refused", "card_closed"),),
    (Scripted("refused", "no_account"),),
    (Scripted("refused", "locked"),),
)
REVIEW: Mapping[str, Json] = {"verdict": "review"}
#: where an instance is left: what systems answer, what is decided, what comes
PLACES: dict[str, tuple[dict[str, tuple[Scripted, ...]], bool, str]] = {
    "shell": ({}, False, "recv"),
    "waiting": ({}, False, "req"),
    "running": ({"payments.refund": LOST}, False, "req recv good"),
    "failed": (
        {"payments.refund": CLOSED, "payments.store_credit": NO_ACCOUNT},
        False,
        "req recv good",
    ),
    "asked": ({}, True, "req recv good"),
    "held": ({}, False, "req recv good"),
    "undoing": ({"stock.reverse": LOST}, True, "req recv good fraud"),
    "undo_failed": ({"stock.reverse": LOCKED}, True, "req recv good fraud"),
    "suspended": ({}, False, "req recv suspend"),
}
EVENTS = {
    "req": ("return.requested", "req_one"),
    "recv": ("wms.lots_received", "recv"),
    "good": ("wms.lot_inspected", "good"),
    "fraud": ("risk.return_fraud", "fraud"),
}


@dataclass
class Returns(StoreWorld):
    """Returns of many keys in one store; systems answer what the test says at the moment."""

    documents: Mapping[str, Any] = None  # type: ignore[assignment]

    def say(self, key: str, words: str) -> None:
        """Let things come to an instance."""
        for word in words.split():
            if word in EVENTS:
                event, document = EVENTS[word]
                body = copy.deepcopy(self.documents[document])
                body["return_id"] = key
                body.pop("tracking", None)
                self.event(event, body, f"{key} {word}")
            else:
                self.order(key, word)

    def order(self, key: str, verb: str, **more: Any) -> None:
        self.put(key, Ordered(verb=verb, actor="eve", reason="a test", approver="adam", **more))

    def leave(self, key: str, place: str) -> None:
        """Bring an instance to a place."""
        answers, reviews, words = PLACES[place]
        self.answers, self._given = answers, {}
        decided: Any = self.decide
        decided.clear()
        decided.update({"approve_refund": REVIEW} if reviews else {})
        self.say(key, words)
        decided.clear()
        self.answers = {}

    def goes_by(self, project: Project, older: Project) -> None:
        """Let another configuration run on the store."""
        self.project = project
        revisions = revisions_of(ROOT, self.store)
        revisions.keep(replace(older, revision=self.store_revision), self.clock.now())
        definitions = Definitions(project, revisions)
        turning = Decided(project, self.decide)
        self.turner = Turner(self.store, self.clock, definitions, turning)

    @property
    def store_revision(self) -> str:
        return "rev1"

    def kept(self, key: str) -> Snapshot:
        with self.store.read() as reader:
            return reader.instances.named([(NAME, key)])[NAME, key]

    def migrate(self, project: Project, keys: list[str], **pairs: str) -> list[tuple[str, str]]:
        """Order migrations and let them be turned; return what came of each."""
        target = project.workflows[NAME].mark
        arguments = {
            "workflow": NAME,
            "instances": [self.kept(key).id for key in keys],
            "target": target,
            "revision": self.store_revision,
            "map": pairs,
            "actor": "eve",
            "reason": "a test",
        }
        now = self.clock.now()
        made = self.store.write(lambda transaction: order_migrations(transaction, arguments, now))
        self._drain()
        with self.store.read() as reader:
            found = reader.instances.outcomes(made["messages"])
        self.at = now + timedelta(seconds=1)
        self.clock.move_to(self.at)
        return [found[one] for one in made["messages"]]

    def finish(self, key: str) -> None:
        """Bring an instance to its end, from wherever it is."""
        for _ in range(12):
            state = self.kept(key).state
            if state["suspended"]:
                self.order(key, "resume")
            for path in state["tasks"]:
                step, _, item = path.partition("/")
                self.order(key, "decide", step=step, item=item, value="go")
            for step, records in state["steps"].items():
                for item, one in records.items():
                    if one["status"] in ("failed", "undo_failed"):
                        self.order(key, "retry", step=step, item=item)
            if state["final"]:
                return
            self.let_pass(timedelta(days=2))


@pytest.fixture(scope="module")
def both() -> tuple[Project, Project]:
    return made_of(shipped()), made_of(later(shipped()))


@pytest.fixture
def world(kept: Store, both: tuple[Project, Project]) -> Returns:
    file = next(iter(load_project(ROOT, installed_adapters())[0].scenarios.values()))
    return Returns(
        workflow=both[0].workflows[NAME],
        at=file.begins,
        usual=file.answers,
        decide={},
        project=both[0],
        store=kept,
        documents=file.documents,
    )


def all_replay(world: Returns, both: tuple[Project, Project]) -> int:
    by = {one.workflows[NAME].mark: one.workflows[NAME] for one in both}
    turns = 0
    with world.store.read() as reader:
        for one in reader.instances.find(NAME):
            assert replayed(one, reader.instances.turns(one.id), by.get) is None
            turns += one.turns
    return turns


def unmapped_stay(
    world: Returns, both: tuple[Project, Project], before: Mapping[str, Snapshot]
) -> None:
    """What was begun and is not mapped stays where it is, and its journal says why."""
    old, new = (one.workflows[NAME] for one in both)
    moving = list(before)
    begun = [key for key in moving if "refund" in before[key].state["steps"]]
    assert len(begun) >= 3
    came = dict(zip(begun, world.migrate(both[1], begun), strict=True))
    for key, (outcome, why) in came.items():
        touched = any(
            one["status"] not in ("idle", "skipped")
            for one in before[key].state["steps"]["refund"].values()
        )
        assert outcome == ("refused" if touched else "applied"), key
        assert ("as in --map refund=NEW" in why) == touched
        assert world.kept(key).mark == (old.mark if touched else new.mark)
    assert Counter(outcome for outcome, _ in came.values())["refused"] >= 3


def assert_sent_once(world: Returns) -> None:
    """Nothing was sent twice, but what a person ordered again with the key that it had."""
    with world.store.read() as reader:
        keys = Counter(
            effect["key"]
            for one in reader.instances.find(NAME)
            for line in reader.instances.turns(one.id)
            if line.kind != "order"
            for effect in line.effects
            if effect["effect"] in ("Send", "HoldItem")
        )
    assert {key: n for key, n in keys.items() if n > 1} == {}
    assert keys


def test_a_definition_changes_in_flight(world: Returns, both: tuple[Project, Project]) -> None:
    old, new = (one.workflows[NAME] for one in both)
    world.leave("P-ended", "held")
    world.finish("P-ended")
    for place in PLACES:
        world.leave(f"P-{place}", place)
        world.leave(f"M-{place}", place)
    for place in ("running", "failed", "asked", "held", "undoing", "undo_failed"):
        statuses = {
            one["status"]
            for records in world.kept(f"M-{place}").state["steps"].values()
            for one in records.values()
        }
        assert place in statuses
    world.goes_by(both[1], both[0])
    world.leave("N-new", "held")
    moving = [f"M-{place}" for place in PLACES]
    before = {key: world.kept(key) for key in moving}

    unmapped_stay(world, both, before)

    # what a dry run foresees happens
    rest = [key for key in moving if world.kept(key).mark == old.mark]
    plan = Plan(target=new, map={"refund": RENAMED}, actor="eve", reason="a test")
    by = {old.mark: old, new.mark: new}
    with world.store.read() as reader:
        open_ones = [one for one in chosen(reader, NAME) if one.key in rest]
        foreseen = foresee(open_ones, plan, by.get, world.clock.now())
    assert (foreseen.refused, len(foreseen.ready)) == ({}, len(rest))
    sent = len(world.sent)
    assert set(world.migrate(both[1], rest, refund=RENAMED)) == {("applied", "")}
    assert {world.kept(key).mark for key in moving} == {new.mark}
    assert {world.kept(f"P-{place}").mark for place in PLACES} == {old.mark}
    assert Counter(one.operation for one in world.sent[sent:])["payments.refund"] == 0

    # and back, as long as nothing was begun that the old one has not
    assert world.migrate(both[0], ["M-running"]) == [("applied", "")]
    assert world.kept("M-running").state["steps"] == before["M-running"].state["steps"]
    assert world.migrate(both[1], ["M-running"], refund=RENAMED) == [("applied", "")]

    # each goes to its end by its own definition
    world.say("P-shell", "req good")
    world.say("M-shell", "req good")
    world.say("P-waiting", "recv good")
    world.say("M-waiting", "recv good")
    world.say("P-suspended", "resume good")
    world.say("M-suspended", "resume good")
    for place in PLACES:
        world.finish(f"P-{place}")
        world.finish(f"M-{place}")
        pinned, moved = world.kept(f"P-{place}"), world.kept(f"M-{place}")
        assert (pinned.mark, moved.mark) == (old.mark, new.mark)
        assert pinned.state["label"] == moved.state["label"], place
        assert pinned.state["final"], (place, pinned.state["exceptions"])
        assert moved.state["final"], (place, moved.state["exceptions"])
    assert ADDED in world.kept("M-running").state["steps"]
    assert ADDED not in world.kept("P-running").state["steps"]

    assert_sent_once(world)
    assert all_replay(world, both) > 200


def test_no_way_back_once_a_new_step_was_begun(
    world: Returns, both: tuple[Project, Project]
) -> None:
    world.leave("M-1", "running")
    world.goes_by(both[1], both[0])
    assert world.migrate(both[1], ["M-1"], refund=RENAMED) == [("applied", "")]
    state = world.kept("M-1").state
    assert state["steps"][RENAMED]["A"]["keys"] == ["M-1/refund/A/0/0"]
    assert f"{RENAMED}/A#timeout" in state["timers"]
    due = time_of(state["timers"][f"{RENAMED}/A#timeout"]["due_at"])
    world.let_pass(due - world.clock.now())
    assert list(world.kept("M-1").state["exceptions"]) == [f"timeout:{RENAMED}/A"]
    world.order("M-1", "retry", step=RENAMED, item="A")  # with the key that the old step had
    assert [one.key for one in world.sent].count("refund/A/0/0") == 2
    assert ADDED in world.kept("M-1").state["steps"]
    outcome, why = world.migrate(both[0], ["M-1"])[0]
    assert outcome == "refused"
    assert why.startswith(f"step {ADDED}/A is done, and the new definition has no {ADDED}")
    all_replay(world, both)


def test_a_migration_to_what_nobody_has_is_not_lost(
    world: Returns, both: tuple[Project, Project]
) -> None:
    world.leave("M-1", "waiting")
    assert world.kept("M-1").turns > 0
    with pytest.raises(KeyError):  # the project that runs has no such definition: a dead letter
        world.migrate(both[1], ["M-1"])
    with world.store.read() as reader:
        assert [one["reason"] for one in reader.letters.find(LetterQuery(limit=10))] == [
            "no_definition"
        ]
