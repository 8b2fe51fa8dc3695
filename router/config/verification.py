"""Owns: how a delivery proves where it comes from: presets, the generic HMAC block, none.
Imports: config.components.
Never: holds a secret (only references), verifies (api.guard does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router.config.components import (
    INVALID,
    Context,
    component,
    decode_component,
    knob,
    place_of,
)
from router.config.references import Named
from router.config.shapes import Choice, ListOf, MapOf, Nested, Text
from router.config.source import Node, Scalar
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


def _is_reference(text: str) -> bool:
    kind, _, name = text.partition(":")
    return kind in ("env", "file") and bool(name) and name.replace("_", "a").isalnum()


@component("signature", doc="An HMAC over parts of the request, in a header.")
class Signature:
    header: str = knob(Text("a header name in lower case", r"[a-z0-9-]+"), doc="where it stands")
    algorithm: str = knob(Choice(("sha256", "sha512")), doc="the hash", default="sha256")
    encoding: str = knob(Choice(("base64", "hex")), doc="how it is written", default="base64")
    prefix: str = knob(Text(), doc="text before it", default="")
    signed: str = knob(
        Text('a text with "{body}" in it', r".*\{body\}.*"), doc="what is signed", default="{body}"
    )


PRESET = Named("preset", "E038", lambda context: context.library.presets)


@component("verify", doc="How a delivery proves where it comes from.")
class VerifyFile:
    preset: Signature | None = knob(
        PRESET, doc="a signature scheme by the name of who uses it", default=None
    )
    hmac: Signature | None = knob(Nested(Signature), doc="a scheme of your own", default=None)
    none: str = knob(Text(), doc="no signature: say why that is safe", default="")
    secrets: tuple[str, ...] = knob(
        ListOf(SECRET), doc="live secrets, several while one is being replaced", default=()
    )
    place: Place = place_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """A scheme with its secrets by reference; `signature` None = none is asked for."""

    signature: Signature | None
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerifyShape:
    """A preset, a scheme of one's own, or a reason for none."""

    expects: str = "{preset: name, secrets: [env:NAME]}"

    def decode(self, node: Node, context: Context) -> Any:
        file = decode_component(VerifyFile, node, context)
        if not isinstance(file, VerifyFile):
            return INVALID
        said = [name for name in ("preset", "hmac", "none") if getattr(file, name)]
        if len(said) != 1:
            context.report.error(
                "E050", file.place, "verify wants exactly one of preset, hmac, none", self.expects
            )
            return INVALID
        if file.none:
            return Verify(signature=None, secrets=())
        if not file.secrets:
            context.report.error(
                "E051", file.place, "no secret to verify with", "secrets: [env:NAME]"
            )
            return INVALID
        return Verify(signature=file.preset or file.hmac, secrets=file.secrets)


def decode_presets(node: Node, context: Context) -> dict[str, Signature]:
    """Return the packaged presets by name."""
    found = MapOf(Nested(Signature)).decode(node, context)
    return {} if found is INVALID else dict(found)
