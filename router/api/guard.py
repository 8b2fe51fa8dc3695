"""Owns: verifying that a delivery comes from who it says; signing one as its sender does.
Imports: config.verification, core.
Never: tells a stranger which part was wrong; compares in variable time; reads a clock.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from router.config.verification import Inside, Signature, Timestamp, Verify
from router.core.document import Json
from router.core.errors import MessageError
from router.core.instants import InstantError, from_epoch, from_text, time_text
from router.core.ports import Secrets
from router.core.quantity import NumberError

#: a signature header longer than this is no signature
MAX_SIGNATURE = 1024
#: signatures that are looked at, of those in a header: a sender replaces one secret at a time
MOST_SIGNATURES = 8
#: bytes; what asks whether anybody is there brings nothing
MAX_PING = 64
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a delivery is genuine; `why` is for our own log.

    `bad` are the positions of records that are not, where signatures stand inside records and at
    least one of them is.
    """

    ok: bool
    why: str = ""
    #: not genuine, and not refused either: a question without effect
    ping: bool = False
    bad: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery as it came. `headers` are in lower case; `document` decodes the body, or raises
    MessageError.
    """

    headers: Mapping[str, str]
    body: bytes
    at: datetime
    document: Callable[[], Json]


def verify(scheme: Verify, claimed: Claimed, secrets: Secrets) -> Verdict:
    """Return whether the signature over the raw bytes fits one of the live secrets.

    A secret that cannot be resolved fits nothing, and neither does one that is no key.
    """
    signature = scheme.signature
    if signature is None:
        return Verdict(ok=True)
    keys = list(_keys(scheme, secrets))
    if isinstance(signature, Inside):
        return _verify_inside(signature, claimed, keys)
    given = claimed.headers.get(signature.header, "")
    if not given:
        ping = _is_ping(signature, claimed.body)
        return Verdict(ok=False, why=f"no {signature.header}", ping=ping)
    if len(given) > MAX_SIGNATURE or not given.isascii():
        return Verdict(ok=False, why=f"{signature.header} is no signature")
    said, why = _said(signature.timestamp, signature.between, claimed)
    if why:
        return Verdict(ok=False, why=why)
    try:
        named = {"timestamp": said, "url": secrets.get(scheme.url) if scheme.url else ""}
        signed = _signed(signature, claimed.headers, claimed.body, named)
    except LookupError:
        return Verdict(ok=False, why="the address that is signed is not known")
    except UnicodeError:
        return Verdict(ok=False, why="what is signed is no text")
    found = _signatures(signature, given)
    # every secret and signature is tried, so that the time does not tell which one fits
    fits = [_equal(_written(signature, key, signed), one) for key in keys for one in found]
    return _verdict(f"{signature.header} fits no live secret", fits=any(fits))


def headers_for(
    scheme: Verify, body: bytes, headers: Mapping[str, str], at: datetime, secrets: Secrets
) -> dict[str, str]:
    """Return the headers by which a sender signs a body: with the first secret.

    Raises LookupError when a secret cannot be resolved. Nothing for a scheme without a header.
    """
    signature = scheme.signature
    if not isinstance(signature, Signature):
        return {}
    made: dict[str, str] = {}
    named = {"timestamp": "", "url": secrets.get(scheme.url) if scheme.url else ""}
    parts: list[str] = []
    when = signature.timestamp
    if when is not None:
        named["timestamp"] = _told(when, at)
        if when.header == signature.header:
            parts.append(when.prefix + named["timestamp"])
        else:
            made[when.header] = when.prefix + named["timestamp"]
    key = _key(signature.key, secrets.get(scheme.secrets[0]), signature.key_prefix)
    if key is None:
        raise LookupError(scheme.secrets[0])
    signed = _signed(signature, {**headers, **made}, body, named)
    parts.append(signature.prefix + _written(signature, key, signed))
    return {**made, signature.header: (signature.between or " ").join(parts)}


def sign_record(inside: Inside, secret: str, record: Json) -> str:
    """Return the signature of one record: what its sender writes into it. Raises LookupError."""
    key = _key(inside.key, secret, "")
    if key is None:
        raise LookupError("the secret is no key")
    return _written(inside, key, _fields(inside, record))


def _is_ping(signature: Signature, body: bytes) -> bool:
    start = signature.ping.encode()
    return bool(start) and body.startswith(start) and len(body) <= MAX_PING


def _verify_inside(inside: Inside, claimed: Claimed, keys: Sequence[bytes]) -> Verdict:
    """Return whether a record carries a signature that fits, and which of the others do not."""
    try:
        records = inside.each({"body": claimed.document()})
        if not isinstance(records, list) or not records:
            return Verdict(ok=False, why="no records to verify")
    except MessageError as error:
        return Verdict(ok=False, why=f"the records cannot be read: {error.code}")
    fits = [_is_genuine(inside, record, keys) for record in records]
    bad = tuple(number for number, one in enumerate(fits) if not one)
    if not any(fits):
        return Verdict(ok=False, why="a record fits no live secret")
    return Verdict(ok=True, bad=bad)


def _is_genuine(inside: Inside, record: Json, keys: Sequence[bytes]) -> bool:
    try:
        given, signed = inside.signature({"item": record}), _fields(inside, record)
    except MessageError:
        return False
    text = given if isinstance(given, str) and given.isascii() else ""
    # every secret is tried, so that the time does not tell which one fits
    tried = [_equal(_written(inside, key, signed), text) for key in keys]
    return any(tried)


def _verdict(why: str, *, fits: bool) -> Verdict:
    return Verdict(ok=True) if fits else Verdict(ok=False, why=why)


def _keys(scheme: Verify, secrets: Secrets) -> Iterator[bytes]:
    signature = scheme.signature
    assert signature is not None, "there is something to verify"
    prefix = signature.key_prefix if isinstance(signature, Signature) else ""
    for reference in scheme.secrets:
        try:
            secret = secrets.get(reference)
        except LookupError:
            continue
        key = _key(signature.key, secret, prefix)
        if key:
            yield key


def _key(kind: str, secret: str, prefix: str) -> bytes | None:
    """Return the key that a secret's text says, None when it says none."""
    text = secret.removeprefix(prefix)
    try:
        if kind == "base64":
            return base64.b64decode(text, validate=True)
        if kind == "hex":
            return binascii.unhexlify(text)
        return text.encode()
    except ValueError:
        return None


