"""Bad inputs F: what a far side may answer, through the whole path from the webhook to its books.

A refund is taken in, and the ledger behaves badly once, with or without having taken the document;
then it is well again. In the end its books hold the posting once, and the journal said why.

Held elsewhere, and not repeated here:
- what the adapter makes of each answer: tests/unit/adapters/test_http.py, test_file.py
- Retry-After in all its forms: tests/unit/engine/test_outcome.py
- a far side that stands still, kills between call and result: tests/crash/test_stall.py
- slow drip against a daemon: tests/crash/test_poison.py

Of a later part: success after compensation began, compensation fails (workflow); CSV feeds with
`=HYPERLINK`, ragged rows, embedded line breaks, another delimiter, cp1252 (their codec); a list of
addresses (a system's address is the operator's word; what a far side says is never followed).
"""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.http import HttpAdapter, HttpSettings
from tests.bad.bodies import order, posting, refund
from tests.bad.far import Ledger, Played, Way, certify, drips, falls_silent, says, sends
from tests.bad.land import PRIVATE, Land, Secrets

pytestmark = pytest.mark.timeout(60)

PAGE = b"<html><body>Down for maintenance, mrs-private</body></html>"
HEAD = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n"
GOOD = {"document": {"number": "1", "year": 2026}}
#: seconds after which the policy has tried everything
DAY = 24 * 3600


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A ledger that is well until it is told otherwise."""
    made = Ledger()
    yield made
    made.close()


@pytest.fixture
def open_land() -> Iterator[Callable[..., Land]]:
    """A maker of landscapes whose ledger is reached over HTTP."""
    made: list[Land] = []

    def make(ledger: Ledger, url: str = "") -> Land:
        settings = HttpSettings(
            url=url or ledger.url,
            timeout=timedelta(seconds=0.5),
            answer_limit=100_000,
            auth=None,
            long_numbers="",
        )
        land = Land(ledger=HttpAdapter(settings, Secrets()))
        land.books.journals = ledger.journals
        made.append(land)
        return land

    yield make
    for one in made:
        one.parts.close()
        one.store.close()


def said(land: Land) -> list[tuple[str, str, str]]:
    """Return what the journal says of the ledger: word, reason, detail."""
    rows = land.query("SELECT word, detail FROM journal WHERE consumer = 'ledger.post_journal'")
    return [
        (word, one.get("reason", one.get("code", "")), one.get("detail", ""))
        for word, one in ((word, json.loads(detail)) for word, detail in rows)
    ]


def settle(land: Land) -> None:
    """Let time pass until everything has come to its end."""
    for _ in range(60):
        land.later(600)
        if not land.query("SELECT 1 FROM due"):
            return
    raise AssertionError("it never ends")


#: the answer says nothing about the effect -> what the journal says
UNCLEAR: dict[str, tuple[Way, str]] = {
    "HTML error page with 200": (says(200, body=PAGE), "status 200"),
    "HTML error page with 201": (says(201, body=PAGE), "the answer cannot be read"),
    "HTML error page with 404": (says(404, body=PAGE), "status 404"),
    "HTML error page with 502": (says(502, body=PAGE), "status 502"),
    "a gateway's time-out 504": (says(504, body=PAGE), "status 504"),
    "error 500 after the commit": (says(500, {"message": "oops"}), "status 500"),
    "200 where 201 was agreed": (says(200, GOOD), "status 200"),
    "202 taken for later, which nobody agreed": (says(202, {}), "status 202"),
    "no content": (says(204, body=b""), "status 204"),
    "401 our password was changed": (says(401, {}), "status 401"),
    "502 half body": (
        sends(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 500\r\n\r\n<html>"),
        "no whole answer: RemoteProtocolError",
    ),
    "100 Continue again and again": (
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "no whole answer: out of time",
    ),
    "201 half body": (sends(HEAD + b'content-length: 500\r\n\r\n{"document"'), "no whole answer"),
    "201 half a chunk": (
        sends(HEAD + b"transfer-encoding: chunked\r\n\r\n50\r\n{"),
        "no whole answer",
    ),
    "201 with JSON that is cut but counted right": (says(201, body=b'{"document": {"nu'), "read"),
    "201 with a number that stands twice": (
        says(201, body=b'{"document": {"number": "1", "number": "2", "year": 2026}}'),
        "the answer cannot be read",
    ),
    "201 nested 100,000 deep": (says(201, body=b"[" * 40_000 + b"]" * 40_000), "cannot be read"),
    "201 with NUL in the number": (
        says(201, body=b'{"document": {"number": "1\\u0000", "year": 2026}}'),
        "the answer cannot be read",
    ),
    "201 without a number": (says(201, {"document": None}), "the answer cannot be read"),
    "201 with a list for a number": (says(201, {"document": {"number": [1], "year": 1}}), "read"),
    "201 of a megabyte": (says(201, {"x": "y" * 1_000_000}), "larger than 100000 bytes"),
    "201 as a gzip bomb": (
        says(201, body=gzip.compress(b" " * 50_000_000), content_encoding="gzip"),
        "larger than 100000 bytes",
    ),
    "201 that says gzip and is none": (
        says(201, body=b"{}", content_encoding="gzip"),
        "no whole answer: DecodingError",
    ),
    "a head without end": (drips(b"HTTP/1.1 201 Created\r\n", b"x: y\r\n" * 500), "no whole"),
    "slow drip": (drips(HEAD + b"content-length: 100000\r\n\r\n", b" "), "out of time"),
    "no answer at all": (falls_silent, "no whole answer: out of time"),
    "the connection is cut": (sends(b""), "no whole answer"),
    "the connection is reset": (sends(b"", reset=True), "no whole answer"),
    "another protocol": (sends(b"220 mail.example.org ESMTP\r\n"), "no whole answer"),
    "two lengths": (
        sends(HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} "),
        "no whole answer",
    ),
}


@pytest.mark.parametrize("takes", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("name", UNCLEAR)
def test_unclear(ledger: Ledger, open_land: Callable[..., Land], name: str, *, takes: bool) -> None:
    """It is unknown, so the ledger is asked before anything is sent again: posted once."""
    way, text = UNCLEAR[name]
    ledger.script = [Played(way, takes=takes)]
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    land.work()
    ((word, reason, detail),) = said(land)
    assert (word, reason) == ("retry", "unknown")
    assert text in detail
    settle(land)
    assert land.books.postings == {posting(1): "11.90 EUR"}
    assert said(land)[-1][0] == "done"
    land.assert_nothing_lost()


#: what a redirect points to; it has to be asked never
TARGETS = {
    "redirect to metadata host": "http://{trap}/latest/meta-data/iam/security-credentials/",
    "redirect without a scheme": "//{trap}/latest/meta-data/",
    "redirect within the host": "/journals/1",
    "redirect to a file": "file:///etc/passwd",
    "redirect without an address": "",
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", TARGETS)
def test_redirect(ledger: Ledger, open_land: Callable[..., Land], name: str, status: int) -> None:
    """It is never followed; the journal says so; the look-up finds out what became of it."""
    trap = Ledger()
    host = trap.url.removeprefix("http://")
    ledger.script = [Played(says(status, {}, location=TARGETS[name].format(trap=host)))]
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    land.work()
    trap.close()
    asked = ledger.requests
    ((word, reason, detail),) = said(land)
    assert (word, reason) == ("retry", "unknown")
    assert detail == f"status {status}, a redirect: not followed"
    assert (trap.requests, asked) == (0, 1)
    settle(land)
    assert land.books.postings == {posting(1): "11.90 EUR"}


NOWHERE = ["order:17", "urn:order:17", "mailto:x@example.com", "http:foo"]


@pytest.mark.parametrize("takes", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("target", NOWHERE)
def test_redirect_to_nowhere(
    ledger: Ledger, open_land: Callable[..., Land], target: str, *, takes: bool
) -> None:
    """The client cannot read where it points to; but it has answered, so the effect may exist."""
    ledger.script = [Played(says(303, {}, location=target), takes=takes)]
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    land.work()
    assert said(land)[0][:2] == ("retry", "unknown")
    settle(land)
    assert land.books.postings == {posting(1): "11.90 EUR"}


REFUSED: dict[str, tuple[Way, str]] = {
    "200 with error body": (says(200, {"error": {"code": "PERIOD_CLOSED"}}), "PERIOD_CLOSED"),
    "201 with error body": (says(201, {"error": {"code": "PERIOD_CLOSED"}}), "PERIOD_CLOSED"),
    "422 with error body": (says(422, {"error": {"code": "UNBALANCED"}}), "UNBALANCED"),
    "200 with document and error": (says(200, {**GOOD, "error": {"code": "X"}}), "X"),
    "200 with an error without code": (says(200, {"error": {"text": "no"}}), "refused"),
    "200 with an error that is a text": (says(200, {"error": "no"}), "refused"),
    "a code that steers a terminal": (says(200, {"error": {"code": "\x1b[2J\n"}}), "\x1b[2J\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(ledger: Ledger, open_land: Callable[..., Land], name: str) -> None:
    """One dead letter with the far side's code; it is not sent again; the next refund goes on."""
    way, code = REFUSED[name]
    ledger.script = [Played(way)]
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    land.give("refunds/create", refund(2))
    land.work()
    land.later(DAY)
    rows = land.query("SELECT reason, detail FROM dead")
    assert [reason for reason, _ in rows] == [code]
    assert "ledger.post_journal status" in rows[0][1]
    assert list(land.books.postings) == [posting(2)]
    assert ledger.requests == 2


