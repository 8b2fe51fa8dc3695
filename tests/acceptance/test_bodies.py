"""Signed bodies that are wrong in every way: one dead letter each, with the bytes, and no harm."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.calls import ending_of, hook, kept_bytes, level, post, raw, request_bytes
from tests.crash.processes import Landscape, wait_until

UNDECODABLE = {
    "empty": b"",
    "blank": b"  \n",
    "garbage": b"\x00\x01\x02\xff",
    "trailing": b'{"id": 1} {"id": 2}',
    "two documents": b'{"id": 1}\n{"id": 2}\n',
    "NaN": b'{"id": NaN}',
    "Infinity": b'{"id": -Infinity}',
    "a number that is too large": b'{"id": 1e400}',
    "NUL in a text": b'{"sku": "a\\u0000b"}',
    "a lone surrogate": b'{"sku": "\\ud800"}',
    "no UTF-8": b'{"sku": "\xff"}',
    "UTF-16": '{"id": 1}'.encode("utf-16"),
    "the same key twice": b'{"amount": 1, "amount": 2}',
    "deep": b"[" * 5000 + b"]" * 5000,
    "deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "a very long number": b'{"id": ' + b"9" * 5000 + b"}",
    "more than 64 bits": b'{"inventory_item_id": 18446744073709551616}',
    "half": b'{"id": 1, "no',
    "single quotes": b"{'id': 1}",
}


@pytest.mark.parametrize("name", sorted(UNDECODABLE))
def test_what_cannot_be_decoded_is_one_dead_letter_with_its_bytes(
    running: Landscape, name: str
) -> None:
    body = UNDECODABLE[name]
    reply = post(running, body)
    assert reply.status == 202
    word, reason = ending_of(running, reply.message)
    assert word == "dead_lettered"
    assert reason in {"undecodable", "limit_exceeded"}
    assert kept_bytes(running, reply.message) == body


WRONG_SHAPES = {
    "a list": b"[]",
    "two records in a list": b"[{}, {}]",
    "a text": b'"x"',
    "null": b"null",
    "an empty object": b"{}",
    "another type": b'{"__type__": "evil", "__value__": "1e999999"}',
    "a prototype": b'{"__proto__": {"available": 1}, "items": 1, "keys": 2}',
}


@pytest.mark.parametrize("name", sorted(WRONG_SHAPES))
def test_what_has_no_identity_is_one_dead_letter_with_its_bytes(
    running: Landscape, name: str
) -> None:
    body = WRONG_SHAPES[name]
    reply = post(running, body)
    assert reply.status == 202
    word, reason = ending_of(running, reply.message)
    assert word == "dead_lettered"
    assert reason in {"no_identity", "contract_violation", "transform_failed", "expression_failed"}
    assert kept_bytes(running, reply.message) == body


def test_a_byte_order_mark_is_not_held_against_a_body(running: Landscape) -> None:
    reply = post(running, b"\xef\xbb\xbf" + level())
    assert ending_of(running, reply.message) == ("routed", "")


def test_unknown_fields_are_no_mistake(running: Landscape) -> None:
    reply = post(running, level(something_new={"a": [1, 2]}))
    assert ending_of(running, reply.message) == ("routed", "")


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1])
def test_large_numbers_keep_every_digit(running: Landscape, number: int) -> None:
    reply = post(running, level(inventory_item_id=number))
    assert ending_of(running, reply.message) == ("routed", "")
    words = running.query("SELECT word FROM reference_words WHERE word = ?", str(number))
    assert words == [(str(number),)]


def test_a_number_beyond_the_contract_is_a_dead_letter(running: Landscape) -> None:
    reply = post(running, level(inventory_item_id=2**63))
    assert ending_of(running, reply.message) == ("dead_lettered", "contract_violation")


@pytest.mark.parametrize("version", [2**63 - 1, -1, 0, "2026-02-30T10:00:00Z", "yesterday", None])
def test_a_version_that_orders_nothing_is_a_dead_letter(
    running: Landscape, version: object
) -> None:
    reply = post(running, level(updated_at=version))
    assert ending_of(running, reply.message)[0] == "dead_lettered"


@pytest.mark.parametrize("event", [None, "", " "])
def test_a_delivery_without_its_id_is_a_dead_letter(running: Landscape, event: str | None) -> None:
    reply = post(running, level(), x_shopify_event_id=event)
    assert ending_of(running, reply.message) == ("dead_lettered", "no_identity")


@pytest.mark.parametrize("kind", [None, "", "no/such", "refunds", "REFUNDS/CREATE", "?"])
def test_an_unknown_kind_is_a_dead_letter(running: Landscape, kind: str | None) -> None:
    body = level()
    reply = post(running, body, x_shopify_topic=kind)
    assert reply.status == 202
    assert ending_of(running, reply.message) == ("dead_lettered", "unknown_kind")
    assert kept_bytes(running, reply.message) == body


def test_a_kind_of_a_megabyte_is_refused(running: Landscape) -> None:
    data = request_bytes(hook(level()), more=b"x-shopify-topic: " + b"k" * 1024 * 1024 + b"\r\n")
    answer = raw(running, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


def test_kinds_that_nobody_declared_share_one_counter(running: Landscape) -> None:
    """A stranger cannot fill the counters by inventing kinds."""
    sql = (
        "SELECT coalesce(sum(n), 0), count(*) FROM counters"
        " WHERE consumer = 'shopify:?' AND reason = 'unknown_kind'"
    )
    wait_until(lambda: running.backlog() == 0, "earlier tests are through")
    before = running.query(sql)[0][0]
    for number in range(30):
        assert post(running, level(), x_shopify_topic=f"invented/{number}").status == 202
    long = post(running, level(), x_shopify_topic="k" * 10_000)
    assert ending_of(running, long.message) == ("dead_lettered", "unknown_kind")
    wait_until(lambda: running.query(sql)[0][0] == before + 31, "all are counted")
    assert running.query(sql)[0][1] == 1


def test_an_exact_resend_is_a_duplicate(running: Landscape) -> None:
    body = level()
    first = post(running, body, x_shopify_event_id="the same")
    again = post(running, body, x_shopify_event_id="the same")
    assert ending_of(running, first.message) == ("routed", "")
    assert ending_of(running, again.message) == ("duplicate", "")


def test_the_same_state_with_other_content_is_a_conflict_with_its_bytes(
    running: Landscape,
) -> None:
    body = json.loads(level())
    other = {**body, "available": 99}
    first = post(running, json.dumps(body).encode())
    second = post(running, json.dumps(other).encode())
    assert ending_of(running, first.message) == ("routed", "")
    assert ending_of(running, second.message) == ("conflict", "conflict")
    assert kept_bytes(running, second.message) == json.dumps(other).encode()


def test_an_older_state_is_stale(running: Landscape) -> None:
    body = json.loads(level())
    older = {**body, "available": 1, "updated_at": "2026-03-01T10:15:30Z"}
    first = post(running, json.dumps(body).encode())
    second = post(running, json.dumps(older).encode())
    assert ending_of(running, first.message) == ("routed", "")
    assert ending_of(running, second.message) == ("discarded", "")
