"""Owns: ingress by asking: pages of a system are deliveries, and lead to each other.
Imports: core, config, engine.polling, infra.store, runtime.exchange, runtime.ingress.
Never: moves a cursor without the records before it (both are one transaction); drops a page that
cannot be taken (it is asked for again).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from router.config.channels import Channel
from router.config.polls import PollSource
from router.core.document import Json, type_name
from router.core.errors import Held, MessageError, TransformError, Unavailable
from router.core.message import Message
from router.core.outcome import Outcome
from router.core.ports import Answer
from router.core.progress import Progress
from router.engine.polling import (
    REFUSED,
    Page,
    after_page,
    after_trouble,
    arguments_of,
    begun,
    due_at,
)
from router.engine.retry import Failure
from router.infra.codecs import encode_json
from router.infra.store.rows import Entry
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.bodies import decode_body
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.fresh import fresh_id
from router.runtime.ingress import Ingress

#: the word of the journal about a page that could not be taken
FAILED = "poll_failed"
#: characters of a trouble that are kept
_TOLD = 500


class Poller:
    """Asks for the pages of one channel. One thread calls `step`."""

    #: seconds between two looks at whether it is time
    every = 1.0

    def __init__(self, channel: Channel, parts: tuple[Store, Ingress, Exchange]) -> None:
        source = channel.source
        assert isinstance(source, PollSource), "only a channel with a poll source is asked for"
        self.channel = channel
        self._source = source
        self._store, self._ingress, self._exchange = parts
        self._clock = self._exchange.clock

    def step(self) -> int:
        """Ask for the next page when it is time and the system's limits let it; return how many
        were taken.

        Raises Unavailable: the store is away, or a page could not be taken, which is told.
        """
        with self._store.read() as reader:
            progress = reader.cursors.get(self.channel.name)
        now = self._clock.now()
        at = due_at(self._source, progress)
        if (at is not None and now < at) or not self._ingress.takes(self.channel.name):
            return 0
        progress = begun(self._source, progress, now)
        try:
            asked, arguments = self._asks(progress)
            outcome, answer = self._exchange.ask(self._source.call.name, arguments)
            if outcome.word != "done":
                self._trouble(progress, _failure(outcome))
            page, after = self._taken(progress, answer, asked)
        except Held:
            return 0  # nothing happened: it is asked with the next look
        except MessageError as error:
            self._trouble(progress, Failure(reason=error.code, detail=str(error)))
        reach("poll.answered")
        self._keep(progress, page, (after, answer.raw))
        reach("poll.after_commit")
        return 1

    def _asks(self, progress: Progress) -> tuple[str, dict[str, Json]]:
        """Return what the next page is asked by, and its digest. Raises MessageError."""
        arguments = arguments_of(self._source, progress, self._exchange.env)
        asked = hashlib.sha256(encode_json(arguments)).hexdigest()
        if progress.page and asked == progress.asked:
            raise TransformError("the next page would be asked for like the one that was taken")
        return asked, arguments

    def _taken(self, progress: Progress, answer: Answer, asked: str) -> tuple[Page, Progress]:
        """Return what a good answer says, and how far the poll is with it. Raises MessageError."""
        decoded = decode_body(self.channel, answer.raw)
        page = Page(
            body=decoded.document,
            headers=answer.headers,
            records=self._records(decoded.document) + len(decoded.bad),
            digest=hashlib.sha256(answer.raw).hexdigest(),
            asked=asked,
        )
        now = self._clock.now()
        return page, after_page(self._source, progress, page, self._exchange.env, now)

    def _records(self, body: Json) -> int:
        records = self.channel.records
        if records is None:
            return 1
        found = records({"body": body, "headers": {}})
        if not isinstance(found, list):
            raise TransformError(
                f"records: ={records.source} is {type_name(found)}, not a list", place=records.place
            )
        return len(found)

    def _keep(self, before: Progress, page: Page, made: tuple[Progress, bytes]) -> None:
        """Store a page with its progress: one transaction. Pages without news are no delivery."""
        after, body = made
        if not page.records or page.digest == before.digest:
            self._store.write(lambda transaction: transaction.cursors.put(after))
            return

        def also(transaction: Transaction, _delivery: str) -> None:
            transaction.cursors.put(after)
            reach("poll.before_commit")

        headers = {"poll-page": str(before.page + 1)}
        self._ingress.receive(self.channel, headers, body, also).result()

    def _trouble(self, progress: Progress, why: Failure) -> NoReturn:
        """Record that a page could not be taken, and when it is asked for again; raise that."""
        now = self._clock.now()
        why = replace(why, detail=why.detail[:_TOLD])
        policy = self._source.call.policy
        after = after_trouble(progress, policy, self._source, why, now)
        line = _line(after, why, now)

        def job(transaction: Transaction) -> None:
            transaction.cursors.put(after)
            if why.detail != progress.trouble:  # each of a row of troubles is told once
                transaction.write(line)

        self._store.write(job)
        raise Unavailable(f"poll of {after.channel}: {why.detail}; asked again {_in(after, now)}")


def _failure(outcome: Outcome) -> Failure:
    reason = "retry" if outcome.word == "retry" else REFUSED
    detail = f"{outcome.word} {outcome.code} {outcome.detail}".replace("  ", " ").strip()
    return Failure(reason=reason, detail=detail, after=outcome.after)


def _line(progress: Progress, why: Failure, now: datetime) -> Entry:
    number = fresh_id(now)
    message = Message(
        id=number,
        correlationid=number,
        causationid="poll",
        channel=progress.channel,
        occurred_at=now,
    )
    said = {"cursor": progress.cursor, "reason": why.reason, "why": why.detail}
    return Entry(
        at=now,
        message=message,
        consumer=progress.channel,
        word=FAILED,
        reason=why.reason,
        detail=said,
    )


def _in(progress: Progress, now: datetime) -> str:
    span = (progress.retry_at or now) - now
    return f"in {max(span, timedelta(0)).total_seconds():.0f} s"
