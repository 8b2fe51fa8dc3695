"""One transaction is found by every number that people know it by."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.calls import level, post
from tests.crash.processes import Landscape, wait_until

CLEAR = "\x1b[2J"
REVERSED = "\u202e"
CSI = "\u009b31m"


@dataclass(frozen=True, slots=True)
class Played:
    """What was sent, and what is known of it afterwards."""

    place: Landscape
    refund: str
    returned: str
    journal: dict[str, Any]
    number: str

    def trace(self, word: str, *more: str) -> Any:
        return self.place.command("trace", word, "--env", "crash", *more)

    def journeys(self, word: str) -> list[str]:
        done = self.trace(word, "--format", "json")
        assert done.returncode == 0, done
        document = json.loads(done.stdout)
        assert list(document)[:3] == ["version", "command", "ok"]
        return [one["correlationid"] for one in document["journeys"]]


def both(amount: str) -> dict[str, Any]:
    one = {"amount": amount, "currency_code": "EUR"}
    return {"shop_money": one, "presentment_money": one}


REFUND = {
    "id": 515001,
    "order_id": 700123,
    "created_at": "2026-03-02T10:15:30+01:00",
    "note": f"{CLEAR}wiped{REVERSED}",
    "refund_line_items": [
        {
            "id": 1,
            "line_item_id": 2,
            "quantity": 1,
            "restock_type": "return",
            "subtotal_set": both("10.00"),
            "total_tax_set": both("1.90"),
        }
    ],
    "transactions": [
        {
            "id": 909001,
            "kind": "refund",
            "gateway": "shopify_payments",
            "status": "success",
            "amount": "11.90",
            "currency": "EUR",
        }
    ],
}
RETURN = {
    "id": 8123,
    "name": "#17-R1",
    "status": "requested",
    "order": {"id": 400017},
    "return_line_items": [
        {
            "id": 1,
            "quantity": 1,
            "return_reason": "unwanted",
            "customer_note": f"{CLEAR}note",
            "fulfillment_line_item": {"line_item": {"id": 410017}},
        }
    ],
}

#: a number that wipes the screen, turns the text around, colours it
NASTY = {**RETURN, "id": 8124, "name": f"#18{CLEAR}{CSI}{REVERSED}", "order": {"id": 400018}}


@pytest.fixture(scope="module")
def played(running: Landscape) -> Played:
    """A refund and a return that went all the way."""
    refund = post(running, json.dumps(REFUND).encode(), kind="refunds/create").message
    returned = post(running, json.dumps(RETURN).encode(), kind="returns/request").message
    post(running, json.dumps(NASTY).encode(), kind="returns/request")
    running.wait_idle(30)
    (journal,) = running.journals()
    (number,) = running.query(
        "SELECT their_reference FROM intents WHERE operation = 'ledger.post_journal'"
    )[0]
    return Played(running, refund, returned, journal, number)


def test_a_refund_is_found_by_its_correlation(played: Played) -> None:
    (correlation,) = played.journeys("700123")
    assert played.journeys(correlation) == [correlation]


@pytest.mark.parametrize("word", ["700123", "515001", "909001"])
def test_a_refund_is_found_by_order_refund_and_transaction(played: Played, word: str) -> None:
    assert len(played.journeys(word)) == 1
    assert played.journeys(word) == played.journeys(played.refund)


def test_a_refund_is_found_by_what_the_ledger_calls_it(played: Played) -> None:
    wanted = played.journeys("700123")
    assert played.journeys(played.journal["reference"]) == wanted
    assert played.journeys(played.number) == wanted


def test_a_return_is_found_by_its_number_and_its_order(played: Played) -> None:
    wanted = played.journeys(played.returned)
    assert len(wanted) == 1
    assert played.journeys("#17-R1") == wanted
    assert played.journeys("400017") == wanted


def test_a_trace_goes_from_the_door_to_the_posting(played: Played) -> None:
    done = played.trace("700123")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    at = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in ("shopify:refunds/create", "refund_to_ledger", "ledger.post_journal  done")
    ]
    assert at == sorted(at)
    assert f"our reference {played.journal['reference']}" in done.stdout
    assert f"theirs {played.number}" in done.stdout
    assert "wiped" not in done.stdout, "a payload is never shown"


def test_an_unknown_word_is_a_finding(played: Played) -> None:
    done = played.trace("no-such-number")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing is known by no-such-number" in done.stderr
    document = json.loads(played.trace("no-such-number", "--format", "json").stdout)
    assert (document["ok"], document["journeys"]) == (False, [])


@pytest.mark.parametrize("word", ["", "%", "' OR 1=1 --", "*", "x" * 5000, "#", CLEAR])
def test_a_strange_word_finds_nothing(played: Played, word: str) -> None:
    done = played.trace(word)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr


def commands_that_print(style: str) -> list[list[str]]:
    return [["trace", "400018", "--format", style], ["status", "--format", style]]


@pytest.mark.parametrize("words", commands_that_print("text"))
def test_what_a_payload_holds_does_not_steer_the_terminal(played: Played, words: list[str]) -> None:
    """The number of a return is part of a key that is shown; a dead letter quotes what it found."""
    _a_dead_letter(played.place)
    done = played.place.command(*words, "--env", "crash")
    assert done.returncode == 0
    assert steering(done.stdout) == []


@pytest.mark.parametrize("words", commands_that_print("json")[:1])
def test_json_does_not_steer_the_terminal_either(played: Played, words: list[str]) -> None:
    done = played.place.command(*words, "--env", "crash")
    assert steering(done.stdout) == []
    assert json.loads(done.stdout)["ok"] is True


def test_a_dead_letter_is_shown_whole_and_steers_no_terminal(played: Played) -> None:
    _a_dead_letter(played.place)
    listed = played.place.command(
        "dead",
        "list",
        "--channel",
        "shopify",
        "--since",
        "1h",
        "--env",
        "crash",
        "--format",
        "json",
    )
    message = json.loads(listed.stdout)["letters"][0]["message_id"]
    done = played.place.command("dead", "show", message, "--env", "crash")
    assert done.returncode == 0
    assert steering(done.stdout) == []
    assert "x-shopify-topic: refunds/create" in done.stdout
    assert "attempts" in done.stdout
    document = played.place.command("dead", "show", message, "--env", "crash", "--format", "json")
    (letter,) = json.loads(document.stdout)["letters"]
    assert letter["headers"]["headers"]["x-shopify-topic"] == "refunds/create"
    assert steering(document.stdout) == []
    raw = played.place.command("dead", "show", message, "--raw", "--env", "crash")
    assert CLEAR in json.loads(raw.stdout)["transactions"][0]["kind"]


def test_a_word_that_was_not_found_does_not_steer_the_terminal(played: Played) -> None:
    done = played.trace(f"lost{CLEAR}{CSI}")
    assert done.returncode == 1
    assert steering(done.stderr) == []


def _a_dead_letter(place: Landscape) -> None:
    wrong = {**REFUND, "id": 515002, "transactions": [{"kind": f"refund{CLEAR}{REVERSED}"}]}
    post(place, json.dumps(wrong).encode(), kind="refunds/create")
    place.wait_idle(30)


def steering(text: str) -> list[str]:
    """Return the characters that a terminal does not simply show."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf")]


def test_what_is_not_shown_is_counted(running: Landscape) -> None:
    """A word that many transactions share, as one event id for 23 different levels."""
    sent = [post(running, level(), x_shopify_event_id="shared").message for _ in range(23)]
    ids = ",".join(repr(one) for one in sent)
    sql = f"SELECT COUNT(DISTINCT message_id) FROM journal WHERE message_id IN ({ids})"
    wait_until(lambda: running.query(sql) == [(23,)], "all are decided")
    shown = running.command("trace", "shared", "--env", "crash")
    assert shown.stdout.endswith("\nand 3 more transactions: take a word that fewer share\n")
    told = json.loads(
        running.command("trace", "shared", "--env", "crash", "--format", "json").stdout
    )
    assert (len(told["journeys"]), told["more"]) == (20, 3)
