"""Owns: what the store says of a landscape, as metrics.
Imports: config, infra.store, infra.metrics.
Never: a label of which there can be many: no id, no text of an error, nothing of a sender's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from router.core.errors import Unavailable
from router.infra.metrics import Family
from router.infra.store.backlog import Backlog
from router.infra.store.overview import Overview
from router.infra.store.pauses import Pause
from router.infra.store.reader import Reader
from router.infra.store.store import Store
from router.runtime.retention import Pass, last_pass

#: words of which the reason is one that the router or the project has declared
_WITH_REASON = ("dead_lettered", "conflict")


def families(store: Store, revision: str, now: datetime) -> Iterator[Family]:
    """Yield what is asked for at `now`; with the store away, that it is away."""
    yield Family(
        name="router_build_info",
        doc="What runs: always 1",
        labels=("revision",),
        series={(revision,): 1},
    )
    there = True
    try:
        with store.read() as reader:
            found = list(_of_store(reader, now))
    except Unavailable:
        there, found = False, []
    yield Family(
        name="router_store_up",
        doc="Whether the store can be read: 1, or 0",
        labels=(),
        series={(): float(there)},
    )
    yield from found


def _of_store(reader: Reader, now: datetime) -> Iterator[Family]:
    words: Counter[tuple[str, ...]] = Counter()
    reasons: Counter[tuple[str, ...]] = Counter()
    for row in reader.counters():
        words[row["consumer"], row["word"]] += row["n"]
        if row["word"] in _WITH_REASON:
            reasons[row["consumer"], row["reason"]] += row["n"]
    yield Family(
        name="router_decisions",
        doc="Decisions and outcomes since the store was made, by the word of the journal",
        labels=("consumer", "word"),
        series=words,
        counter=True,
    )
    yield Family(
        name="router_dead_letters",
        doc="Messages that became dead letters, by the reason's code",
        labels=("consumer", "reason"),
        series=reasons,
        counter=True,
    )
    yield from _waiting(reader.backlog(), now)
    yield from _held(reader.pauses.all())
    yield from _sources(reader, now)
    yield from _forgotten(last_pass(reader), now)
    yield from _workflows(reader.overview)


def _waiting(backlog: list[Backlog], now: datetime) -> Iterator[Family]:
    yield Family(
        name="router_waiting_messages",
        doc="Messages that wait: queue, due (at a time), held_back (behind another), dead (open)",
        labels=("consumer", "place"),
        series={(one.consumer, one.place): one.messages for one in backlog},
    )
    yield Family(
        name="router_oldest_message_seconds",
        doc="How long ago the oldest of the messages that wait came in",
        labels=("consumer", "place"),
        series={
            (one.consumer, one.place): max(0.0, (now - one.since).total_seconds())
            for one in backlog
        },
    )


def _held(pauses: Iterable[Pause]) -> Iterator[Family]:
    yield Family(
        name="router_held_info",
        doc="What an operator holds back, and how (paused, draining, slow): always 1",
        labels=("name", "mode"),
        series={(one.name, one.mode): 1 for one in pauses},
    )


def _workflows(seen: Overview) -> Iterator[Family]:
    yield Family(
        name="router_workflow_instances",
        doc="Instances that have not ended, by their label",
        labels=("workflow", "label"),
        series=seen.going(),
    )
    yield Family(
        name="router_workflow_tasks",
        doc="Questions that wait for a person, by the role that is asked",
        labels=("workflow", "role"),
        series=seen.open_tasks(),
    )
    yield Family(
        name="router_workflow_exceptions",
        doc="Exceptions that are open, by category",
        labels=("workflow", "category"),
        series=seen.open_exceptions(),
    )
    yield Family(
        name="router_workflow_parked_events",
        doc="Events that wait for their instance",
        labels=("workflow",),
        series={(workflow,): n for workflow, n in seen.parked_by_workflow().items()},
    )
    yield Family(
        name="router_workflow_ambiguous_events",
        doc="Events that several instances fit: a person says which is meant",
        labels=("workflow",),
        series={(workflow,): n for workflow, n in seen.ambiguous_by_workflow().items()},
    )


def _forgotten(found: Pass | None, now: datetime) -> Iterator[Family]:
    if found is None:
        return
    yield Family(
        name="router_forgotten_rows",
        doc="Rows that retention has taken away since the store was made",
        labels=("table",),
        series={(name,): rows for name, rows in found.gone.items()},
        counter=True,
    )
    yield Family(
        name="router_retention_pass_age_seconds",
        doc="How long ago the newest pass of retention began: more than a day is behind",
        labels=(),
        series={(): max(0.0, (now - found.began).total_seconds())},
    )


def _sources(reader: Reader, now: datetime) -> Iterator[Family]:
    polls = reader.cursors.all()
    yield Family(
        name="router_source_failures",
        doc="Tries in a row in which a source that asks could not go on; 0 is well",
        labels=("channel",),
        series={(one.channel,): one.failures for one in polls},
    )
    yield Family(
        name="router_source_page_age_seconds",
        doc="How long ago a source that asks has taken its last page",
        labels=("channel",),
        series={
            (one.channel,): max(0.0, (now - one.asked_at).total_seconds())
            for one in polls
            if one.asked_at is not None
        },
    )
    files: Counter[tuple[str, ...]] = Counter((one.channel,) for one in reader.files.waiting())
    yield Family(
        name="router_waiting_files",
        doc="Files that are not taken, such as one whose control totals do not add up",
        labels=("channel",),
        series=files,
    )
