"""Who a delivery comes from is told by a signature over its raw bytes, and by nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import router.config
from router.api.guard import MAX_SIGNATURE, Claimed, Verdict, headers_for, sign_record
from router.api.guard import verify as verify_claimed
from router.config.components import INVALID
from router.config.source import read_yaml
from router.config.verification import Signature, Verify, VerifyShape, decode_presets
from router.infra.codecs import decode_json, encode_json

#: RFC 4231, test case 2
SECRET, BODY = "Jefe", b"what do ya want for nothing?"
SHA256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
SHA512 = (
    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
)
BASE64 = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))


def verify(scheme: Verify, headers: Mapping[str, str], body: bytes, secrets: Secrets) -> Verdict:
    claimed = Claimed(headers=headers, body=body, at=NOW, document=lambda: decode_json(body))
    return verify_claimed(scheme, claimed, secrets)


class Secrets:
    """Secrets from a mapping."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known
        self.asked: list[str] = []

    def get(self, reference: str) -> str:
        self.asked.append(reference)
        if reference not in self.known:
            raise LookupError(reference)
        return self.known[reference]


LIVE = {"env:OLD": "old secret", "env:NOW": SECRET}


def scheme(*secrets: str, **fields: Any) -> Verify:
    base = {"algorithm": "sha256", "encoding": "base64", "prefix": "", "signed": "{body}"}
    base |= {"between": "", "timestamp": None, "key": "text", "key_prefix": "", "ping": ""}
    signature = Signature(header="x-sign", **{**base, **fields})
    return Verify(signature=signature, secrets=secrets or ("env:NOW",))


def fits(given: str | None, *secrets: str, body: bytes = BODY, **fields: Any) -> bool:
    headers = {} if given is None else {"x-sign": given}
    return verify(scheme(*secrets, **fields), headers, body, Secrets(LIVE)).ok


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (BASE64, {}),
        (SHA256, {"encoding": "hex"}),
        (SHA512, {"encoding": "hex", "algorithm": "sha512"}),
        (f"sha256={SHA256}", {"encoding": "hex", "prefix": "sha256="}),
        (base64.b64encode(bytes.fromhex(SHA512)).decode(), {"algorithm": "sha512"}),
    ],
)
def test_known_signatures_fit(given: str, fields: dict[str, Any]) -> None:
    assert fits(given, **fields)
    assert headers_for(scheme(**fields), BODY, {}, NOW, Secrets(LIVE)) == {"x-sign": given}


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (None, {}),
        ("", {}),
        (" ", {}),
        (SHA256, {}),
        (BASE64, {"encoding": "hex"}),
        (BASE64, {"algorithm": "sha512"}),
        (SHA256, {"encoding": "hex", "prefix": "sha256="}),
        (f"sha256={SHA256}", {"encoding": "hex"}),
        (f"SHA256={SHA256}", {"encoding": "hex", "prefix": "sha256="}),
        (BASE64[:-1], {}),
        (BASE64.rstrip("="), {}),
        (BASE64 + "=", {}),
        (BASE64 + "\n", {}),
        (" " + BASE64, {}),
        (f"{BASE64},{BASE64}", {}),
        (BASE64.swapcase(), {}),
        (SHA256[:-1] + "4", {"encoding": "hex"}),
        (SHA256[:32], {"encoding": "hex"}),
        (BASE64[:-2] + "ä=", {}),
        ("ä" * 10, {}),
        ("\udcff", {}),
        ("x" * (MAX_SIGNATURE + 1), {}),
    ],
)
def test_everything_else_does_not(given: str | None, fields: dict[str, Any]) -> None:
    assert not fits(given, **fields)


def test_a_header_is_read_up_to_its_bound_and_no_further() -> None:
    prefix = "p" * (MAX_SIGNATURE - len(BASE64))
    assert fits(prefix + BASE64, prefix=prefix)
    assert not fits("p" + prefix + BASE64, prefix="p" + prefix)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY[:-1], BODY.upper(), b"\x00" + BODY])
def test_another_body_does_not_fit(body: bytes) -> None:
    assert not fits(BASE64, body=body)


def test_bytes_are_signed_as_they_are() -> None:
    body = b"\xff\xfe\x00\r\n\xc3"
    given = base64.b64encode(hmac.new(b"Jefe", body, hashlib.sha256).digest()).decode()
    assert fits(given, body=body)
    assert not fits(given, body=body.replace(b"\r\n", b"\n"))


def test_an_empty_body_can_be_signed() -> None:
    given = base64.b64encode(hmac.new(b"Jefe", b"", hashlib.sha256).digest()).decode()
    assert fits(given, body=b"")