def _said(when: Timestamp | None, between: str, claimed: Claimed) -> tuple[str, str]:
    """Return the timestamp as it is written, or why it is not one of now."""
    if when is None:
        return "", ""
    given = claimed.headers.get(when.header, "")[:MAX_SIGNATURE]
    parts = given.split(between) if between else [given]
    text = next(
        (one.strip()[len(when.prefix) :] for one in parts if one.strip().startswith(when.prefix)),
        "",
    )
    at = _time(when.unit, text)
    if at is None:
        return "", f"no timestamp in {when.header}"
    if abs(at - claimed.at) > when.tolerance:
        return "", f"the timestamp in {when.header} is not of now"
    return text, ""


def _time(unit: str, text: str) -> datetime | None:
    """Return the time that a text says, None when it says none; a number has no sign, no point."""
    try:
        if unit == "iso":
            return from_text(text)
        if not text.isascii() or not text.isdigit():
            return None
        return from_epoch(text, "ms" if unit == "milliseconds" else "s")
    except (InstantError, NumberError):
        return None


def _told(when: Timestamp, at: datetime) -> str:
    if when.unit == "iso":
        return time_text(at)
    seconds = (at - _EPOCH) // timedelta(milliseconds=1 if when.unit == "milliseconds" else 1000)
    return str(seconds)


def _signatures(signature: Signature, given: str) -> list[str]:
    """Return the signatures that a header holds, without their prefix."""
    parts = given.split(signature.between) if signature.between else [given]
    prefix = signature.prefix
    return [one[len(prefix) :] for one in parts if one.startswith(prefix)][:MOST_SIGNATURES]


def _signed(
    signature: Signature, headers: Mapping[str, str], body: bytes, named: Mapping[str, str]
) -> bytes:
    """Return the bytes that are signed; a header that is missing is empty."""
    made = b""
    rest = signature.signed
    while "{" in rest:
        text, _, rest = rest.partition("{")
        name, _, rest = rest.partition("}")
        made += text.encode()
        if name == "body":
            made += body
        else:
            made += (named[name] if name in named else headers.get(name, "")).encode()
    return made + rest.encode()


def _fields(inside: Inside, record: Json) -> bytes:
    values = [field({"item": record}) for field in inside.fields]
    return inside.join.join("" if one is None else _text(one) for one in values).encode()


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int):
        raise MessageError("a field that is signed is no text and no integer")
    return str(value)


def _written(scheme: Signature | Inside, key: bytes, signed: bytes) -> str:
    digest = hmac.new(key, signed, _HASHES[scheme.algorithm]).digest()
    return digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()


def _equal(made: str, given: str) -> bool:
    return hmac.compare_digest(made.encode(), given.encode())
