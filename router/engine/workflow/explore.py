"""Owns: every state that an instance can come to: events in every order, every answer, every timer.
Imports: core, config.workflow, engine.workflow.
Never: thinks of time: what is armed may come at any moment, so more is looked at than can be.

A failure, and an answer that is lost, come once for each operation: else there were no end.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from router.config.workflow.scenarios import ScenarioFile, Scripted, Universe
from router.engine.workflow.state import State, begin, canonical
from router.engine.workflow.trial import document_of
from router.engine.workflow.turn import turn
from router.engine.workflow.values import (
    Answered,
    EventCame,
    HoldItem,
    Input,
    Ordered,
    Send,
    TimerCame,
    Turn,
    WindowClosed,
    WithdrawItem,
)
from router.engine.workflow.walk import NeverSettles

#: what is left out of a state when it is compared: times, and what counts turns
_OF_TIME = frozenset({"gen", "since", "due_at", "closes_at", "last_close", "period"})
_DONE = (Scripted("done"),)
_KEY = "universe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An instance with all that may still come to it."""

    state: State
    #: how often each event may still come
    left: tuple[int, ...]
    #: effects that are under way: key and operation
    asked: tuple[tuple[str, str], ...] = ()
    #: effects that wait for their window: key and operation
    held: tuple[tuple[str, str], ...] = ()
    #: operations that have failed once
    failed: frozenset[str] = frozenset()

    @property
    def mark(self) -> bytes:
        """Return what nodes have in common that differ in time alone."""
        said = canonical(_timeless(self.state))
        rest = (self.left, sorted(self.asked), sorted(self.held), sorted(self.failed))
        return hashlib.blake2b(f"{said}{rest}".encode(), digest_size=12).digest()

    @property
    def is_over(self) -> bool:
        """Return whether it has ended, or a person has to look at it."""
        return bool(self.state["final"] or self.state["exceptions"] or not self.state["opened"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One thing that can happen: in words, what comes, and what is under way without it."""

    words: str
    came: Input | None
    node: Node
    #: whether it is what happens when all goes well
    is_plain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something that may not be, and a way that leads to it."""

    kind: str
    what: str
    way: tuple[str, ...]


@dataclass
class Explored:
    """What was found. `is_whole`: no state was left out."""

    universe: str
    nodes: int = 0
    moves: int = 0
    is_whole: bool = True
    flaws: list[Flaw] = field(default_factory=list)
    #: statuses that were seen, by step
    seen: dict[str, set[str]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)


def explore(file: ScenarioFile, universe: Universe, most: int) -> Explored:
    """Return everything that can become of one instance, up to `most` states."""
    return _Walk(file, universe, most).run()


class _Walk:
    """One walk, breadth first, so that the ways to flaws are short."""

    def __init__(self, file: ScenarioFile, universe: Universe, most: int) -> None:
        self.file, self.universe, self.most = file, universe, most
        self.found = Explored(universe.name)
        self.bodies = [document_of(file, one.say, None, one.but) for one in universe.events]
        #: mark -> the mark before it and the move between them
        self.before: dict[bytes, tuple[bytes, str]] = {}
        self.after: dict[bytes, set[bytes]] = {}
        #: nodes that have ended, or at which a person has to look
        self.over: set[bytes] = set()

    def run(self) -> Explored:
        """Walk; return what was found."""
        waiting = deque([self._first()])
        while waiting:
            if len(self.after) >= self.most:
                self.found.is_whole = False
                break
            node = waiting.popleft()
            mark = node.mark
            self._note(node, mark)
            waiting.extend(self._new(node, mark))
        self.found.nodes = len(self.after)
        self._stuck()
        if self.universe.confluent:
            self._compare_ends()
        return self.found

    def _first(self) -> Node:
        left = tuple(one.times for one in self.universe.events)
        return Node(state=begin(self.file.workflow, _KEY), left=left)

    def _new(self, node: Node, mark: bytes) -> Iterator[Node]:
        """Take every move of a node; yield the nodes that were not reached before."""
        after = self.after.setdefault(mark, set())
        for move in self._moves(node):
            reached = self._take(move, mark)
            self.found.moves += 1
            if reached is None:
                continue
            there = reached.mark
            after.add(there)
            if there not in self.before and there not in self.after:
                self.before[there] = (mark, move.words)
                yield reached

    def _compare_ends(self) -> None:
        """Tell when events whose order differs, and with which all goes well, end apart."""
        ends: dict[str, bytes] = {}
        waiting, seen = deque([self._first()]), set[bytes]()
        while waiting and len(seen) < self.most:
            node = waiting.popleft()
            mark = node.mark
            moves = [one for one in self._moves(node) if one.is_plain]
            if not moves:
                ends.setdefault(_outcome(node.state), mark)
            for move in moves:
                reached = self._take(move, mark)
                if reached is not None and reached.mark not in seen:
                    seen.add(reached.mark)
                    waiting.append(reached)
        if len(ends) > 1:
            what = f"{len(ends)} ends of the same events"
            self._flaw("confluence", what, *(" > ".join(self._way(one)) for one in ends.values()))

    def _take(self, move: Move, mark: bytes) -> Node | None:
        """Return the node after a move; None where the turn was refused."""
        if move.came is None:
            return move.node
        try:
            made = turn(
                self.file.workflow,
                move.node.state,
                move.came,
                self.file.begins,
                self.universe.decide,
            )
        except NeverSettles:
            self._flaw("never settles", move.words, *self._way(mark), move.words)
            return None
        if made.why.startswith("invariant:"):
            self._flaw("never", made.why.removeprefix("invariant:"), *self._way(mark), move.words)
            return None
        return _after(move.node, made)

    # ---- moves

    def _moves(self, node: Node) -> Iterator[Move]:
        yield from self._events(node)
        for one in node.asked:
            yield from self._answers(node, one)
        for key, operation in node.held:
            held = tuple(one for one in node.held if one[0] != key)
            sent = replace(node, held=held, asked=(*node.asked, (key, operation)))
            yield Move(words=f"window of {key}", came=WindowClosed(key=key), node=sent)
        for path in sorted(node.state["tasks"]):
            yield from self._verdicts(node, path)
        for name, timer in sorted(node.state["timers"].items()):
            if "#remind" not in name and not self._is_early(node, name):
                came = TimerCame(name=name, gen=timer["gen"])
                yield Move(words=f"timer {name}", came=came, node=node, is_plain=False)

    def _is_early(self, node: Node, timer: str) -> bool:
        """Return whether what a timer is armed for is under way, where that comes in time."""
        if not self.universe.punctual:
            return False
        path = f"{_KEY}/{timer.partition('#')[0]}/"
        return any(key.startswith(path) for key, _ in (*node.asked, *node.held))

    def _events(self, node: Node) -> Iterator[Move]:
        for number, one in enumerate(self.universe.events):
            if not node.left[number]:
                continue
            left = (*node.left[:number], node.left[number] - 1, *node.left[number + 1 :])
            said = self.file.workflow.file.events[one.event]
            if not said.starts and not node.state["opened"]:
                continue  # it would wait for its instance
            came = EventCame(name=one.event, body=self.bodies[number])
            yield Move(words=one.event, came=came, node=replace(node, left=left))

    def _answers(self, node: Node, effect: tuple[str, str]) -> Iterator[Move]:
        key, operation = effect
        rest = replace(node, asked=tuple(one for one in node.asked if one != effect))
        short = key.removeprefix(f"{_KEY}/")
        for scripted in self.universe.answers.get(operation) or _DONE:
            words = f"{short} {scripted.outcome} {scripted.code}".rstrip()
            if scripted.outcome == "done":
                yield Move(words=words, came=_answer(key, scripted), node=rest)
            elif operation not in node.failed:
                failed = replace(rest, failed=node.failed | {operation})
                came = None if scripted.outcome == "lost" else _answer(key, scripted)
                yield Move(words=words, came=came, node=failed, is_plain=False)

    def _verdicts(self, node: Node, path: str) -> Iterator[Move]:
        step, _, item = path.partition("/")
        for verdict in ("go", "deny"):
            came = Ordered(
                verb="decide", actor="a", approver="b", reason="r", step=step, item=item,
                value=verdict,
            )  # fmt: skip
            yield Move(words=f"{path} {verdict}", came=came, node=node, is_plain=verdict == "go")

    # ---- what may not be

    def _note(self, node: Node, mark: bytes) -> None:
        """Note what is seen at a node; tell one that waits for nothing that would come."""
        state = node.state
        for name, records in state["steps"].items():
            self.found.seen.setdefault(name, set()).update(
                one["status"] for one in records.values()
            )
        self.found.labels.add(state["label"])
        if node.is_over:
            self.over.add(mark)
        elif not state["timers"] and not state["tasks"] and not state["suspended"]:
            self._flaw("silent wait", state["label"], *self._way(mark))

    def _stuck(self) -> None:
        """Tell nodes from which no end is reached, and where nobody has to look."""
        into: dict[bytes, set[bytes]] = {}
        for mark, after in self.after.items():
            for there in after:
                into.setdefault(there, set()).add(mark)
        good, waiting = set(self.over), list(self.over)
        if not self.found.is_whole:  # what was not looked at may lead to an end
            border = [there for there in into if there not in self.after]
            good.update(border)
            waiting.extend(border)
        while waiting:
            for mark in into.get(waiting.pop(), ()):
                if mark not in good:
                    good.add(mark)
                    waiting.append(mark)
        for mark in self.after.keys() - good:
            self._flaw("stuck", "no end is reached from here", *self._way(mark))

    def _flaw(self, kind: str, what: str, *way: str) -> None:
        """Note a flaw; one of a kind with the same words is told by its first, shortest way."""
        if not any(one.kind == kind and one.what == what for one in self.found.flaws):
            self.found.flaws.append(Flaw(kind=kind, what=what, way=way))

    def _way(self, mark: bytes) -> tuple[str, ...]:
        """Return the moves that lead to a node."""
        found: list[str] = []
        while mark in self.before:
            mark, words = self.before[mark]
            found.append(words)
        return tuple(reversed(found))


def _answer(key: str, scripted: Scripted) -> Answered:
    is_known = scripted.outcome in ("done", "accepted")
    return Answered(
        key=key,
        outcome=scripted.outcome,
        code=scripted.code,
        reference=f"ref:{key}" if is_known else "",
        outputs=scripted.outputs,
    )


def _after(node: Node, made: Turn) -> Node:
    """Return a node after a turn: its state, and what is under way by now."""
    asked, held = node.asked, node.held
    for effect in made.effects:
        match effect:
            case Send():
                asked = (*asked, (effect.key, effect.operation))
            case HoldItem():
                held = (*held, (effect.key, effect.operation))
            case WithdrawItem():
                held = tuple(one for one in held if one[0] != effect.key)
    return replace(node, state=made.state, asked=asked, held=held)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in value.items() if name not in _OF_TIME}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def _outcome(state: Mapping[str, Any]) -> str:
    """Return what must not depend on the order of events: label, exceptions, effects, statuses."""
    keys = sorted(
        key
        for records in state["steps"].values()
        for record in records.values()
        for key in (*record["keys"], record.get("undo_key") or "")
    )
    statuses = {
        name: {item: record["status"] for item, record in records.items()}
        for name, records in state["steps"].items()
    }
    said = {"label": state["label"], "open": sorted(state["exceptions"]), "keys": keys}
    return canonical({**said, "statuses": statuses})