@pytest.mark.parametrize(
    ("secrets", "fitting"),
    [
        (("env:OLD", "env:NOW"), True),
        (("env:NOW", "env:OLD"), True),
        (("env:OLD",), False),
        (("env:GONE", "env:NOW"), True),
        (("env:NOW", "env:GONE"), True),
        (("env:GONE",), False),
    ],
)
def test_any_live_secret_fits_and_a_missing_one_fits_nothing(
    secrets: tuple[str, ...], *, fitting: bool
) -> None:
    assert fits(BASE64, *secrets) is fitting


def test_every_secret_is_tried_so_that_time_does_not_tell_which_fits() -> None:
    secrets = Secrets({**LIVE, "env:NEXT": "next"})
    live = scheme("env:NOW", "env:OLD", "env:NEXT")
    assert verify(live, {"x-sign": BASE64}, BODY, secrets).ok
    assert secrets.asked == ["env:NOW", "env:OLD", "env:NEXT"]


@pytest.mark.parametrize("signed", ["t.{body}", "{body}.t", "a{body}b{body}c", "{body}{body}"])
def test_what_is_signed_may_stand_around_the_body(signed: str) -> None:
    text = signed.encode().replace(b"{body}", BODY)
    given = hmac.new(b"Jefe", text, hashlib.sha256).hexdigest()
    assert fits(given, encoding="hex", signed=signed)
    assert not fits(SHA256, encoding="hex", signed=signed)


def test_a_body_is_not_read_as_a_place() -> None:
    given = hmac.new(b"Jefe", b"t.{body}", hashlib.sha256).hexdigest()
    assert fits(given, encoding="hex", signed="t.{body}", body=b"{body}")


def test_secrets_may_hold_any_letters() -> None:
    given = base64.b64encode(hmac.new("schlüssel".encode(), BODY, hashlib.sha256).digest())
    secrets = Secrets({"env:NOW": "schlüssel"})
    assert verify(scheme(), {"x-sign": given.decode()}, BODY, secrets).ok


def test_a_channel_that_asks_for_no_signature_takes_everything() -> None:
    assert verify(Verify(signature=None, secrets=()), {}, BODY, Secrets({})).ok


@pytest.mark.parametrize("given", [BASE64[:-2] + "A=", "x" * 2000, "ä", None])
def test_why_never_tells_the_signature(given: str | None) -> None:
    headers = {} if given is None else {"x-sign": given}
    verdict = verify(scheme(), headers, BODY, Secrets(LIVE))
    assert not verdict.ok
    assert "x-sign" in verdict.why
    assert SECRET not in verdict.why
    assert BASE64[:20] not in verdict.why


# --- how it is declared ------------------------------------------------------------------------

PRESETS = "{shop: {header: x-shop}, other: {header: x-other, encoding: hex, prefix: v1=}}"


@pytest.fixture
def declared(workshop: Any) -> Any:
    """A maker of schemes out of their declaration."""
    workshop.library.presets = decode_presets(workshop.node(PRESETS), workshop.context())
    return lambda text: workshop.decode(VerifyShape(), text)


def test_a_preset_brings_its_scheme(declared: Any) -> None:
    made = declared("{preset: other, secrets: [env:A, 'file:b']}")
    assert made.secrets == ("env:A", "file:b")
    assert (made.signature.header, made.signature.encoding, made.signature.prefix) == (
        "x-other",
        "hex",
        "v1=",
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{secrets: [env:A]}", "E050"),
        ("{preset: shop, none: trusted, secrets: [env:A]}", "E050"),
        ("{preset: shop, hmac: {header: x}, secrets: [env:A]}", "E050"),
        ("{preset: shop}", "E051"),
        ("{preset: shop, secrets: []}", "E051"),
        ("{preset: shpo, secrets: [env:A]}", "E038"),
        ("{preset: shop, secrets: [s3cret]}", "E054"),
        ("{preset: shop, secrets: ['env:']}", "E054"),
        ("{preset: shop, secrets: ['file:../x']}", "E054"),
        ("{preset: shop, secrets: ['vault:x']}", "E054"),
        ("{hmac: {header: X-Sign}, secrets: [env:A]}", "E012"),
        ("{hmac: {header: x-sign, signed: nothing}, secrets: [env:A]}", "E012"),
        ("{hmac: {header: x-sign, algorithm: md5}, secrets: [env:A]}", "E013"),
    ],
)
def test_mistakes_in_a_declaration(workshop: Any, declared: Any, text: str, code: str) -> None:
    assert declared(text) is INVALID
    assert workshop.codes == [code], workshop.told


def test_none_needs_a_reason(declared: Any, workshop: Any) -> None:
    assert declared("{none: inside the house}") == Verify(signature=None, secrets=())
    assert declared("{none: ''}") is INVALID


