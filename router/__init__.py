"""Crossdock's engine. What stands in `__all__` is what adapters may use; all else may change.

The names are loaded when they are first asked for, so that `router --help` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.config.components import component, knob, place_of
    from router.config.references import CONTRACT
    from router.config.shapes import DURATION, SIZE, Choice, Flag, Integer, MapOf, Nested, Text
    from router.config.templates import TEMPLATE, Template
    from router.config.validation import Contract
    from router.config.verification import SECRET
    from router.core.document import Written
    from router.core.errors import MessageError, Retryable, TransformError, Unavailable, Unknown
    from router.core.ports import Answer, Health, Prepared, Secrets
    from router.infra.amqp.publisher import Letter, Publisher
    from router.infra.codecs import decode_json, encode_json

_HOMES = {
    "component": "router.config.components",
    "knob": "router.config.components",
    "place_of": "router.config.components",
    "CONTRACT": "router.config.references",
    "DURATION": "router.config.shapes",
    "SIZE": "router.config.shapes",
    "Choice": "router.config.shapes",
    "Flag": "router.config.shapes",
    "Integer": "router.config.shapes",
    "MapOf": "router.config.shapes",
    "Nested": "router.config.shapes",
    "Text": "router.config.shapes",
    "TEMPLATE": "router.config.templates",
    "Template": "router.config.templates",
    "Contract": "router.config.validation",
    "SECRET": "router.config.verification",
    "Written": "router.core.document",
    "MessageError": "router.core.errors",
    "Retryable": "router.core.errors",
    "TransformError": "router.core.errors",
    "Unavailable": "router.core.errors",
    "Unknown": "router.core.errors",
    "Answer": "router.core.ports",
    "Health": "router.core.ports",
    "Prepared": "router.core.ports",
    "Secrets": "router.core.ports",
    "Letter": "router.infra.amqp.publisher",
    "Publisher": "router.infra.amqp.publisher",
    "decode_json": "router.infra.codecs",
    "encode_json": "router.infra.codecs",
}

__all__ = [
    "CONTRACT",
    "DURATION",
    "SECRET",
    "SIZE",
    "TEMPLATE",
    "Answer",
    "Choice",
    "Contract",
    "Flag",
    "Health",
    "Integer",
    "Letter",
    "MapOf",
    "MessageError",
    "Nested",
    "Prepared",
    "Publisher",
    "Retryable",
    "Secrets",
    "Template",
    "Text",
    "TransformError",
    "Unavailable",
    "Unknown",
    "Written",
    "component",
    "decode_json",
    "encode_json",
    "knob",
    "place_of",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"router exports no {name}")
    found = globals()[name] = getattr(import_module(home), name)  # asked for once
    return found
