"""Owns: why a delivery does not fit its signature: which part would have to be another.
Imports: api.guard, config.verification, core.
Never: tells a secret or a signature that would fit; is asked by a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from router.api.guard import Claimed, verify
from router.config.verification import Inside, Signature, Verify
from router.core.ports import Secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """A delivery or a scheme as it might have been meant, and what differs then."""

    words: str
    scheme: Verify
    claimed: Claimed
    secrets: Secrets


class _Trimmed:
    """Secrets without the blanks and line ends around them."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def get(self, reference: str) -> str:
        """Return a secret. Raises LookupError."""
        return self._secrets.get(reference).strip()


def doubts(scheme: Verify, claimed: Claimed, secrets: Secrets) -> tuple[bool, list[str]]:
    """Return whether a delivery fits, and else why not, with each difference by which it would."""
    verdict = verify(scheme, claimed, secrets)
    if verdict.bad:
        kept = "it is kept for a person, the others are taken"
        return False, [f"record {one + 1} fits no live secret: {kept}" for one in verdict.bad]
    if verdict.ok:
        return True, []
    told = [verdict.why, *_missing(scheme, secrets)]
    signature = scheme.signature
    if isinstance(signature, Signature) and signature.header not in claimed.headers:
        near = [name for name in claimed.headers if "sign" in name or "hmac" in name]
        if near:
            told.append(f"there is {', '.join(sorted(near))}: another scheme?")
        return False, told
    start = _Try(words="", scheme=scheme, claimed=claimed, secrets=secrets)
    fitting = [one.words for one in _differences(start) if _fits(one)]
    if not fitting:
        pairs = (
            replace(two, words=f"{one.words}, and {two.words}")
            for one in _differences(start)
            for two in _differences(one)
        )
        fitting = [one.words for one in pairs if _fits(one)][:1]
    told += [f"it would fit {words}" for words in fitting]
    if not fitting:
        told.append("no small difference explains it: another secret, or another body")
    return False, told


def _fits(one: _Try) -> bool:
    return verify(one.scheme, one.claimed, one.secrets).ok


def _missing(scheme: Verify, secrets: Secrets) -> Iterator[str]:
    for reference in (*scheme.secrets, *([scheme.url] if scheme.url else [])):
        try:
            text = secrets.get(reference)
        except LookupError:
            yield f"{reference} is not set"
            continue
        if not text:
            yield f"{reference} is empty"


def _differences(start: _Try) -> Iterator[_Try]:
    """Yield what is often different: the bytes, the secret, the time, the way of writing."""
    scheme, claimed = start.scheme, start.claimed
    yield replace(
        start, words="with the secret without the blanks around it", secrets=_Trimmed(start.secrets)
    )
    if isinstance(scheme.signature, Inside):
        yield from _written(start, scheme.signature)
        return
    for words, body in _bodies(claimed.body):
        yield replace(start, words=words, claimed=replace(claimed, body=body))
    signature = scheme.signature
    if signature is not None:
        yield from _written(start, signature)
        yield from _scheme(start, signature)


def _bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    changed = "something on the way changed the bytes"
    yield f"over the body with a line end behind it: {changed}", body + b"\n"
    if body.endswith(b"\n"):
        yield f"over the body without its last line end: {changed}", body.rstrip(b"\r\n")
    if b"\r\n" in body:
        yield f"over the body with \\n for \\r\\n: {changed}", body.replace(b"\r\n", b"\n")
    elif b"\n" in body:
        yield f"over the body with \\r\\n for \\n: {changed}", body.replace(b"\n", b"\r\n")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    parsed = "somebody parsed it and wrote it anew"
    for separators in ((",", ":"), (", ", ": ")):
        for ascii_only in (True, False):
            text = json.dumps(document, separators=separators, ensure_ascii=ascii_only)
            made = text.encode(errors="replace")  # half a pair of surrogates is no character
            yield f"over the body as other JSON of the same content: {parsed}", made


def _written(start: _Try, signature: Signature | Inside) -> Iterator[_Try]:
    for field, values in (
        ("encoding", ("base64", "hex")),
        ("algorithm", ("sha256", "sha512")),
        ("key", ("text", "base64", "hex")),
    ):
        for value in values:
            if value != getattr(signature, field):
                other = replace(signature, **{field: value})  # type: ignore[arg-type]
                words = f"with {field}: {value}"
                yield replace(start, words=words, scheme=replace(start.scheme, signature=other))


def _scheme(start: _Try, signature: Signature) -> Iterator[_Try]:
    if signature.prefix:
        other = replace(signature, prefix="")
        words = f"without the prefix {signature.prefix}"
        yield replace(start, words=words, scheme=replace(start.scheme, signature=other))
    when = signature.timestamp
    if when is not None:
        always = replace(when, tolerance=timedelta.max)
        other = replace(signature, timestamp=always)
        words = "at another time: it is old, or a clock is wrong"
        yield replace(start, words=words, scheme=replace(start.scheme, signature=other))
    if "url" in signature.names:
        for words, signed in (
            ("with a / at the end of the address", signature.signed.replace("{url}", "{url}/")),
            ("without the address", signature.signed.replace("{url}", "")),
        ):
            other = replace(signature, signed=signed)
            yield replace(start, words=words, scheme=replace(start.scheme, signature=other))
