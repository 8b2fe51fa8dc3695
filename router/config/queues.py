"""Owns: sources that take from a queue of a broker: which queue, how much at once.
Imports: config.components, config.formats.
Never: says where the broker is (the environment does), speaks to it.
"""

from __future__ import annotations

from router.config.components import Context, component, knob
from router.config.formats import MANY, MANY_SAYS, ForeignSource
from router.config.shapes import SIZE, Integer, Text

#: bytes of a name in AMQP
SHORT = 255


@component("amqp source", doc="Messages lie in a queue of a broker that the environment names.")
class AmqpSource(ForeignSource):
    queue: str = knob(Text(), doc="the queue; it belongs to its owner: it is never declared")
    prefetch: int = knob(
        Integer(1, 1000), doc="messages that have come and are not on disk, at most", default=100
    )
    body_limit: int = knob(SIZE, doc="larger bodies are dead letters", default=1024 * 1024)
    records_limit: int = knob(MANY, doc=MANY_SAYS, default=5_000)


def check_queue(source: AmqpSource, context: Context) -> None:
    """Report a name that no queue can have."""
    if len(source.queue.encode()) > SHORT:
        context.report.error(
            "E240",
            source.keys["queue"],
            f"queue: is longer than {SHORT} bytes: no queue has such a name",
            "the name of a queue, as rabbitmqctl list_queues shows it",
        )
