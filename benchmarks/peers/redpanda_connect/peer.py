"""Redpanda Connect's engine, as mq-bridge's plugin has it: takes notes from a queue, validates,
maps, validates, publishes to one of three queues. All of it is the engine's; mq-bridge hands over.
"""

import json
import sys

import mq_bridge
import mq_bridge_connect

ADDRESS, NAME, PREFETCH = sys.argv[1], sys.argv[2], int(sys.argv[3])
STATES = ("open", "paid", "gone")
TEXT = {"type": "string"}
SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
INBOX = {
    **SCHEMA,
    "required": ["id", "lines", "total", "currency"],
    "properties": {
        "id": {"type": "integer"},
        **dict.fromkeys(("name", "state", "at", "total", "currency"), TEXT),
        "person": {"type": "object", "properties": {"id": TEXT, "city": TEXT}},
        "lines": {
            "type": "array",
            "maxItems": 5000,
            "items": {
                "type": "object",
                "required": ["code", "price"],
                "properties": {"code": TEXT, "price": TEXT},
            },
        },
    },
}
NOTE = {**SCHEMA, "required": ["id", "total"]}
MAP = """
root.id = this.id
root.name = this.name
root.who = this.person.id
root.where = this.person.city
root.state = this.state
root.at = this.at
root.total = {"amount": this.total, "currency": this.currency}
let currency = this.currency
root.lines = this.lines.map_each(line -> {
  "code": line.code,
  "price": {"amount": line.price, "currency": $currency}
})
meta note_state = this.state
"""
SOURCE = {
    "input": {
        "amqp_0_9": {"urls": [ADDRESS], "queue": f"{NAME}.in", "prefetch_count": PREFETCH},
    },
    "pipeline": {
        "threads": 2,
        "processors": [
            {"json_schema": {"schema": json.dumps(INBOX)}},
            {"mapping": MAP},
            {"json_schema": {"schema": json.dumps(NOTE)}},
            {"catch": [{"mapping": "root = deleted()"}]},  # one that failed goes on otherwise
        ],
    },
}
TARGET = {
    "output": {
        "amqp_0_9": {
            "urls": [ADDRESS],
            "exchange": NAME,
            "key": '${! meta("note_state") }',
            "message_id": '${! meta("amqp_message_id") }',
            "persistent": True,
            "mandatory": True,
            "max_in_flight": PREFETCH,
        },
    },
}


def connect(document):
    return {"custom": {"name": "connect", "config": {"yaml": json.dumps(document)}}}


mq_bridge_connect.register()
route = mq_bridge.Route.from_config(
    {"input": connect(SOURCE), "output": connect(TARGET), "batch_size": PREFETCH}, "notes"
)
route.run()
