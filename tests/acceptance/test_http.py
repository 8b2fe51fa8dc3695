"""The door: nobody is let in, nothing hangs, what is taken is kept as it came."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import threading
import time
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from router.api import app as door
from tests.acceptance.calls import (
    deliveries,
    ending_of,
    hook,
    kept_bytes,
    level,
    post,
    raw,
    request_bytes,
)
from tests.crash.client import headers_of
from tests.crash.processes import SECRET, Landscape

LIMIT = 1024 * 1024
#: seconds for one answer, on a machine with other work: what blocks it does so for longer
AT_ONCE = 10.0


@pytest.fixture(autouse=True)
def _stays_up(running: Landscape) -> Any:
    """After whatever a test did, a good delivery is taken at once."""
    yield
    begun = time.monotonic()
    assert post(running, level()).status == 202
    assert time.monotonic() - begun < AT_ONCE


def test_a_good_delivery_is_taken_and_routed(running: Landscape) -> None:
    reply = post(running, level())
    assert reply.status == 202
    assert ending_of(running, reply.message) == ("routed", "")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("none", None),
        ("empty", ""),
        ("wrong", base64.b64encode(b"x" * 32).decode()),
        ("blank", "  "),
        ("not base64", "?" * 44),
        ("long", "A" * 5000),
    ],
)
def test_a_signature_that_is_none_is_refused(
    running: Landscape, name: str, given: str | None
) -> None:
    before = deliveries(running)
    reply = post(running, level(), x_shopify_hmac_sha256=given)
    assert reply.status == 401
    assert json.loads(reply.text) == {"error": "not verified"}
    assert deliveries(running) == before


def test_a_signature_in_another_encoding_is_refused(running: Landscape) -> None:
    body = level()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256)
    assert post(running, body, x_shopify_hmac_sha256=digest.hexdigest()).status == 401


def test_a_signature_with_another_secret_is_refused(running: Landscape) -> None:
    body = level()
    digest = hmac.new(b"another", body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    assert post(running, body, x_shopify_hmac_sha256=signature).status == 401


def test_a_signature_of_another_body_is_refused(running: Landscape) -> None:
    signature = headers_of(hook(level()))["x-shopify-hmac-sha256"]
    assert post(running, level(), x_shopify_hmac_sha256=signature).status == 401


def test_a_sha1_header_alone_is_refused(running: Landscape) -> None:
    body = level()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha1).digest()
    weak = base64.b64encode(digest).decode()
    reply = post(running, body, x_shopify_hmac_sha1=weak, x_shopify_hmac_sha256=None)
    assert reply.status == 401


def test_a_signature_of_a_megabyte_is_refused_before_it_is_looked_at(running: Landscape) -> None:
    delivery = hook(level())
    data = request_bytes(delivery, more=b"x-shopify-hmac-sha256: " + b"A" * LIMIT + b"\r\n")
    answer = raw(running, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("change", [str.upper, str.title, str.lower])
def test_names_of_headers_may_be_written_in_any_case(running: Landscape, change: Any) -> None:
    delivery = hook(level())
    lines = "".join(f"{change(k)}: {v}\r\n" for k, v in headers_of(delivery).items())
    head = f"POST /in/shopify HTTP/1.1\r\nhost: x\r\ncontent-length: {len(delivery.body)}\r\n"
    answer = raw(running, f"{head}{lines}connection: close\r\n\r\n".encode() + delivery.body)
    assert answer.startswith(b"HTTP/1.1 202")


def test_a_length_longer_than_the_body_stores_nothing(running: Landscape) -> None:
    before = deliveries(running)
    delivery = hook(level())
    answer = raw(running, request_bytes(delivery, length=len(delivery.body) + 50), half_close=True)
    assert b" 202 " not in answer
    assert deliveries(running) == before


def test_a_length_shorter_than_the_body_fits_no_signature(running: Landscape) -> None:
    before = deliveries(running)
    delivery = hook(level())
    answer = raw(running, request_bytes(delivery, length=len(delivery.body) - 10))
    assert answer.startswith(b"HTTP/1.1 4")
    assert b" 202 " not in answer
    assert deliveries(running) == before


@pytest.mark.parametrize("length", ["-1", "1e3", "12, 13", "abc", "99999999999999999999999"])
def test_a_length_that_is_none_is_refused(running: Landscape, length: str) -> None:
    delivery = hook(level())
    data = request_bytes(delivery).replace(
        f"content-length: {len(delivery.body)}".encode(), f"content-length: {length}".encode()
    )
    answer = raw(running, data, half_close=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


def test_a_slow_body_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function is asked directly, with a short limit."""
    monkeypatch.setattr(door, "BODY_SECONDS", 0.05)
    assert _refused_by_body(_Slow()) == 408


def test_a_body_that_is_cut_off_is_refused() -> None:
    assert _refused_by_body(_CutOff()) == 400


