"""Owns: ingress from a queue of a broker: each message is a delivery, settled when it is on disk.
Imports: core, config, infra.amqp, infra.store, runtime.ingress, runtime.caution.
Never: tells the broker that a message is taken before it is on disk; drops one that cannot be
recorded; lets one past another that came before it and is not on disk.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from router.config.channels import Channel
from router.config.queues import AmqpSource
from router.core.errors import Draining, MessageError, Unavailable
from router.core.ports import Clock
from router.infra.store.pauses import PAUSED, Pause
from router.infra.store.pending import Pending
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.caution import Caution
from router.runtime.failpoints import reach
from router.runtime.ingress import Ingress, Receipt

if TYPE_CHECKING:
    from router.infra.amqp.parcel import Mark, Parcel
    from router.infra.amqp.receiver import Receiver
    from router.runtime.passage import Passage

#: makes a receiver: of which queues, with which prefetch, and who gets what comes
Open: TypeAlias = "Callable[[Mapping[str, int], Callable[[Parcel], None]], Receiver]"
#: seconds that a step waits for messages
LOOK = 1.0
#: seconds for what is in hand when all is to end
GRACE = 10.0
#: what a message without a record may wait for, so that it has one while that is held back
_FAR = ("flow:", "system:")
#: characters of a trouble that are kept
_TOLD = 500


class Intake:
    """Takes the messages of one channel's queue. One thread calls `step`."""

    def __init__(
        self, channel: Channel, open_to: Open, parts: tuple[Store, Ingress, Clock]
    ) -> None:
        source = channel.source
        assert isinstance(source, AmqpSource), "only a channel with a queue takes from one"
        self.channel = channel
        self._caution: Caution | None = None
        self._store, self._ingress, self._clock = parts
        #: what has come and was not begun with, in order
        self._todo: deque[Parcel] = deque()
        self._prefetch = source.prefetch
        self._receiver = open_to({source.queue: source.prefetch}, self._todo.append)
        #: messages that may have been in hand when the last process died
        self._suspects = 0
        self._lock = threading.Lock()
        #: those whose transaction is not over, and those of which it failed
        self._flying = 0
        self._failed: list[tuple[Parcel, BaseException]] = []
        #: what could not be recorded as it is: its bytes are
        self._spoiled: set[Mark] = set()
        self._paused = self._closing = False
        #: carries what has no record
        self._passage: Passage | None = None
        #: the trouble that was told last, None before anything was
        self._told: str | None = None

    def pass_by(self, passage: Passage) -> None:
        """Let what has no record go this way."""
        passage.settled = lambda parcel: self._receiver.settle(parcel.mark, "ack")
        self._passage = passage

    def take_care(self, caution: Caution) -> None:
        """Let what the last process may have died of go alone: the first messages of the queue."""
        self._caution = caution
        self._suspects = self._prefetch if caution.unclean else 0

    def pause(self, pauses: Sequence[Pause]) -> None:
        """Leave messages where they are while the channel is paused, or take them again."""
        name = f"channel:{self.channel.name}"
        self._paused = any(one.name == name and one.mode == PAUSED for one in pauses)
        if self._passage is not None:
            self._passage.hold(any(one.name.startswith(_FAR) for one in pauses))
        self._receiver.ring()

    def ring(self) -> None:
        """Let a step that waits return."""
        self._receiver.ring()

    def step(self) -> int:
        """Take what has come, or wait for it. Raises Unavailable: the store is away, or, once, for
        what keeps messages from coming.
        """
        self._receiver.hold(self._is_closed())
        self._receiver.step(self._rest())
        if self._passage is not None:
            self._passage.step()
        self._tell()
        self._again()
        while self._todo and not self._failed:
            if self._is_closed():
                self._give_back()
                break
            self._take(self._todo[0])
            self._todo.popleft()
        if self._passage is not None:
            self._passage.flush()
        return 1

    def close(self) -> None:
        """Take nothing more, finish what is in hand, let go of the broker."""
        self._closing = True
        with self._lock:
            self._todo.extendleft(one for one, _ in reversed(self._failed))
            self._failed.clear()
        self._give_back()
        self._receiver.close(GRACE)
        if self._passage is not None:
            self._passage.write_counts()

    def _rest(self) -> float:
        """Return for how many seconds nothing has to be done unless something comes."""
        if self._todo:
            return 0
        return LOOK if self._passage is None else min(LOOK, self._passage.rest)

    def _is_closed(self) -> bool:
        return self._paused or not self._ingress.takes(self.channel.name)

    def _give_back(self) -> None:
        """Let go of what was not begun with: each goes back to its place in the queue."""
        while self._todo:
            self._receiver.settle(self._todo.popleft().mark, "requeue")

    def _take(self, parcel: Parcel) -> None:
        if not self._receiver.knows(parcel.mark):
            return  # its connection is lost: it comes again
        try:
            if self._caution is not None and self._suspects > 0:
                self._suspects -= 1
                self._take_alone(parcel, self._caution)
                return
            if self._passes(parcel):
                return
            pending = self._submit(parcel)
        except Draining:
            self._receiver.settle(parcel.mark, "requeue")
            return
        with self._lock:
            self._flying += 1
        pending.when_done(partial(self._landed, parcel, pending))

    def _passes(self, parcel: Parcel) -> bool:
        """Return whether a message goes its way without a record."""
        passage = self._passage
        if passage is None or parcel.unfit is not None or parcel.mark in self._spoiled:
            return False
        reach(f"amqp.read.{parcel.headers.get('message-id', '')}")
        try:
            return passage.carry(parcel)
        except Exception:  # noqa: BLE001 (a bug that it meets must not stop the others)
            return False

    def _take_alone(self, parcel: Parcel, caution: Caution) -> None:
        """Take a message behind a mark; one that kills the process when it is read is buried."""
        name = parcel.headers.get("message-id") or hashlib.sha256(parcel.body).hexdigest()
        with caution.alone(f"amqp:{self.channel.name}/{name}") as verdict:
            pending = self._submit(parcel, kills=verdict == "killer")
            error = pending.exception()
        if error is None:
            self._receiver.settle(parcel.mark, "ack")
        else:
            with self._lock:
                self._failed.append((parcel, error))

    def _submit(self, parcel: Parcel, *, kills: bool = False) -> Pending[Receipt]:
        """Hand a message to the store; what does not decode as a dead letter. Raises Draining."""
        refuse = partial(
            self._ingress.refuse, self.channel, parcel.headers, parcel.body, self._in_order
        )
        if parcel.unfit is not None:
            return refuse(parcel.unfit)
        if kills:
            return refuse()
        if parcel.mark in self._spoiled:
            return refuse(_unrecorded("it could not be recorded"))
        reach(f"amqp.read.{parcel.headers.get('message-id', '')}")
        try:
            return self._ingress.receive(self.channel, parcel.headers, parcel.body, self._in_order)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 (a bug that it meets must not stop the others)
            return refuse(_unrecorded(f"{type(error).__name__} when it was read"))

    def _in_order(self, _transaction: Transaction, _delivery: str) -> None:
        """Raise Unavailable when one before it is not on disk: they come again in their order."""
        if self._failed:
            raise Unavailable("one before it is not on disk")

    def _landed(self, parcel: Parcel, pending: Pending[Receipt]) -> None:
        """Settle what is on disk, on the thread that has committed it."""
        error = pending.exception()
        with self._lock:
            self._flying -= 1
            if error is not None and not self._closing:
                self._failed.append((parcel, error))
        if error is None:
            self._spoiled.discard(parcel.mark)
            reach("amqp.after_commit")
            self._receiver.settle(parcel.mark, "ack")
        elif self._closing:
            self._receiver.settle(parcel.mark, "requeue")
        else:
            self._receiver.ring()

    def _again(self) -> None:
        """Put what failed before all else, once it is known of everything what became of it.

        Raises Unavailable with the reason then: who calls waits a moment.
        """
        with self._lock:
            if self._flying or not self._failed:
                return
            failed = sorted(self._failed, key=lambda one: one[0].mark)
            self._todo.extendleft(one for one, _ in reversed(failed))
            self._failed.clear()
        for parcel, error in failed:
            if not isinstance(error, Unavailable):
                self._spoiled.add(parcel.mark)
        raise Unavailable(f"channel {self.channel.name}: {len(failed)} wait: {failed[0][1]}")

    def _tell(self) -> None:
        """Keep what keeps messages from coming, each once. Raises Unavailable with it."""
        trouble = self._receiver.trouble
        if self._passage is not None:
            trouble = trouble or self._passage.trouble
        trouble = trouble[:_TOLD]
        if trouble == self._told:
            return
        self._told = trouble
        with suppress(Unavailable):  # it is told all the same
            self._note(trouble)
        if trouble:
            raise Unavailable(f"channel {self.channel.name}: {trouble}")

    def _note(self, trouble: str) -> None:
        """Keep a trouble for who asks how the channel is, or that there is none any more."""
        with self._store.read() as reader:
            before = reader.cursors.get(self.channel.name)
        if before.trouble != trouble:
            now = self._clock.now()
            since = (before.trouble_since or now) if trouble else None
            after = replace(
                before, trouble=trouble, trouble_since=since, failures=1 if trouble else 0
            )
            self._store.write(lambda transaction: transaction.cursors.put(after))


def receiver_at(
    address: str, who: str, queues: Mapping[str, int], take: Callable[[Parcel], None]
) -> Receiver:
    """Return a receiver of a broker, which is connected to by its first step."""
    from router.infra.amqp.receiver import Receiver  # noqa: PLC0415 (a library that few need)

    return Receiver(address, who, queues, take)


def _unrecorded(why: str) -> MessageError:
    return MessageError(why, code="poison")
