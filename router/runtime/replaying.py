"""Owns: the journal of an instance made anew, turn by turn, and what is not as it was.
Imports: core, config.workflow, engine.workflow, infra.codecs, runtime.instance.
Never: reads a store, decides anew what a table has decided, writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.config.workflow.workflow import Workflow
from router.core.instance import Snapshot, TurnLine
from router.engine.workflow.migration import migrate
from router.engine.workflow.record import effect_document, input_of
from router.engine.workflow.state import State, begin
from router.engine.workflow.turn import turn
from router.engine.workflow.values import Migrated, Turn
from router.infra.codecs import canonical_json
from router.runtime.instance import state_hash

#: gives a definition by its mark, None when it is not to be had
ByMark: TypeAlias = Callable[[str], Workflow | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first thing that is not as the journal says; `turn` 0 is the instance as it is kept."""

    workflow: str
    key: str
    turn: int
    #: what came with that turn: `answer n1/file/0/0`
    came: str
    what: str
    #: in the journal, and made anew
    kept: str
    made: str


class Lost(Exception):
    """A definition that is not to be had any more."""


def replayed(kept: Snapshot, lines: Iterable[TurnLine], by_mark: ByMark) -> Difference | None:
    """Make an instance of its journal; return the first difference, None when all is equal.

    Each turn is made by the definition of its mark, at its time, with what tables decided then:
    outcome, label, effects (byte for byte) and the hash of the state must be those of the journal,
    and the last state the one that is kept.
    """
    state: State | None = None
    before = 0
    for line in lines:
        if line.seq != before + 1:
            return _difference(kept, line, "number", (str(line.seq), str(before + 1)))
        before = line.seq
        try:
            state, found = _again(kept, state, line, by_mark)
        except Lost as lost:
            return _difference(kept, line, "definition", (str(lost), "not to be had"))
        if found is not None:
            return found
    return _last(kept, state, before)


def _again(
    kept: Snapshot, state: State | None, line: TurnLine, by_mark: ByMark
) -> tuple[State, Difference | None]:
    """Return the state after a turn, and what of the turn is not as it was."""
    came = input_of(line.kind, line.input)
    if isinstance(came, Migrated):
        by = _definition(by_mark, came.source), _definition(by_mark, came.target)
        assert state is not None, "no instance begins by a migration"
        made = migrate(by, state, came, line.at, line.decisions)
    else:
        workflow = _definition(by_mark, line.mark)
        was = begin(workflow, kept.key) if state is None else state
        made = turn(workflow, was, came, line.at, line.decisions)
    for what, in_journal, anew in _compared(line, made):
        if in_journal != anew:
            return made.state, _difference(kept, line, what, (in_journal, anew))
    return made.state, None


def _definition(by_mark: ByMark, mark: str) -> Workflow:
    found = by_mark(mark)
    if found is None:
        raise Lost(mark)
    return found


def _compared(line: TurnLine, made: Turn) -> Iterator[tuple[str, str, str]]:
    """Yield what must be equal: its name, as it is in the journal, as it is made anew."""
    yield "outcome", line.outcome, made.outcome
    yield "why", line.why, made.why
    yield "decisions", _text(line.decisions), _text(made.decisions)
    told = [effect_document(one) for one in made.effects]
    yield from _effects(list(line.effects), told)
    yield "label", line.label, made.state["label"]
    yield "state", line.hash, state_hash(made.state)


def _effects(
    in_journal: list[Mapping[str, Any]], anew: list[dict[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    for number, (one, other) in enumerate(zip(in_journal, anew, strict=False), start=1):
        yield f"effect {number}", _text(one), _text(other)
    yield "effects", _text([_word(one) for one in in_journal]), _text([_word(one) for one in anew])


def _word(effect: Mapping[str, Any]) -> str:
    return str(effect["effect"])


def _last(kept: Snapshot, state: State | None, turns: int) -> Difference | None:
    """Return what of the kept instance is not what its journal comes to."""
    compared = (
        ("turns", str(kept.turns), str(turns)),
        ("state", _text(kept.state), _text(state or {})),
        ("hash", kept.hash, "" if state is None else state_hash(state)),
    )
    for what, there, anew in compared:
        if there != anew:
            return Difference(
                workflow=kept.workflow,
                key=kept.key,
                turn=0,
                came="the instance as it is kept",
                what=what,
                kept=there,
                made=anew,
            )
    return None


def _text(value: Any) -> str:
    return canonical_json(value).decode()


def _difference(kept: Snapshot, line: TurnLine, what: str, pair: tuple[str, str]) -> Difference:
    return Difference(
        workflow=kept.workflow,
        key=kept.key,
        turn=line.seq,
        came=f"{line.kind} {line.name}",
        what=what,
        kept=pair[0],
        made=pair[1],
    )