class _Slow:
    """A sender that says one byte and then nothing more."""

    def __init__(self) -> None:
        self.said = False

    async def __call__(self) -> dict[str, Any]:
        if self.said:
            await asyncio.Event().wait()
        self.said = True
        return {"type": "http.request", "body": b"{", "more_body": True}


class _CutOff:
    """A sender that goes away in the middle."""

    async def __call__(self) -> dict[str, Any]:
        return {"type": "http.disconnect"}


def _refused_by_body(receive: Any) -> int:
    scope = {"type": "http", "method": "POST", "headers": [], "path": "/", "query_string": b""}
    answer = asyncio.run(door._body(Request(scope, receive), LIMIT))
    assert isinstance(answer, Response)
    return answer.status_code


def test_slow_senders_do_not_keep_others_out(running: Landscape) -> None:
    """Fifty open requests that say nothing more; the fifty-first is served (see `_stays_up`)."""
    delivery = hook(level())
    data = request_bytes(delivery)[: -len(delivery.body)]
    threads = [threading.Thread(target=raw, args=(running, data), daemon=True) for _ in range(50)]
    for thread in threads:
        thread.start()
    assert post(running, level()).status == 202
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "gzip, gzip", "br", "deflate", "zstd"])
def test_a_compressed_body_is_refused(running: Landscape, encoding: str) -> None:
    assert post(running, gzip.compress(level()), content_encoding=encoding).status == 415


def test_ten_thousand_headers_are_refused(running: Landscape) -> None:
    more = b"".join(b"x-%d: y\r\n" % number for number in range(10_000))
    answer = raw(running, request_bytes(hook(level()), more=more))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


def test_more_headers_than_anybody_needs_are_refused(running: Landscape) -> None:
    more = b"".join(b"x-%d: y\r\n" % number for number in range(80))
    answer = raw(running, request_bytes(hook(level()), more=more + b"connection: close\r\n"))
    assert answer.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("line", [b"x-a: b\rc\r\n", b"x-a: b\x00c\r\n", b": x\r\n", b"x a: b\r\n"])
def test_a_broken_header_line_is_refused(running: Landscape, line: bytes) -> None:
    answer = raw(running, request_bytes(hook(level()), more=line))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


def test_a_line_break_in_a_header_makes_no_second_answer(running: Landscape) -> None:
    more = b"x-a: b\r\nx-shopify-topic: app/uninstalled\r\nconnection: close\r\n"
    answer = raw(running, request_bytes(hook(level()), more=more))
    assert answer.count(b"HTTP/1.1") == 1


def test_length_and_chunks_together_are_no_two_requests(running: Landscape) -> None:
    """Request smuggling: at most one of the two bodies is a request."""
    before = deliveries(running)
    answer = raw(running, request_bytes(hook(level()), more=b"transfer-encoding: chunked\r\n"))
    assert b" 202 " not in answer
    assert deliveries(running) == before


@pytest.mark.parametrize(
    "path", ["/", "/in", "/in/nobody", "/in/shopify/../../x", "/in/%2e%2e/x", "/in/shopify%00"]
)
def test_an_unknown_path_is_not_there(running: Landscape, path: str) -> None:
    assert post(running, level(), path=path).status == 404


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
def test_another_verb_is_not_allowed(running: Landscape, verb: str) -> None:
    assert post(running, level(), verb=verb).status == 405


def test_a_header_does_not_change_the_verb(running: Landscape) -> None:
    assert post(running, level(), verb="GET", x_http_method_override="POST").status == 405
    assert post(running, level(), x_http_method_override="DELETE").status == 202


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/octet-stream", ""])
def test_the_declared_format_decides_not_the_content_type(running: Landscape, kind: str) -> None:
    reply = post(running, level(), content_type=kind)
    assert reply.status == 202
    assert ending_of(running, reply.message) == ("routed", "")


def test_a_body_over_the_limit_is_refused(running: Landscape) -> None:
    assert post(running, b" " * (LIMIT + 1)).status == 413


def test_a_body_over_the_limit_in_chunks_is_refused(running: Landscape) -> None:
    """Nothing says beforehand how long it is."""
    size = b"%x\r\n" % (LIMIT + 1)
    head = request_bytes(hook(b""), more=b"transfer-encoding: chunked\r\n")
    head = head.replace(b"content-length: 0\r\n", b"")
    answer = raw(running, head + size + b" " * (LIMIT + 1) + b"\r\n0\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413")


def test_a_body_of_exactly_the_limit_is_taken(running: Landscape) -> None:
    body = level()
    reply = post(running, body + b" " * (LIMIT - len(body)))
    assert reply.status == 202
    assert ending_of(running, reply.message) == ("routed", "")


def test_a_body_that_is_no_json_is_kept_as_it_came(running: Landscape) -> None:
    body = b'{"id": 1, "note": "\xff\xfe half'
    reply = post(running, body)
    assert reply.status == 202
    assert ending_of(running, reply.message) == ("dead_lettered", "undecodable")
    assert kept_bytes(running, reply.message) == body
