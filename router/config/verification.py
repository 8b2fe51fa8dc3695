"""Owns: how a delivery proves where it comes from: presets, HMACs in a header or in records, none.
Imports: config.components, config.references.
Never: holds a secret (only references), verifies (api.guard does).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from router.config.components import (
    INVALID,
    Context,
    component,
    decode_component,
    knob,
    place_of,
)
from router.config.references import EXPRESSION, Named
from router.config.shapes import DURATION, Choice, ListOf, MapOf, Nested, Text
from router.config.source import Node, Scalar, Table
from router.config.transforms.expressions import Expression
from router.core.diagnostics import Place


#: `env:NAME` or `file:NAME`; anything else could be the secret itself
@dataclass(frozen=True, slots=True)
class SecretShape:
    """A secret by reference; what else stands there may be the secret: it is never shown."""

    expects: str = "a secret by reference: env:NAME or file:NAME"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, str) and _is_reference(node.value):
            return node.value
        context.report.error(
            "E054", node.place, "a secret may not stand here itself", f"write {self.expects}"
        )
        return INVALID


SECRET = SecretShape()
_PLACE = re.compile(r"\{([a-z0-9-]+)\}")


def _is_reference(text: str) -> bool:
    kind, _, name = text.partition(":")
    return kind in ("env", "file") and bool(name) and name.replace("_", "a").isalnum()


ALGORITHM = Choice(("sha256", "sha512"))
ENCODING = Choice(("base64", "hex"))
#: how the text of a secret becomes a key
KEY = Choice(("text", "base64", "hex"))
_ITEM = frozenset({"item"})


@component("timestamp", doc="When a delivery was signed: an old one may be somebody's copy.")
class Timestamp:
    header: str = knob(Text("a header name in lower case", r"[a-z0-9-]+"), doc="where it stands")
    prefix: str = knob(Text(), doc="text before it, among several parts of the header", default="")
    unit: str = knob(
        Choice(("seconds", "milliseconds", "iso")),
        doc="since 1970, or a time as RFC 3339 writes it",
        default="seconds",
    )
    tolerance: timedelta = knob(
        DURATION, doc="how far it may be from now", default=timedelta(seconds=300)
    )


@component("signature", doc="An HMAC over parts of the request, in a header.")
class Signature:
    header: str = knob(Text("a header name in lower case", r"[a-z0-9-]+"), doc="where it stands")
    algorithm: str = knob(ALGORITHM, doc="the hash", default="sha256")
    encoding: str = knob(ENCODING, doc="how it is written", default="base64")
    prefix: str = knob(Text(), doc="text before it", default="")
    between: str = knob(
        Text("one character", r"."), doc="what stands between parts of the header", default=""
    )
    signed: str = knob(
        Text('a text with "{body}" in it', r".*\{body\}.*"),
        doc="what is signed; {timestamp}, {url} and {name-of-a-header} may stand in it, too",
        default="{body}",
    )
    timestamp: Timestamp | None = knob(
        Nested(Timestamp), doc="when it was signed; needed where {timestamp} stands", default=None
    )
    key: str = knob(KEY, doc="how the secret is written", default="text")
    key_prefix: str = knob(Text(), doc="text before the secret that is no part of it", default="")
    ping: str = knob(
        Text(),
        doc="how the body begins by which the sender asks, without a signature, whether anybody is"
        " there: it is answered with 200, and nothing is kept of it",
        default="",
    )

    @property
    def names(self) -> frozenset[str]:
        """Return what the signed text names."""
        return frozenset(_PLACE.findall(self.signed))


@component("inside", doc="An HMAC inside each record of the body, over some of its fields.")
class Inside:
    each: Expression = knob(EXPRESSION, doc="the records", roots=frozenset({"body"}))
    signature: Expression = knob(EXPRESSION, doc="where it stands in a record", roots=_ITEM)
    fields: tuple[Expression, ...] = knob(
        ListOf(EXPRESSION, least=1), doc="what is signed; one that is missing is empty", roots=_ITEM
    )
    join: str = knob(Text(), doc="what stands between them", default=":")
    algorithm: str = knob(ALGORITHM, doc="the hash", default="sha256")
    encoding: str = knob(ENCODING, doc="how it is written", default="base64")
    key: str = knob(KEY, doc="how the secret is written", default="text")


Scheme: TypeAlias = Signature | Inside
PRESET = Named("preset", "E038", lambda context: context.library.presets)


@component("verify", doc="How a delivery proves where it comes from.")
class VerifyFile:
    preset: Scheme | None = knob(
        PRESET, doc="a signature scheme by the name of who uses it", default=None
    )
    hmac: Signature | None = knob(Nested(Signature), doc="a scheme of your own", default=None)
    inside: Inside | None = knob(
        Nested(Inside), doc="a scheme of your own, inside each record", default=None
    )
    none: str = knob(Text(), doc="no signature: say why that is safe", default="")
    secrets: tuple[str, ...] = knob(
        ListOf(SECRET), doc="live secrets, several while one is being replaced", default=()
    )
    url: str = knob(
        SECRET,
        doc="by reference: the address that the sender was told, where it signs it",
        default="",
    )
    place: Place = place_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """A scheme with its secrets by reference; `signature` None = none is asked for."""

    signature: Scheme | None
    secrets: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class VerifyShape:
    """A preset, a scheme of one's own, or a reason for none."""

    expects: str = "{preset: name, secrets: [env:NAME]}"

    def decode(self, node: Node, context: Context) -> Any:
        file = decode_component(VerifyFile, node, context)
        if not isinstance(file, VerifyFile):
            return INVALID
        said = [name for name in ("preset", "hmac", "inside", "none") if getattr(file, name)]
        if len(said) != 1:
            context.report.error(
                "E050",
                file.place,
                "verify wants exactly one of preset, hmac, inside, none",
                self.expects,
            )
            return INVALID
        if file.none:
            return Verify(signature=None, secrets=())
        if not file.secrets:
            context.report.error(
                "E051", file.place, "no secret to verify with", "secrets: [env:NAME]"
            )
            return INVALID
        scheme = file.preset or file.hmac or file.inside
        wrong = _wrong(scheme, file.url)
        if wrong:
            context.report.error("E057", file.place, *wrong)
            return INVALID
        return Verify(signature=scheme, secrets=file.secrets, url=file.url)


def _wrong(scheme: Scheme | None, url: str) -> tuple[str, str] | None:
    """Return what does not fit between what is signed and what is told, and what to write."""
    names = scheme.names if isinstance(scheme, Signature) else frozenset()
    if "url" in names and not url:
        return "the address is signed, and nothing says it", "url: env:NAME"
    if url and "url" not in names:
        return "url: is not among what is signed", "leave it out"
    timestamp = scheme.timestamp if isinstance(scheme, Signature) else None
    if "timestamp" in names and timestamp is None:
        return "a timestamp is signed, and nothing says where it stands", "timestamp: {header: ...}"
    if timestamp is not None and "timestamp" not in names:
        return "a timestamp that is not signed proves nothing", 'signed: "{timestamp}.{body}"'
    return None


@dataclass(frozen=True, slots=True)
class _PresetShape:
    """A preset: a signature in a header, or one inside each record."""

    expects: str = "a signature scheme"

    def decode(self, node: Node, context: Context) -> Any:
        inside = isinstance(node, Table) and node.get("each") is not None
        return decode_component(Inside if inside else Signature, node, context)


def decode_presets(node: Node, context: Context) -> dict[str, Scheme]:
    """Return the packaged presets by name."""
    found = MapOf(_PresetShape()).decode(node, context)
    return {} if found is INVALID else dict(found)
