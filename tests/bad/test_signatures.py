"""Bad inputs: signatures. Every packaged preset refuses every spoiled delivery and says why.

Each case is told at intake (`api.guard.verify`, which knows only yes and no) and by the command
`router verify try` (`api.doubts.doubts`), which must end in words and never in a traceback.

Held elsewhere, and not repeated here:
- the vectors of each vendor, made without our code: tests/unit/api/test_guard.py
- what each doubt says: tests/unit/api/test_doubts.py
- the same over HTTP against a daemon: tests/acceptance/test_http.py
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import router.config
from router.api import guard
from router.api.doubts import doubts
from router.api.guard import MAX_SIGNATURE, Claimed, headers_for, sign_record, verify
from router.cli.main import main
from router.config.components import Context
from router.config.contracts import Contracts
from router.config.library import Library
from router.config.source import read_yaml
from router.config.verification import Inside, Signature, Verify, decode_presets
from router.core.diagnostics import Report
from router.infra.codecs import decode_json, encode_json
from tests.bad.land import ROOT

#: the hang guard: no case takes a second
pytestmark = pytest.mark.timeout(20)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{"id": 7, "name": "\xc3\xa4", "amount": 1290}'
ITEM = {
    "pspReference": "PSP1",
    "merchantAccountCode": "Acme",
    "merchantReference": "ref",
    "amount": {"value": 1290, "currency": "EUR"},
    "eventCode": "REFUND",
    "success": "true",
}


class Secrets:
    """Secrets of every form."""

    KNOWN: Mapping[str, str] = {
        "env:TEXT": "a secret",
        "env:BASE64": "whsec_YSBzZWNyZXQ=",
        "env:HEX": "6120736563726574",
        "env:OTHER_TEXT": "another secret",
        "env:OTHER_BASE64": "whsec_YW5vdGhlciBzZWNyZXQ=",
        "env:OTHER_HEX": "616e6f74686572",
        "env:URL": "https://example.test/in",
        "env:BROKEN_TEXT": "",
        "env:BROKEN_BASE64": "whsec_YSBzZWNyZXQ",
        "env:BROKEN_HEX": "612073656372657",
        "env:STRAY_TEXT": "\udcff",
        "env:STRAY_BASE64": "whsec_\udcff",
        "env:STRAY_HEX": "\udcff",
    }

    def get(self, reference: str) -> str:
        return self.KNOWN[reference]


@cache
def presets() -> dict[str, Any]:
    """Return the packaged schemes."""
    path = Path(router.config.__file__).parent / "presets" / "verify.yaml"
    node, found = read_yaml(path.read_text(), "verify.yaml")
    assert node is not None, found
    report = Report()
    made = decode_presets(node, Context(report=report, library=Library(contracts=Contracts())))
    assert not report.found
    return made


NAMES = sorted(presets())
IN_HEADERS = [name for name in NAMES if isinstance(presets()[name], Signature)]
TIMED = [name for name in IN_HEADERS if presets()[name].timestamp is not None]


def scheme(name: str, which: str = "") -> Verify:
    """Return a preset with one secret, written as it wants it."""
    found = presets()[name]
    form = {"text": "TEXT", "base64": "BASE64", "hex": "HEX"}[found.key]
    url = "env:URL" if "url" in getattr(found, "names", ()) else ""
    return Verify(signature=found, secrets=(f"env:{which}{form}",), url=url)


def signed(name: str, at: datetime = NOW, which: str = "") -> Claimed:
    """Return a genuine delivery of a preset, signed at a moment with a secret."""
    found = scheme(name, which)
    if isinstance(found.signature, Inside):
        key = Secrets.KNOWN[found.secrets[0]]
        item = {
            **ITEM,
            "additionalData": {
                "hmacSignature": sign_record(
                    found.signature, key, {"NotificationRequestItem": ITEM}
                )
            },
        }
        return delivery({}, notification(item))
    headers = {"webhook-id": "msg_1"}
    made = headers_for(found, BODY, headers, at, Secrets())
    return delivery({**headers, **made}, BODY)


def notification(*items: Any) -> bytes:
    return encode_json({"notificationItems": [{"NotificationRequestItem": one} for one in items]})


def delivery(headers: Mapping[str, str], body: bytes) -> Claimed:
    return Claimed(headers=headers, body=body, at=NOW, document=lambda: decode_json(body))


def changed(claimed: Claimed, body: bytes) -> Claimed:
    return replace(claimed, body=body, document=lambda: decode_json(body))


def refused(name: str, claimed: Claimed, which: str = "") -> list[str]:
    """Assert that a delivery is refused at intake and by the command; return what that says."""
    found = scheme(name, which)
    assert not verify(found, claimed, Secrets()).ok
    ok, told = doubts(found, claimed, Secrets())
    assert not ok
    assert told
    secret = Secrets.KNOWN[found.secrets[0]].removeprefix("whsec_")
    for line in told:
        assert "\n" not in line
        assert not secret or secret not in line
    return told


def with_header(name: str, value: str) -> Claimed:
    """Return the genuine delivery with another text in its signature header."""
    claimed = signed(name)
    return replace(claimed, headers={**claimed.headers, presets()[name].header: value})


def own(name: str) -> str:
    """Return what stands in the signature header of the genuine delivery."""
    return signed(name).headers[presets()[name].header]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_genuine_fits(name: str) -> None:
    assert verify(scheme(name), signed(name), Secrets()).ok
    assert doubts(scheme(name), signed(name), Secrets()) == (True, [])


@pytest.mark.parametrize("name", NAMES)
def test_no_headers(name: str) -> None:
    claimed = signed(name)
    if name not in IN_HEADERS:
        claimed = changed(claimed, notification(ITEM))
    refused(name, replace(claimed, headers={}))


@pytest.mark.parametrize("name", NAMES)
def test_another_secret(name: str) -> None:
    told = refused(name, signed(name, which="OTHER_"))
    assert told[-1] == "no small difference explains it: another secret, or another body"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", ["BROKEN_", "STRAY_"])
def test_a_secret_that_is_no_key(name: str, which: str) -> None:
    refused(name, signed(name), which)


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("away", [-timedelta(hours=1), timedelta(hours=1), timedelta(days=90_000)])
def test_an_old_time_and_one_to_come(name: str, away: timedelta) -> None:
    told = refused(name, signed(name, NOW + away))
    assert "is not of now" in told[0]
    assert any("at another time" in line for line in told)


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("away", [-timedelta(hours=1), timedelta(hours=1), timedelta(days=90_000)])
def test_neither_the_time_nor_the_secret_fits(name: str, away: timedelta) -> None:
    """This was a traceback: the tolerance of a tolerance is more than a duration can hold."""
    told = refused(name, signed(name, NOW + away, which="OTHER_"))
    assert told[-1] == "no small difference explains it: another secret, or another body"


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_of_the_body_counts(name: str) -> None:
    claimed = signed(name)
    body = claimed.body
    spots = range(len(body)) if name in IN_HEADERS else [body.index(b"1290"), body.index(b"PSP1")]
    for at in spots:
        other = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert not verify(scheme(name), changed(claimed, other), Secrets()).ok
    refused(name, changed(claimed, body.replace(b"1290", b"1291")))


@pytest.mark.parametrize("name", IN_HEADERS)
def test_a_signature_cut_or_lengthened(name: str) -> None:
    found, text = presets()[name], own(name)
    value = text.rpartition(found.between or "\0")[2].removeprefix(found.prefix)
    start = text.removesuffix(value)
    for spoiled in (value[:-1], value[:-2], value + value[-1], value + "=", "0", "=", "===="):
        refused(name, with_header(name, start + spoiled))


@pytest.mark.parametrize("name", IN_HEADERS)
def test_letters_of_the_other_size_are_another_signature(name: str) -> None:
    assert not verify(scheme(name), with_header(name, own(name).swapcase()), Secrets()).ok


@pytest.mark.parametrize("name", IN_HEADERS)
@pytest.mark.parametrize("value", ["ä", "\udcff", "\x00", "٣", "\u202e" * 50, " ", ",", "=,=,="])
def test_a_header_of_strange_letters(name: str, value: str) -> None:
    refused(name, with_header(name, value))
    refused(
        name,
        with_header(name, own(name) + value.strip(" ,"))
        if value.strip(" ,=")
        else with_header(name, value),
    )


@pytest.mark.parametrize("name", NAMES)
def test_other_headers_of_strange_letters(name: str) -> None:
    claimed = signed(name)
    strange = dict.fromkeys(claimed.headers, "\udcff")
    if name in IN_HEADERS:
        refused(name, replace(claimed, headers=strange))
    if name == "standard_webhooks":
        refused(name, replace(claimed, headers={**claimed.headers, "webhook-id": "\udcff"}))


@pytest.mark.parametrize("name", IN_HEADERS)
@pytest.mark.parametrize("size", [MAX_SIGNATURE + 1, 1_000_000])
def test_a_huge_header(name: str, size: int) -> None:
    refused(name, with_header(name, "x" * size))
    between = presets()[name].between or ","
    refused(name, with_header(name, own(name) + between * size))


@pytest.mark.parametrize("name", IN_HEADERS)
def test_an_unknown_algorithm(name: str) -> None:
    text = own(name)
    refused(name, with_header(name, "md5=" + text))
    refused(
        name,
        with_header(
            name,
            text.replace("v1", "v9").replace("sha256", "sha1")
            if ("v1" in text or "sha256" in text)
            else "sha1=" + text,
        ),
    )


@pytest.mark.parametrize("name", IN_HEADERS)
def test_of_several_signatures_one_must_fit(name: str) -> None:
    found, text = presets()[name], own(name)
    bad = found.prefix + "0" * 64
    if not found.between:  # there is only one: two of them are none
        refused(name, with_header(name, f"{text},{text}"))
        return
    assert verify(scheme(name), with_header(name, found.between.join((text, bad))), Secrets()).ok
    stamp = text.split(found.between)[0] if found.timestamp.header == found.header else bad
    refused(name, with_header(name, found.between.join((stamp, bad, bad))))


@pytest.mark.parametrize("name", [one for one in NAMES if one not in IN_HEADERS])
@pytest.mark.parametrize(
    "given", [None, "", "0", "x" * 10_000, "ä", ["x"], {"a": 1}, 7, True, "\\ud800"]
)
def test_a_signature_inside_a_record_that_is_none(name: str, given: Any) -> None:
    item = {**ITEM, "additionalData": {"hmacSignature": given}}
    refused(name, changed(signed(name), notification(item)))


@pytest.mark.parametrize("name", [one for one in NAMES if one not in IN_HEADERS])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"null", b"not json", b'{"notificationItems": null}', b"\xff\xfe",
        b'{"notificationItems": [{}]}', b'{"notificationItems": [null, 7, "x"]}',
        b"[" * 100_000, b'{"notificationItems": [{"NotificationRequestItem": "\\ud800"}]}',
    ],
)  # fmt: skip
def test_records_that_are_none(name: str, body: bytes) -> None:
    refused(name, changed(signed(name), body))


@pytest.mark.parametrize("name", IN_HEADERS)
@pytest.mark.parametrize(
    "body", [b"", b"[" * 100_000, b'"\\ud800"', b"\xff\xfe", b"9" * 5_000, b'{"a": NaN}']
)
def test_another_body_of_any_bytes(name: str, body: bytes) -> None:
    refused(name, changed(signed(name), body))


@pytest.mark.parametrize(
    ("name", "changes"),
    [*[(name, {"secrets": ("env:NO",)}) for name in NAMES], ("square", {"url": "env:NO"})],
)
def test_what_is_not_set(name: str, changes: dict[str, Any]) -> None:
    found = replace(scheme(name), **changes)
    assert not verify(found, signed(name), Secrets()).ok
    ok, told = doubts(found, signed(name), Secrets())
    assert not ok
    assert "env:NO is not set" in told


def test_signatures_are_compared_in_constant_time() -> None:
    """One place compares, by `hmac.compare_digest`; all of every secret and signature is tried."""
    tree = ast.parse(inspect.getsource(guard))
    calls = [
        one for one in ast.walk(tree)
        if isinstance(one, ast.Call) and ast.unparse(one.func) == "hmac.compare_digest"
    ]  # fmt: skip
    assert len(calls) == 1
    made = [
        one for one in ast.walk(tree)
        if isinstance(one, ast.Compare) and "_written" in ast.unparse(one)
    ]  # fmt: skip
    assert made == []


def test_every_secret_and_signature_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, str]] = []
    equal = guard._equal
    monkeypatch.setattr(
        guard, "_equal", lambda made, given: tried.append((made, given)) or equal(made, given)
    )
    found = replace(scheme("stripe"), secrets=("env:TEXT", "env:OTHER_TEXT"))
    text = own("stripe")
    claimed = with_header("stripe", f"{text},v1={'0' * 64}")
    assert verify(found, claimed, Secrets()).ok
    assert len(tried) == 4, "the first one fits, and the other three are compared all the same"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("stripe-signature=",),
        ("stripe-signature=t=1,v1=00",),
        ("stripe-signature=t=99999999999999,v1=00",),
        ("stripe-signature=t=1772452800,v1=zz,v1=0,v0=1",),
        ("stripe-signature=\udcff",),
        ("stripe-signature=" + "x" * 100_000,),
    ],
)
def test_the_command_ends_in_words(tmp_path: Path, headers: tuple[str, ...]) -> None:
    body = tmp_path / "body"
    body.write_bytes(BODY)
    words = [
        "verify",
        "try",
        "stripe",
        str(body),
        "--project",
        str(ROOT),
        "--at",
        "2026-03-02T12:00:00Z",
    ]
    for one in headers:
        words += ["--header", one]
    done = CliRunner(env={"STRIPE_SECRET": "a secret"}).invoke(main, words)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    assert done.output.startswith("it does not fit: ")
