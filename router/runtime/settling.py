"""Owns: what becomes of the objects that a verdict produces, given those that are there already.
Imports: core, runtime.verdicts.
Never: does I/O; publishes an object twice, or one that is older than what was published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from router.core.claim import Claim, Held, Holding, Kept
from router.core.decision import (
    Conflict,
    Decision,
    Discarded,
    Effect,
    Needs,
    Produced,
    Routed,
)
from router.runtime.verdicts import Verdict

#: why an object is not published, as journal and counters have it
STALE = "stale"
NOTHING_TO_TAKE_BACK = "nothing to take back"


def produced_keys(decisions: Iterable[Decision | Needs]) -> list[bytes]:
    """Return every identity that the objects of decisions are held against, sorted."""
    return sorted(
        {
            key
            for decision in decisions
            if isinstance(decision, Routed)
            for effect in decision.effects
            if isinstance(effect, Produced)
            for key in _keys(effect)
        }
    )


def settle_objects(verdict: Verdict, held: Mapping[bytes, Holding]) -> Verdict:
    """Return the verdict with only the objects that are to be published, or as a conflict.

    An object that is there is absorbed. One that is older than the newest of the same thing is
    stale; one that takes back what was never published takes back nothing. What the message
    published before itself (a retry, a replay) stays.
    """
    decision = verdict.decision
    if not isinstance(decision, Routed):
        return verdict
    settled = _Settled(held=held)
    for effect in decision.effects:
        of = settled.take(effect) if isinstance(effect, Produced) else settled.keep(effect)
        if of:
            return replace(verdict, decision=Conflict(of=of))
    ranks = tuple(settled.ranks.values())
    if len(settled.kept) == len(decision.effects):
        return replace(verdict, ranks=ranks) if ranks else verdict
    return replace(
        verdict,
        decision=settled.decision(decision),
        absorbed=tuple(settled.absorbed),
        stale=tuple(settled.stale),
        ranks=ranks,
    )


@dataclass(slots=True, kw_only=True)
class _Settled:
    """What is known while the effects of one decision are taken in order."""

    held: Mapping[bytes, Holding]
    kept: list[Effect] = field(default_factory=list)
    absorbed: list[tuple[Produced, str]] = field(default_factory=list)
    stale: list[tuple[Produced, str]] = field(default_factory=list)
    #: notes about objects that are not published
    notes: dict[str, None] = field(default_factory=dict)
    fresh: dict[bytes, Produced] = field(default_factory=dict)
    #: the newest of each thing, as far as this decision brings it
    ranks: dict[bytes, Kept] = field(default_factory=dict)

    def keep(self, effect: Effect) -> str:
        """Keep an effect that is no object."""
        self.kept.append(effect)
        return ""

    def take(self, effect: Produced) -> str:
        """Decide about one object; return what it is in conflict with, or an empty text."""
        holding, twin = self.held.get(effect.key), self.fresh.get(effect.key)
        if holding is not None and holding.message_id != effect.message.id:
            return self._absorb(effect, holding.message_id, holding.compare)
        if twin is not None:  # one message gives one object twice: both have one id
            return self._absorb(effect, twin.message.id, twin.compare)
        if holding is None and self._is_idle(effect):
            return ""
        self.fresh[effect.key] = effect
        self.kept.append(effect)
        if effect.rank is not None and not self._newer(effect.rank):
            kept = Kept(effect.rank, effect.message.id, Held.LIVE)
            self.ranks[effect.rank.key] = kept
        return ""

    def decision(self, routed: Routed) -> Decision:
        """Return the decision with what is left of its effects."""
        notes = tuple(dict.fromkeys((*routed.notes, *self.notes)))
        if self.kept or self.absorbed:
            return replace(routed, effects=tuple(self.kept), notes=notes)
        return Discarded(reason="; ".join(notes))

    def _absorb(self, effect: Produced, of: str, compare: bytes) -> str:
        if compare != effect.compare:
            return of
        self.absorbed.append((effect, of))
        return ""

    def _is_idle(self, effect: Produced) -> bool:
        """Return whether an object that is not there yet has no reason to be published."""
        if effect.after and effect.after not in self.held and effect.after not in self.fresh:
            self.notes[NOTHING_TO_TAKE_BACK] = None
            return True
        newer = "" if effect.rank is None else self._newer(effect.rank)
        if newer:
            self.notes[STALE] = None
            self.stale.append((effect, newer))
        return bool(newer)

    def _newer(self, rank: Claim) -> str:
        """Return the object that is newer than a rank of the same thing, or an empty text."""
        own, holding = self.ranks.get(rank.key), self.held.get(rank.key)
        assert rank.version is not None, "a rank has a version"
        if own is not None and own.claim.version is not None and own.claim.version > rank.version:
            return own.holder
        if holding is None or holding.version is None or holding.version <= rank.version:
            return ""
        return holding.message_id


def _keys(effect: Produced) -> tuple[bytes, ...]:
    if effect.rank is None and not effect.after:
        return (effect.key,)
    return tuple(
        key for key in (effect.key, effect.rank.key if effect.rank else b"", effect.after) if key
    )
