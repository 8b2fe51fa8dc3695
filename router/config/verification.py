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
from router.config.shapes import Choice, ListOf, MapOf, Nested, Parsed, Text
from router.config.source import Node
from router.core.diagnostics import Place, nearest

#: `env:NAME` or `file:NAME`; anything else could be the secret itself
SECRET = Parsed(
    "a secret by reference: env:NAME or file:NAME",
    lambda text: text if _is_reference(text) else None,
)


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


@component("verify", doc="How a delivery proves where it comes from.")
class VerifyFile:
    preset: str = knob(Text(), doc="a signature scheme by the name of who uses it", default="")
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
        signature = file.hmac or _preset(file, context)
        if signature is None:
            return INVALID
        if not file.secrets:
            context.report.error(
                "E051", file.place, "no secret to verify with", "secrets: [env:NAME]"
            )
            return INVALID
        return Verify(signature=signature, secrets=file.secrets)


def _preset(file: VerifyFile, context: Context) -> Signature | None:
    presets = context.library.presets
    if file.preset not in presets:
        hint = nearest(file.preset, presets)
        context.report.error("E038", file.place, f"unknown preset {file.preset}", hint)
        return None
    found: Signature = presets[file.preset]
    return found


def decode_presets(node: Node, context: Context) -> dict[str, Signature]:
    """Return the packaged presets by name."""
    found = MapOf(Nested(Signature)).decode(node, context)
    return {} if found is INVALID else dict(found)
