"""Owns: the bounds that a body must keep before and while it is decoded.
Imports: nothing of the router.
Never: reads configuration or bytes (decoders are handed the limits).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

#: levels; orjson writes 254, and an XML element is two of them (its object and its list)
DEEPEST = 120
#: decimal digits of which a double returns every one (sys.float_info.dig)
EXACT_DIGITS = 15
#: what orjson, and every system that reads 64-bit integers, can take
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one body.

    ValueError where one is below 1, `depth` above `DEEPEST`, or `number_digits` below what a 64-bit
    integer takes.
    """

    #: bytes, decompressed; the largest ordinary message of a day's feed is a tenth of it
    body: int = 1024 * 1024
    #: nested objects and lists, or XML elements; real payloads stay under 20
    depth: int = 64
    #: values of a JSON document (keys are not counted), or XML elements and attributes; what
    #: follows (validation, transforms) costs time for each, and Python cannot interrupt them
    nodes: int = 50_000
    #: characters of one text, key or attribute value; store columns and consoles hold it
    text: int = 256 * 1024
    #: digits as written, without exponent; int() of thousands of digits takes quadratic time
    number_digits: int = 40
    #: attributes of one XML element, namespace declarations included
    attributes: int = 256
    #: records of a body that is a list of them; each is a row of one transaction of the store
    records: int = 5_000

    def __post_init__(self) -> None:
        for one in fields(self):
            if getattr(self, one.name) < 1:
                raise ValueError(f"limit {one.name} must be at least 1")
        if self.depth > DEEPEST:
            raise ValueError(f"limit depth can be at most {DEEPEST}")
        if self.number_digits < len(str(LARGEST_INTEGER)):
            raise ValueError(f"limit number_digits must be at least {len(str(LARGEST_INTEGER))}")
