"""HTTP: what is known after a call that went wrong, and that nothing is sent that was not meant."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

import pytest

from adapters.http import Authentication, HttpAdapter, HttpRequest, HttpSettings
from router import Prepared, Retryable, TransformError, Unknown
from router.config.components import INVALID


class Far:
    """A far side: what it was asked, and how it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = plain(200, b"{}")
        #: set when the test is over: an answer that never comes waits for it
        self.over = threading.Event()
        far = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                far.asked.append((self.command, self.path, headers, body))
                far.answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server: HTTPServer = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(timeout=10)


def plain(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a way to answer: this status and this body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def raw(data: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a way to answer: these bytes, then the connection is cut."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return answer


class Secrets:
    """Secrets from the end of their reference."""

    def get(self, reference: str) -> str:
        if reference == "env:GONE":
            raise LookupError(reference)
        return {"env:LINE": "a\nb"}.get(reference, "s3cret")


@pytest.fixture
def far() -> Iterator[Far]:
    """A far side on a free port."""
    made = Far()
    yield made
    made.close()


@pytest.fixture
def open_adapter() -> Iterator[Callable[..., HttpAdapter]]:
    """A maker of adapters, closed at the end."""
    made: list[HttpAdapter] = []

    def make(url: str, **fields: Any) -> HttpAdapter:
        base: dict[str, Any] = {
            "timeout": timedelta(seconds=10), "answer_limit": 1000, "auth": None,
            "long_numbers": "",
        }  # fmt: skip
        settings = HttpSettings(url=url, **{**base, **fields})
        made.append(HttpAdapter(settings, Secrets()))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def request_of(workshop: Any) -> Any:
    """A maker of requests."""

    def make(text: str) -> Any:
        made = workshop.decode(HttpRequest, text, "reference", "id")
        assert made is not INVALID, workshop.told
        return made

    return make


def get(target: str = "/x", **query: str) -> Prepared:
    return Prepared(head={"verb": "GET", "target": target, "query": query, "headers": {}}, body=b"")


# --- the request -------------------------------------------------------------------------------


def test_the_request_is_what_was_declared(far: Far, open_adapter: Any, request_of: Any) -> None:
    adapter = open_adapter(far.url + "/base/")
    request = request_of(
        """
        post: "/orders/{id}/lines"
        query: {reference: "{reference}", q: "a b&c=d"}
        headers: {X-Reference: "{reference}"}
        """
    )
    prepared = adapter.prepare(request, {"id": "ö/1?#%", "reference": "r 1"}, {"a": "ä"})
    answer = adapter.call(prepared, {"Idempotency-Key": "k1"})
    assert answer.status == 200
    ((verb, target, headers, body),) = far.asked
    assert verb == "POST"
    assert target == "/base/orders/%C3%B6%2F1%3F%23%25/lines?reference=r+1&q=a+b%26c%3Dd"
    assert headers["x-reference"] == "r 1"
    assert headers["idempotency-key"] == "k1"
    assert headers["content-type"] == "application/json"
    assert body == '{"a":"ä"}'.encode()


@pytest.mark.parametrize("verb", ["get", "delete"])
def test_a_question_has_no_body(far: Far, open_adapter: Any, request_of: Any, verb: str) -> None:
    adapter = open_adapter(far.url)
    adapter.call(adapter.prepare(request_of(f"{verb}: /x"), {}, {"a": 1}), {})
    ((asked, target, headers, body),) = far.asked
    assert (asked, target, body) == (verb.upper(), "/x", b"")
    assert "content-type" not in headers


@pytest.mark.parametrize("value", ["..", ".", "../admin", "a/../../b"])
def test_a_value_cannot_lead_to_another_path(
    far: Far, open_adapter: Any, request_of: Any, value: str
) -> None:
    adapter = open_adapter(far.url)
    try:
        prepared = adapter.prepare(request_of("get: '/orders/{id}'"), {"id": value}, None)
    except TransformError:
        return
    adapter.call(prepared, {})
    assert far.asked[0][1].startswith("/orders/")
    assert len(far.asked[0][1]) > len("/orders/")


def test_a_query_in_the_path_is_not_lost(far: Far, open_adapter: Any, request_of: Any) -> None:
    adapter = open_adapter(far.url)
    request = request_of("get: '/orders?expand=lines'")
    if request.complaint():
        return
    adapter.call(adapter.prepare(request, {}, None), {})
    assert far.asked[0][1] == "/orders?expand=lines"


@pytest.mark.parametrize(
    "value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b", "a\x7fb", "ä", "\u2028"]
)
def test_a_header_holds_no_control_character_and_no_foreign_letter(
    open_adapter: Any, request_of: Any, value: str
) -> None:
    # refused before the intent is recorded: later nobody could say whether it had arrived
    adapter = open_adapter("http://127.0.0.1:9")
    with pytest.raises(TransformError) as raised:
        adapter.prepare(request_of("{get: /x, headers: {x-id: '{id}'}}"), {"id": value}, None)
    assert "evil" not in str(raised.value)


@pytest.mark.parametrize("value", [None, True, [1], {"a": 1}, 1.5])
def test_a_place_takes_no_structure(open_adapter: Any, request_of: Any, value: Any) -> None:
    adapter = open_adapter("http://127.0.0.1:9")
    for text in ("get: '/{id}'", "{get: /, query: {a: '{id}'}}", "{get: /, headers: {a: '{id}'}}"):
        with pytest.raises(TransformError):
            adapter.prepare(request_of(text), {"id": value}, None)


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ({"scheme": "bearer"}, "authorization", "Bearer s3cret"),
        ({"scheme": "header", "header": "X-Key"}, "x-key", "s3cret"),
        (
            {"scheme": "basic", "user": "me"},
            "authorization",
            "Basic " + base64.b64encode(b"me:s3cret").decode(),
        ),
    ],
)
def test_credentials_are_added_to_the_call_and_kept_out_of_the_request(
    far: Far, open_adapter: Any, request_of: Any, auth: dict[str, str], name: str, value: str
) -> None:
    whole = {"header": "x-api-key", "user": "", "secret": "env:S", **auth}
    adapter = open_adapter(far.url, auth=Authentication(**whole))
    prepared = adapter.prepare(request_of("get: /x"), {}, None)
    adapter.call(prepared, {})
    assert far.asked[0][2][name] == value
    # the request is stored: it must not hold a secret
    assert "s3cret" not in str(prepared)