# --- the packaged presets ----------------------------------------------------------------------

KEYS = {
    "env:TEXT": "a secret",
    "env:BASE64": "whsec_" + base64.b64encode(b"a secret").decode(),
    "env:HEX": b"a secret".hex(),
    "env:URL": "https://example.test/in/square",
}


@pytest.fixture
def preset(workshop: Any) -> Any:
    """A maker of a packaged scheme with one secret, written as it wants it."""
    text = (Path(router.config.__file__).parent / "presets" / "verify.yaml").read_text()
    node, found = read_yaml(text, "verify.yaml")
    assert node is not None, found
    known = decode_presets(node, workshop.context())
    assert workshop.codes == []

    def make(name: str) -> Verify:
        key = {"text": "env:TEXT", "base64": "env:BASE64", "hex": "env:HEX"}[known[name].key]
        url = "env:URL" if "url" in getattr(known[name], "names", ()) else ""
        return Verify(signature=known[name], secrets=(key,), url=url)

    return make


def mac(signed: bytes) -> bytes:
    return hmac.new(b"a secret", signed, hashlib.sha256).digest()


def b64(signed: bytes) -> str:
    return base64.b64encode(mac(signed)).decode()


#: preset -> headers that its vendor sends with BODY at NOW, made without our code
VECTORS: dict[str, dict[str, str]] = {
    "shopify": {"x-shopify-hmac-sha256": b64(BODY)},
    "github": {"x-hub-signature-256": "sha256=" + mac(BODY).hex()},
    "stripe": {"stripe-signature": f"t={STAMP},v1={mac(STAMP.encode() + b'.' + BODY).hex()},v0=00"},
    "square": {"x-square-hmacsha256-signature": b64(KEYS["env:URL"].encode() + BODY)},
    "woocommerce": {"x-wc-webhook-signature": b64(BODY)},
    "standard_webhooks": {
        "webhook-id": "msg_1",
        "webhook-timestamp": STAMP,
        "webhook-signature": "v1,AAAA v1," + b64(b"msg_1." + STAMP.encode() + b"." + BODY),
    },
    "easypost": {"x-hmac-signature": "hmac-sha256-hex=" + mac(BODY).hex()},
    "shiphero": {"x-shiphero-hmac-sha256": b64(BODY)},
    "zendesk": {
        "x-zendesk-webhook-signature-timestamp": "2026-03-02T12:00:00Z",
        "x-zendesk-webhook-signature": b64(b"2026-03-02T12:00:00Z" + BODY),
    },
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_preset_takes_what_its_vendor_sends(preset: Any, name: str) -> None:
    scheme, headers = preset(name), VECTORS[name]
    assert verify(scheme, headers, BODY, Secrets(KEYS)).ok
    assert not verify(scheme, headers, BODY + b" ", Secrets(KEYS)).ok
    for header in headers:
        assert not verify(scheme, {**headers, header: "x"}, BODY, Secrets(KEYS)).ok
        assert not verify(scheme, {**headers, header: ""}, BODY, Secrets(KEYS)).ok


@pytest.mark.parametrize("name", VECTORS)
def test_what_we_sign_as_a_vendor_is_taken(preset: Any, name: str) -> None:
    scheme = preset(name)
    headers = {"webhook-id": "msg_7"} if name == "standard_webhooks" else {}
    made = headers_for(scheme, BODY, headers, NOW, Secrets(KEYS))
    assert verify(scheme, {**headers, **made}, BODY, Secrets(KEYS)).ok


@pytest.mark.parametrize("name", ["stripe", "standard_webhooks", "zendesk"])
@pytest.mark.parametrize(("minutes", "fitting"), [(4, True), (-4, True), (6, False), (-6, False)])
def test_an_old_or_a_future_delivery_is_refused(
    preset: Any, name: str, minutes: int, *, fitting: bool
) -> None:
    scheme, headers = preset(name), {"webhook-id": "msg_7"}
    at = NOW + timedelta(minutes=minutes)
    made = headers_for(scheme, BODY, headers, at, Secrets(KEYS))
    assert verify(scheme, {**headers, **made}, BODY, Secrets(KEYS)).ok is fitting


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "٣", "9" * 15, "9" * 400, "2026-03-02", "0x1"])
def test_a_timestamp_that_is_none_is_refused(preset: Any, stamp: str) -> None:
    signed = mac(stamp.encode() + b"." + BODY).hex()
    headers = {"stripe-signature": f"t={stamp},v1={signed}"}
    assert not verify(preset("stripe"), headers, BODY, Secrets(KEYS)).ok


