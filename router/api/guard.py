"""Owns: verifying that a delivery comes from who it says.
Imports: config.verification, core.
Never: parses the body; tells a stranger which part was wrong; compares in variable time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from router.config.verification import Signature, Verify
from router.core.ports import Secrets

#: a signature header longer than this is no signature
MAX_SIGNATURE = 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a delivery is genuine; `why` is for our own log."""

    ok: bool
    why: str = ""


def verify(scheme: Verify, headers: Mapping[str, str], body: bytes, secrets: Secrets) -> Verdict:
    """Return whether the signature over the raw bytes fits one of the live secrets.

    `headers` are in lower case. A secret that cannot be resolved fits nothing.
    """
    signature = scheme.signature
    if signature is None:
        return Verdict(ok=True)
    given = headers.get(signature.header, "")
    if not given:
        return Verdict(ok=False, why=f"no {signature.header}")
    if len(given) > MAX_SIGNATURE or not given.isascii():
        return Verdict(ok=False, why=f"{signature.header} is no signature")
    fits = False
    for reference in scheme.secrets:
        try:
            secret = secrets.get(reference)
        except LookupError:
            continue
        # every secret is tried, so that the time does not tell which one fits
        fits |= hmac.compare_digest(sign(signature, secret, body).encode(), given.encode())
    return Verdict(ok=fits, why="" if fits else f"{signature.header} fits no live secret")


def sign(signature: Signature, secret: str, body: bytes) -> str:
    """Return the header's value for a body: what a sender writes."""
    signed = b"".join(
        part.encode() if index % 2 == 0 else body
        for index, part in enumerate(_parts(signature.signed))
    )
    algorithm = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}[signature.algorithm]
    digest = hmac.new(secret.encode(), signed, algorithm).digest()
    text = digest.hex() if signature.encoding == "hex" else base64.b64encode(digest).decode()
    return signature.prefix + text


def _parts(signed: str) -> list[str]:
    """Return literal texts with a place for the body between each two."""
    pieces = signed.split("{body}")
    made: list[str] = []
    for index, piece in enumerate(pieces):
        if index:
            made.append("{body}")
        made.append(piece)
    return made
