"""mq-bridge: takes notes from a queue, validates, maps, validates, publishes to one of three."""

import logging
import sys

from mq_bridge import Route, init_logging

ADDRESS, NAME, PREFETCH = sys.argv[1], sys.argv[2], int(sys.argv[3])
ADDRESS = ADDRESS + "%2f" if ADDRESS.endswith("/") else ADDRESS
STATES = ("open", "paid", "gone")
TEXT = {"type": "string"}
INBOX = {
    "type": "object",
    "required": ["id", "lines", "total", "currency"],
    "properties": {
        "id": {"type": "integer"},
        **dict.fromkeys(("name", "state", "at", "total", "currency"), TEXT),
        "person": {"type": "object", "properties": {"id": TEXT, "city": TEXT}},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "price"],
                "properties": {"code": TEXT, "price": TEXT},
            },
        },
    },
}
NOTE = {"type": "object", "required": ["id", "total"]}
MAP = {
    "id": "$.id",
    "name": "$.name",
    "who": "$.person.id",
    "where": "$.person.city",
    "state": "$.state",
    "at": "$.at",
    "total.amount": "$.total",
    "total.currency": "$.currency",
    "lines": "$.lines",
}


def queue(word):
    return {"amqp": {"url": ADDRESS, "queue": f"{NAME}.{word}", "no_declare_queue": True}}


source = {
    "amqp": {"url": ADDRESS, "queue": f"{NAME}.in", "prefetch_count": PREFETCH},
    "middlewares": [  # the last one is the first that a message meets
        {"transform": {"mapping": MAP, "schema": NOTE, "coerce": False}},
        {"transform": {"schema": INBOX, "coerce": False}},
    ],
}
target = {
    "switch": {"when": [{"if": f"state == '{one}'", "to": queue(one)} for one in STATES]},
}
logging.basicConfig(level=logging.WARNING)
init_logging()
route = Route.from_config({"input": source, "output": target, "batch_size": PREFETCH}, "notes")
route.run()
