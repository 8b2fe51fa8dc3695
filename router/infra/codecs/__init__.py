"""Owns: the decoders at the border and the encoders behind it; the only place that reads JSON, XML,
rows, lines and interchanges.
Imports: core, nothing else of the router; each codec when it is first asked for.
Never: fetches, resolves entities or repairs a body.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.infra.codecs.encoding import canonical_json, encode_json, encode_trusted
    from router.infra.codecs.limits import Limits
    from router.infra.codecs.lines import LineKind, decode_fixed, decode_ndjson
    from router.infra.codecs.strict_json import decode_json, decode_trusted
    from router.infra.codecs.tables import Cells, decode_cells, decode_form
    from router.infra.codecs.x12 import decode_x12
    from router.infra.codecs.xml import decode_xml, shape_by

_HOMES = {
    "Cells": "tables",
    "Limits": "limits",
    "LineKind": "lines",
    "canonical_json": "encoding",
    "decode_cells": "tables",
    "decode_fixed": "lines",
    "decode_form": "tables",
    "decode_json": "strict_json",
    "decode_ndjson": "lines",
    "decode_trusted": "strict_json",
    "decode_x12": "x12",
    "decode_xml": "xml",
    "encode_json": "encoding",
    "encode_trusted": "encoding",
    "shape_by": "xml",
}

__all__ = [
    "Cells",
    "Limits",
    "LineKind",
    "canonical_json",
    "decode_cells",
    "decode_fixed",
    "decode_form",
    "decode_json",
    "decode_ndjson",
    "decode_trusted",
    "decode_x12",
    "decode_xml",
    "encode_json",
    "encode_trusted",
    "shape_by",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"no codec {name}")
    return getattr(import_module(f"{__name__}.{home}"), name)