#: nothing has happened at the far side for certain -> what the journal says
NOTHING: dict[str, tuple[Way, str]] = {
    "503": (says(503, body=PAGE), "status 503"),
    "503 that wants us back at once": (says(503, {}, retry_after="0"), "status 503"),
    "429": (says(429, {}), "status 429"),
    "429 with a wish of a century": (says(429, {}, retry_after="3153600000"), "status 429"),
    "429 with a wish that is none": (says(429, {}, retry_after="-1; soon"), "status 429"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_happened(ledger: Ledger, open_land: Callable[..., Land], name: str) -> None:
    """It comes again by the policy with the same bytes; nobody has to be asked."""
    way, text = NOTHING[name]
    ledger.script = [Played(way)]
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    land.work()
    assert said(land) == [("retry", "retry", text)]
    land.later(1)
    assert ledger.requests == 1, "a wish for less time than the policy has does not hurry us"
    land.later(DAY)
    settle(land)
    assert land.books.postings == {posting(1): "11.90 EUR"}
    assert ledger.requests == 2


# --- the connection ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates of one authority, by what is wrong with them."""
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    return {
        "good": certify(ours, "good", 30),
        "expired": certify(ours, "expired", -1),
        "for another host": certify(ours, "other", 30, "ledger.example.org"),
        "of an unknown authority": certify(theirs, "good", 30),
    }


TLS = {
    "expired": "certificate has expired",
    "for another host": "IP address mismatch",
    "of an unknown authority": "unable to get local issuer certificate",
}


@pytest.mark.parametrize("name", TLS)
def test_tls(
    certificates: dict[str, Path],
    open_land: Callable[..., Land],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """Nothing is sent; the reason names the certificate; renewed, it goes on."""
    monkeypatch.setattr("certifi.where", lambda: str(certificates["good"].parent / "authority.pem"))
    bad, good = Ledger(certificates[name]), Ledger(certificates["good"])
    land = open_land(bad)
    land.give("refunds/create", refund(1))
    land.work()
    bad.close()
    ((word, reason, detail),) = said(land)
    assert (word, reason) == ("retry", "retry")
    assert detail.startswith("no connection: the certificate is not accepted: ")
    assert TLS[name] in detail
    assert (bad.requests, bad.journals) == (0, [])
    land.ledger._settings = HttpSettings(
        url=good.url,
        timeout=timedelta(seconds=5),
        answer_limit=100_000,
        auth=None,
        long_numbers="",
    )
    land.books.journals = good.journals
    settle(land)
    good.close()
    assert land.books.postings == {posting(1): "11.90 EUR"}


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


NOWHERE: dict[str, tuple[Callable[[Ledger], str], str]] = {
    "nobody listens": (lambda _: f"http://127.0.0.1:{closed_port()}", "Connection refused"),
    "a name that nobody has": (lambda _: "http://ledger.invalid", "no connection: "),
    "TLS to a port without it": (lambda far: far.url.replace("http", "https"), "no connection: "),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_no_connection(ledger: Ledger, open_land: Callable[..., Land], name: str) -> None:
    """It comes again until the policy has tried everything, then a person has it, with why."""
    url, text = NOWHERE[name]
    land = open_land(ledger, url(ledger))
    land.give("refunds/create", refund(1))
    settle(land)
    words = [(word, reason) for word, reason, _ in said(land)]
    assert words == [("retry", "retry")] * 5 + [("dead_lettered", "retries_exhausted")]
    ((reason, detail),) = land.query("SELECT reason, detail FROM dead")
    assert reason == "retries_exhausted"
    assert text in detail
    assert ledger.journals == []
    land.assert_nothing_lost()


# --- the look-up ---------------------------------------------------------------------------------

#: answers to the look-up that do not say that the posting is missing -> what the journal says
NO_WORD: dict[str, tuple[Way, str]] = {
    "HTML error page with 200": (says(200, body=PAGE), "look-up: status 200, no document"),
    "HTML error page with 404": (says(404, body=PAGE), "look-up: status 404, no document"),
    "redirect to metadata host": (
        says(302, {}, location="http://169.254.169.254/"),
        "look-up: status 302, a redirect: not followed",
    ),
    "redirect to a page for the log-in": (says(303, body=PAGE), "look-up: status 303"),
    "401 our password was changed": (says(401, {}), "look-up: status 401"),
    "403": (says(403, {"journals": []}), "look-up: status 403"),
    "408": (says(408, {}), "look-up: status 408"),
    "429": (says(429, {}), "look-up: status 429"),
    "500": (says(500, {"journals": []}), "look-up: status 500"),
    "200 with error body": (says(200, {"error": {"code": "BUSY"}}), "look-up: "),
    "200 with null": (says(200, None), "look-up: "),
    "200 with nothing": (says(200, body=b""), "look-up: "),
    "half a list": (sends(b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"journals": ['), "whole"),
    "slow drip": (drips(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", b" "), "out of time"),
    "no answer at all": (falls_silent, "look-up: no whole answer"),
}


@pytest.mark.parametrize("name", NO_WORD)
def test_a_look_up_without_a_word_is_no_no(
    ledger: Ledger, open_land: Callable[..., Land], name: str
) -> None:
    """The document was taken and the answer got lost: a look-up that fails sends nothing again."""
    way, text = NO_WORD[name]
    ledger.script = [Played(sends(b""), takes=True)]
    ledger.lookups = [way, way]
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    land.work()
    settle(land)
    assert land.books.postings == {posting(1): "11.90 EUR"}
    words = said(land)
    assert [word for word, _, _ in words] == ["retry", "retry", "retry", "done"]
    assert all(text in detail for _, _, detail in words[1:3]), words
    land.assert_nothing_lost()


def test_a_look_up_that_never_answers_ends_with_a_person(
    ledger: Ledger, open_land: Callable[..., Land]
) -> None:
    """It is kept with the evidence, and was sent once."""
    ledger.script = [Played(sends(b""), takes=True)]
    ledger.lookups = [says(401, {})] * 20
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    settle(land)
    ((reason, detail),) = land.query("SELECT reason, detail FROM dead")
    assert (reason, detail) == ("retries_exhausted", "unknown: look-up: status 401")
    assert len(ledger.journals) == 1


def test_two_postings_under_our_reference_are_one_answer(
    ledger: Ledger, open_land: Callable[..., Land]
) -> None:
    """A person posted it by hand as well: it is settled, nothing is sent."""
    ledger.script = [Played(sends(b""), takes=True)]
    land = open_land(ledger)
    land.give("refunds/create", refund(1))
    land.work()
    ledger.journals.append({**ledger.journals[0], "text": "by hand"})
    settle(land)
    assert said(land)[-1][0] == "done"
    assert len(ledger.journals) == 2


# --- reads and files -----------------------------------------------------------------------------

BAD_ORDERS: dict[str, Any] = {
    "HTML error page": None,
    "200 with error body": {"errors": "Not Found"},
    "the order of somebody else without its lines": {"order": {"id": 2}},
    "a list": {"order": []},
}


@pytest.mark.parametrize("name", BAD_ORDERS)
def test_an_answer_that_is_no_order_is_asked_for_again(land: Land, name: str) -> None:
    """Nothing is made of it; when the shop is well the return goes on."""
    from router import Answer  # noqa: PLC0415

    good = land.shop.answer
    land.shop.answer = lambda _: Answer(status=200, body=BAD_ORDERS[name])
    land.books.orders["17"] = order(17)
    returned = {
        "id": 5,
        "name": "#17-R1",
        "status": "requested",
        "order": {"id": 17},
        "return_line_items": [
            {
                "id": 6,
                "quantity": 1,
                "return_reason": "unwanted",
                "customer_note": PRIVATE,
                "fulfillment_line_item": {"line_item": {"id": 18}},
            }
        ],
    }
    message = land.give("returns/request", returned)
    land.work()
    assert land.objects(message, "return_order") == []
    assert land.query("SELECT reason FROM due") == [("enrich",)]
    land.shop.answer = good
    land.later(DAY / 2)
    (found,) = land.objects(message, "return_order")
    assert found["lines"][0]["item"]["sku"] == "BOOT-41"
    land.assert_nothing_lost()
