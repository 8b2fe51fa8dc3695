"""FastStream: takes notes from a queue, validates, maps, validates, publishes to one of three."""

import asyncio
import sys
from decimal import Decimal

from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from pydantic import BaseModel

ADDRESS, NAME, PREFETCH = sys.argv[1], sys.argv[2], int(sys.argv[3])


class Line(BaseModel):
    code: str
    price: str


class Person(BaseModel):
    id: str
    city: str


class Inbox(BaseModel):
    id: int
    name: str
    person: Person
    state: str
    at: str
    currency: str
    total: str
    lines: list[Line]


class Money(BaseModel):
    amount: Decimal
    currency: str


class NoteLine(BaseModel):
    code: str
    price: Money


class Note(BaseModel):
    id: int
    name: str
    who: str
    where: str
    state: str
    at: str
    total: Money
    lines: list[NoteLine]


broker = RabbitBroker(
    ADDRESS,
    default_channel=Channel(prefetch_count=PREFETCH, publisher_confirms=True),
)
exchange = RabbitExchange(NAME, declare=False)


@broker.subscriber(RabbitQueue(f"{NAME}.in", declare=False), ack_policy=AckPolicy.REJECT_ON_ERROR)
async def take(body: Inbox, message: RabbitMessage) -> None:
    money = {"amount": body.total, "currency": body.currency}
    note = Note(
        id=body.id,
        name=body.name,
        who=body.person.id,
        where=body.person.city,
        state=body.state,
        at=body.at,
        total=Money(**money),
        lines=[
            NoteLine(code=one.code, price=Money(amount=one.price, currency=body.currency))
            for one in body.lines
        ],
    )
    await broker.publish(
        note,
        exchange=exchange,
        routing_key=body.state,
        persist=True,
        mandatory=True,
        message_id=message.message_id,
    )


asyncio.run(FastStream(broker).run())
