"""Owns: the decoders at the border and the encoders behind it; the only place that reads JSON, XML.
Imports: core, nothing else of the router.
Never: fetches, resolves entities or repairs a body.
"""

from router.infra.codecs.limits import Limits
from router.infra.codecs.strict_json import (
    canonical_json,
    decode_json,
    decode_trusted,
    encode_json,
)
from router.infra.codecs.xml import decode_xml, shape_by

__all__ = [
    "Limits",
    "canonical_json",
    "decode_json",
    "decode_trusted",
    "decode_xml",
    "encode_json",
    "shape_by",
]