def test_a_secret_that_is_gone_is_a_lookup_error(open_adapter: Any) -> None:
    auth = Authentication(scheme="bearer", secret="env:GONE", header="x", user="")
    with pytest.raises(LookupError, match="env:GONE"):
        open_adapter("http://127.0.0.1:9", auth=auth).call(get(), {})


def test_a_secret_that_no_header_can_hold_means_nothing_was_sent(
    far: Far, open_adapter: Any
) -> None:
    auth = Authentication(scheme="bearer", secret="env:LINE", header="x", user="")
    with pytest.raises(Retryable) as raised:
        open_adapter(far.url, auth=auth).call(get(), {})
    assert far.asked == []
    assert "a\nb" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("{get: /x}", True),
        ("{put: /x}", True),
        ("{get: /x, post: /y}", False),
        ("{query: {a: b}}", False),
    ],
)
def test_a_request_has_one_verb(request_of: Any, text: str, *, sound: bool) -> None:
    assert (request_of(text).complaint() == "") is sound


# --- the answer --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 409, 429, 500, 503])
def test_every_status_is_an_answer(far: Far, open_adapter: Any, status: int) -> None:
    body = b"" if status == 204 else b'{"a": 1}'
    far.answer = plain(status, body, X_Id="7", Retry_After="5")
    answer = open_adapter(far.url).call(get(), {})
    assert answer.status == status
    assert answer.body == (None if status == 204 else {"a": 1})
    assert answer.raw == body
    assert (answer.headers["x-id"], answer.headers["retry-after"]) == ("7", "5")


def test_a_long_number_of_an_answer_comes_as_text_where_that_is_asked(
    far: Far, open_adapter: Any
) -> None:
    far.answer = plain(200, b'{"price": 3.3333333333333335, "total": 9.5}')
    assert open_adapter(far.url).call(get(), {}).body is None
    answer = open_adapter(far.url, long_numbers="text").call(get(), {})
    assert answer.body == {"price": "3.3333333333333335", "total": 9.5}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"a": 1',
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b"\xff\xfe",
        b'"\\ud800"',
    ],
)
def test_what_is_no_document_is_null(far: Far, open_adapter: Any, body: bytes) -> None:
    far.answer = plain(502, body, Content_Type="text/html")
    answer = open_adapter(far.url).call(get(), {})
    assert (answer.status, answer.body, answer.raw) == (502, None, body)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(
    far: Far, open_adapter: Any, status: int
) -> None:
    far.answer = plain(status, b"", Location=far.url + "/other")
    assert open_adapter(far.url).call(get(), {}).status == status
    assert [target for _, target, _, _ in far.asked] == ["/x"]