@pytest.mark.parametrize(
    ("stamp", "fitting"),
    [
        ("2026-03-02T12:00:00Z", True),
        ("2026-03-02T13:00:00.25+01:00", True),
        ("2026-03-02T12:00:00", False),
        ("20260302T120000Z", False),
        ("2026-W10-1T12:00:00Z", False),
        ("2026-03-02T12:00:60Z", False),
        ("2026-03-02", False),
        ("1772452800", False),
        ("", False),
    ],
)
def test_a_time_is_taken_only_as_rfc_3339_writes_it(
    preset: Any, stamp: str, *, fitting: bool
) -> None:
    headers = {
        "x-zendesk-webhook-signature-timestamp": stamp,
        "x-zendesk-webhook-signature": b64(stamp.encode() + BODY),
    }
    assert verify(preset("zendesk"), headers, BODY, Secrets(KEYS)).ok is fitting


def test_of_several_signatures_any_may_fit_up_to_a_bound(preset: Any) -> None:
    good = "v1=" + mac(STAMP.encode() + b"." + BODY).hex()
    few, many = ["v1=" + "0" * 64] * 7, ["v1=0"] * 8
    for others, fitting in ((few, True), (many, False)):
        headers = {"stripe-signature": ",".join([f"t={STAMP}", *others, good])}
        assert verify(preset("stripe"), headers, BODY, Secrets(KEYS)).ok is fitting


def test_a_signed_address_that_is_not_known_fits_nothing(preset: Any) -> None:
    without = {name: value for name, value in KEYS.items() if name != "env:URL"}
    assert not verify(preset("square"), VECTORS["square"], BODY, Secrets(without)).ok


def test_a_secret_that_is_no_key_fits_nothing(preset: Any) -> None:
    for bad in ("whsec_%%%", "whsec_", ""):
        secrets = Secrets({"env:BASE64": bad})
        headers = VECTORS["standard_webhooks"]
        assert not verify(preset("standard_webhooks"), headers, BODY, secrets).ok


# --- inside each record ------------------------------------------------------------------------


def item(number: int, **changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "pspReference": f"PSP{number}",
        "merchantAccountCode": "Acme",
        "merchantReference": "a:b\\c",
        "amount": {"value": 1000 + number, "currency": "EUR"},
        "eventCode": "REFUND",
        "success": "true",
        "additionalData": {},
    }
    signed = f"PSP{number}::Acme:a:b\\c:{1000 + number}:EUR:REFUND:true".encode()
    made["additionalData"]["hmacSignature"] = b64(signed)
    return {**made, **changed}


def notification(*items: Any) -> bytes:
    return encode_json({"notificationItems": [{"NotificationRequestItem": one} for one in items]})


@pytest.mark.parametrize(
    ("body", "fitting"),
    [
        (notification(item(1)), True),
        (notification(item(1), item(2), item(3)), True),
        (notification(item(1, success="false"), item(2, pspReference="PSP9")), False),
        (notification(item(1, additionalData={})), False),
        (notification(item(1, additionalData={"hmacSignature": ["x"]})), False),
        (notification(item(1, amount={"value": 1.5, "currency": "EUR"})), False),
        (notification("text"), False),
        (notification(), False),
        (b'{"notificationItems": {}}', False),
        (b'{"notificationItems": "x"}', False),
        (b"[]", False),
        (b"{}", False),
        (b"not json", False),
    ],
)
def test_every_record_carries_a_signature_of_its_own(
    preset: Any, body: bytes, *, fitting: bool
) -> None:
    assert verify(preset("adyen"), {}, body, Secrets(KEYS)).ok is fitting


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        (notification(item(1), item(2, success="false"), item(3)), (1,)),
        (notification(item(1), item(2, amount={"value": 1, "currency": "EUR"})), (1,)),
        (notification(item(1, amount={"value": 1.5, "currency": "EUR"}), item(2)), (0,)),
        (notification("text", item(1), None, item(2, additionalData={})), (0, 2, 3)),
        (notification(item(1), item(1)), ()),
    ],
)
def test_records_that_are_not_genuine_are_named_beside_those_that_are(
    preset: Any, body: bytes, bad: tuple[int, ...]
) -> None:
    verdict = verify(preset("adyen"), {}, body, Secrets(KEYS))
    assert (verdict.ok, verdict.bad) == (True, bad)


def test_a_record_is_signed_as_it_is_verified(preset: Any) -> None:
    inside = preset("adyen").signature
    assert (
        sign_record(inside, KEYS["env:HEX"], {"NotificationRequestItem": item(4)})
        == item(4)["additionalData"]["hmacSignature"]
    )
    with pytest.raises(LookupError):
        sign_record(inside, "no hex", {"NotificationRequestItem": item(4)})
    assert headers_for(preset("adyen"), BODY, {}, NOW, Secrets(KEYS)) == {}
