"""What differs is told: the bytes, the secret, the time, the way of writing; never a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.api.doubts import doubts
from router.api.guard import Claimed, headers_for, sign_record
from router.config.verification import Inside, Signature, Timestamp, Verify
from router.infra.codecs import decode_json, encode_json

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{"id": 7, "name": "\xc3\xa4"}\n'


class Secrets:
    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known

    def get(self, reference: str) -> str:
        return self.known[reference]


GOOD = Secrets({"env:A": "top secret", "env:URL": "https://a.test/in"})


def scheme(**changed: Any) -> Verify:
    given = {
        "header": "x-sign", "algorithm": "sha256", "encoding": "hex", "prefix": "", "between": "",
        "signed": "{body}", "timestamp": None, "key": "text", "key_prefix": "",
        "ping": "", **changed,
    }  # fmt: skip
    url = "env:URL" if "{url}" in given["signed"] else ""
    return Verify(signature=Signature(**given), secrets=("env:A",), url=url)


def told(
    theirs: Verify,
    ours: Verify,
    *,
    body: Callable[[bytes], bytes] = lambda body: body,
    at: datetime = NOW,
    secrets: Secrets = GOOD,
) -> list[str]:
    """Return what is said of what a sender signed by its scheme and we look at by ours."""
    headers = headers_for(theirs, BODY, {}, NOW, GOOD)
    came = body(BODY)
    claimed = Claimed(headers=headers, body=came, at=at, document=lambda: decode_json(came))
    ok, found = doubts(ours, claimed, secrets)
    assert ok is (found == [])
    for secret in ("top secret", *headers.values()):
        assert not any(secret in line for line in found)
    return found


TIMED = {"signed": "{timestamp}.{body}", "timestamp": Timestamp(
    header="x-time", prefix="", unit="seconds", tolerance=timedelta(seconds=300)
)}  # fmt: skip


def test_what_fits_leaves_no_doubt() -> None:
    assert told(scheme(), scheme()) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda body: body.rstrip(b"\n"), "with a line end behind it"),
        (lambda body: body + b"\r\n", "without its last line end"),
        (lambda body: body.replace(b"\n", b"\r\n"), r"with \n for \r\n"),
        (lambda body: body.replace(b": ", b":").replace(b", ", b",").rstrip(), "other JSON"),
    ],
)
def test_changed_bytes(changed: Callable[[bytes], bytes], words: str) -> None:
    found = told(scheme(), scheme(), body=changed)
    assert words in " ".join(found)


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        ({"encoding": "base64"}, {}, "with encoding: base64"),
        ({"algorithm": "sha512"}, {}, "with algorithm: sha512"),
        ({}, {"prefix": "sha256="}, "without the prefix sha256="),
        ({"signed": "{url}/{body}"}, {"signed": "{url}{body}"}, "with a / at the end"),
        ({}, {"signed": "{url}{body}"}, "without the address"),
        ({"algorithm": "sha512", "encoding": "base64"}, {}, "sha512"),
    ],
)
def test_another_way_of_writing(theirs: Any, ours: Any, words: str) -> None:
    assert words in " ".join(told(scheme(**theirs), scheme(**ours)))


def test_an_old_delivery() -> None:
    found = told(scheme(**TIMED), scheme(**TIMED), at=NOW + timedelta(hours=2))
    assert found[0] == "the timestamp in x-time is not of now"
    assert "at another time" in found[1]


def test_secrets() -> None:
    blank = Secrets({**GOOD.known, "env:A": "top secret\n"})
    assert "without the blanks around it" in told(scheme(), scheme(), secrets=blank)[1]
    other = Secrets({**GOOD.known, "env:A": "another"})
    assert told(scheme(), scheme(), secrets=other)[1:] == [
        "no small difference explains it: another secret, or another body"
    ]
    assert told(scheme(), scheme(), secrets=Secrets({}))[1] == "env:A is not set"
    assert told(scheme(), scheme(), secrets=Secrets({"env:A": ""}))[1] == "env:A is empty"


def test_another_header() -> None:
    found = told(scheme(header="x-hub-signature"), scheme())
    assert found == ["no x-sign", "there is x-hub-signature: another scheme?"]


def test_one_record_of_several(workshop: Any) -> None:
    from router.config.components import decode_component  # noqa: PLC0415

    node = workshop.node("{each: '=body', signature: =item.s, fields: [=item.id], key: hex}")
    inside = decode_component(Inside, node, workshop.context())
    good = {"id": "7", "s": sign_record(inside, "00ff", {"id": "7"})}
    body = encode_json([good, {"id": "8", "s": good["s"]}])
    claimed = Claimed(headers={}, body=body, at=NOW, document=lambda: decode_json(body))
    found = doubts(
        Verify(signature=inside, secrets=("env:A",)), claimed, Secrets({"env:A": "00ff"})
    )
    kept = "it is kept for a person, the others are taken"
    assert found == (False, [f"record 2 fits no live secret: {kept}"])


def test_a_signature_inside_a_record(workshop: Any) -> None:
    from router.config.components import decode_component  # noqa: PLC0415

    node = workshop.node("{each: '=body', signature: =item.s, fields: [=item.id], key: hex}")
    inside = decode_component(Inside, node, workshop.context())
    body = b'[{"id": "7", "s": "wrong"}]'
    claimed = Claimed(headers={}, body=body, at=NOW, document=lambda: decode_json(body))
    ok, found = doubts(
        Verify(signature=inside, secrets=("env:A",)), claimed, Secrets({"env:A": "00ff"})
    )
    assert not ok
    assert found[0] == "a record fits no live secret"