def test_a_cookie_is_not_kept(far: Far, open_adapter: Any) -> None:
    # a repeat sends the same request, whatever was answered in between
    far.answer = plain(200, b"{}", Set_Cookie="session=1; Path=/")
    adapter = open_adapter(far.url)
    adapter.call(get(), {})
    adapter.call(get(), {})
    assert ["cookie" in headers for _, _, headers, _ in far.asked] == [False, False]


# --- what is known when there is none ------------------------------------------------------------


def test_a_refused_connection_means_nothing_happened(open_adapter: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        adapter = open_adapter(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Retryable):
            adapter.call(get(), {})
        assert not adapter.check().ok


def test_an_answer_that_does_not_come_is_unknown(far: Far, open_adapter: Any) -> None:
    def silent(_: BaseHTTPRequestHandler) -> None:
        far.over.wait(30)

    far.answer = silent
    adapter = open_adapter(far.url, timeout=timedelta(milliseconds=100))
    with pytest.raises(Unknown):
        adapter.call(get(), {})
    assert len(far.asked) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\n12345",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
def test_half_an_answer_is_unknown(far: Far, open_adapter: Any, data: bytes) -> None:
    far.answer = raw(data)
    with pytest.raises(Unknown) as raised:
        open_adapter(far.url).call(get(), {})
    assert "12345" not in str(raised.value)
    assert len(far.asked) == 1


def test_an_answer_that_is_too_large_is_unknown(far: Far, open_adapter: Any) -> None:
    far.answer = plain(200, b'"' + b"x" * 998 + b'"')
    adapter = open_adapter(far.url)
    assert len(adapter.call(get(), {}).raw) == 1000
    far.answer = plain(200, b'"' + b"x" * 999 + b'"')
    with pytest.raises(Unknown, match="larger than 1000"):
        adapter.call(get(), {})


def endless(far: Far) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a way to answer that never comes to an end."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(OSError):
            while not far.over.is_set():
                handler.wfile.write(b"x" * 1000)

    return answer


def test_an_answer_without_end_is_cut_off(far: Far, open_adapter: Any) -> None:
    far.answer = endless(far)
    with pytest.raises(Unknown, match="larger than 1000"):
        open_adapter(far.url).call(get(), {})


def test_the_time_out_is_for_the_whole_call(far: Far, open_adapter: Any) -> None:
    # a lease outlasts the time-out: a call that a stream of bytes keeps alive would outlast both
    far.answer = endless(far)
    adapter = open_adapter(far.url, timeout=timedelta(milliseconds=100), answer_limit=10**8)
    with pytest.raises(Unknown, match="out of time"):
        adapter.call(get(), {})


def test_a_call_after_a_failed_one_is_a_new_one(far: Far, open_adapter: Any) -> None:
    adapter = open_adapter(far.url)
    far.answer = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n1")
    with pytest.raises(Unknown):
        adapter.call(get(), {})
    far.answer = plain(200, b'{"a": 2}')
    assert adapter.call(get(), {}).body == {"a": 2}


def test_a_connection_that_was_closed_while_idle_is_opened_again(
    far: Far, open_adapter: Any
) -> None:
    adapter = open_adapter(far.url)
    far.answer = plain(200, b"{}", Connection="close")
    assert adapter.call(get(), {}).status == 200
    assert adapter.call(get(), {}).status == 200
    assert len(far.asked) == 2


def test_the_check_asks_for_the_base_address(far: Far, open_adapter: Any) -> None:
    far.answer = plain(404, b"")
    health = open_adapter(far.url).check()
    assert (health.ok, health.text) == (True, "HTTP 404")
    far.answer = plain(503, b"")
    assert not open_adapter(far.url).check().ok


def test_the_time_out_bounds_a_request_that_is_taken_piece_by_piece(open_adapter: Any) -> None:
    # each piece comes in time: only a deadline for the whole call ends it
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def drink() -> None:
            taken, _ = listening.accept()
            with taken, contextlib.suppress(OSError):
                while not over.is_set() and taken.recv(200_000):
                    over.wait(0.05)

        drinking = threading.Thread(target=drink)
        drinking.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        adapter = open_adapter(url, timeout=timedelta(milliseconds=500))
        big = Prepared(
            head={"verb": "POST", "target": "/", "query": {}, "headers": {}}, body=b"x" * 60_000_000
        )
        begun = time.monotonic()
        try:
            with pytest.raises(Unknown, match="out of time"):
                adapter.call(big, {})
        finally:
            over.set()
            drinking.join()
        assert time.monotonic() - begun < 20 * 0.5  # a hang guard
