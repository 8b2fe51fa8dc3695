"""The loop decides every row once, and no row keeps the others from being decided."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from router import Answer, Retryable, Unknown
from router.core.outcome import Outcome
from router.infra.store.letters import LetterQuery
from router.infra.store.transaction import Transaction


def puts(land: Any) -> int:
    """Return how often the far side was asked to keep something."""
    return sum(target == "/put" for target, _ in land.wire.asked)


def test_a_delivery_becomes_an_object_and_the_object_a_command(land: Any) -> None:
    land.take("plain", id="a", version=1, amount="5")
    land.run()
    assert land.counted() == {
        ("shop:plain", "routed", ""): 1,
        ("flow:things", "routed", ""): 1,
        ("far.put", "done", ""): 1,
    }
    assert land.wire.asked == [("/put", b'{"id": "a", "amount": "5"}')]
    assert land.sizes() == {}


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        ({"version": 1, "amount": "5"}, {"version": 1, "amount": "5"}, "duplicate"),
        ({"version": 1, "amount": "5"}, {"version": 1, "amount": "6"}, "conflict"),
        ({"version": 2, "amount": "5"}, {"version": 1, "amount": "6"}, "discarded"),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_repeat_has_no_effect_in_one_batch_or_in_two(
    land: Any, first: Any, second: Any, word: str, *, together: bool
) -> None:
    land.take("plain", id="a", **first)
    if not together:
        land.run()
    repeat = land.take("plain", id="a", **second)
    land.run()
    assert land.words(repeat) == [word]
    assert puts(land) == 1


def test_two_commands_of_one_message_are_both_carried(land: Any) -> None:
    land.take("twice", id="a", version=1)
    land.run()
    assert puts(land) == 2
    assert land.counted()["far.put", "done", ""] == 2
    assert land.sizes() == {}


# --- enrich ------------------------------------------------------------------------------------


def test_a_row_waits_for_its_answer_and_not_the_others(land: Any) -> None:
    land.take("asking", id="a", version=1, ask="1")
    land.take("plain", id="b", version=1)
    land.run()
    assert land.counted()["shop:asking", "routed", ""] == 1
    assert puts(land) == 2


def test_an_answer_that_fails_is_asked_for_again_by_the_policy(land: Any) -> None:
    land.wire.answer = lambda target: Answer(status=503 if "/get" in target else 200, body={})
    message = land.take("asking", id="a", version=1, ask="1")
    land.run()
    for seconds in (5, 30):
        land.wait(seconds - 1)
        land.run()
        assert land.words(message)[-1] == "retry"
        land.wait(1)
        land.run()
    assert land.words(message) == ["retry", "retry", "dead_lettered"]
    assert puts(land) == 0
    assert land.sizes() == {"dead": 1}


def test_a_message_goes_on_when_the_answer_comes_at_last(land: Any) -> None:
    answers: list[Any] = [Retryable("away"), Unknown("cut"), Answer(status=200, body={})]
    land.wire.answer = lambda target: (
        answers.pop(0) if "/get" in target else Answer(status=200, body={})
    )
    message = land.take("asking", id="a", version=1, ask="1")
    land.run()
    for _ in range(2):
        land.wait(30)
        land.run()
    assert [word for word in land.words(message) if word != "enriched"] == [
        "retry",
        "retry",
        "routed",
    ]
    assert puts(land) == 1


def test_a_dead_message_does_not_bind_a_corrected_resend(land: Any) -> None:
    land.wire.answer = lambda target: Answer(status=409 if target == "/get/bad" else 200, body={})
    dead = land.take("asking", id="a", version=1, ask="bad")
    land.run()
    again = land.take("asking", id="a", version=1, ask="bad")
    mended = land.take("asking", id="a", version=1, ask="good")
    land.run()
    assert land.words(dead) == ["dead_lettered"]
    assert land.words(again) == ["duplicate"]
    assert land.words(mended) == ["enriched", "routed"]


class Slow:
    """Holds the answer to one question back until it is given."""

    def __init__(self, land: Any, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.future: Future[Outcome] = Future()
        ask = land.parts.answers.ask

        def slow(call: Any, wake: Any) -> Any:
            return self.future if call.arguments["id"] == question else ask(call, wake)

        monkeypatch.setattr(land.parts.answers, "ask", slow)
        self.undo = monkeypatch.undo

    def give(self, outcome: Outcome) -> None:
        self.undo()
        self.future.set_result(outcome)


def step(land: Any) -> None:
    """Step everything while one answer is still out."""
    for _ in range(10):
        land.parts.loop.step()
        for worker in land.parts.workers:
            worker.step()


def test_an_answer_that_fails_late_takes_nothing_from_who_was_routed_meanwhile(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(land, "old", monkeypatch)
    old = land.take("asking", id="a", version=1, amount="5", ask="old")
    new = land.take("asking", id="a", version=2, amount="6", ask="new")
    step(land)
    assert land.words(new)[-1] == "routed"
    slow.give(Outcome(word="retry", detail="status 503"))
    land.run()
    land.wait(60)
    land.run()
    # the newer state was handled: the older one must not be applied after it
    assert land.words(old)[-1] == "discarded"
    again = land.take("asking", id="a", version=2, amount="6", ask="new")
    land.run()
    assert land.words(again)[-1] == "duplicate"


def test_an_answer_that_is_refused_late_takes_nothing_from_who_was_routed_meanwhile(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(land, "old", monkeypatch)
    land.take("asking", id="a", version=1, amount="5", ask="old")
    new = land.take("asking", id="a", version=1, amount="5", ask="new")
    step(land)
    assert land.words(new)[-1] == "routed"
    slow.give(Outcome(word="refused", code="closed", detail="status 409"))
    land.run()
    third = land.take("asking", id="a", version=1, amount="5", ask="third")
    land.run()
    assert land.words(third) == ["duplicate"]


# --- rows that cannot be recorded --------------------------------------------------------------


@pytest.mark.parametrize("version", [2**63, 2**64 - 1])
def test_a_number_that_no_column_holds_does_not_stop_the_loop(land: Any, version: int) -> None:
    bad = land.take("plain", id="bad", version=version)
    good = land.take("plain", id="good", version=1)
    land.run()
    assert land.words(good) == ["routed"]
    assert land.words(bad) == ["dead_lettered"]
    assert land.sizes() == {"dead": 1}


def break_recording(land: Any, monkeypatch: pytest.MonkeyPatch, *bad: str) -> None:
    """Let the claims of some messages be what the database refuses."""
    claim = Transaction.claim

    def refuse(self: Any, kept: Any, at: Any) -> None:
        if kept.holder in bad:
            raise OverflowError("a number that no column holds")
        claim(self, kept, at)

    monkeypatch.setattr(Transaction, "claim", refuse)


def guard_bisection(land: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search for the culprit that finds no end fail, and not hang."""
    steps = iter(range(50))
    bisect = land.parts.loop._safely

    def counted(*batch: Any, **how: Any) -> None:
        assert next(steps, None) is not None, "the bisection does not end"
        bisect(*batch, **how)

    monkeypatch.setattr(land.parts.loop, "_safely", counted)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_row_whose_claims_cannot_be_recorded_is_buried_alone(
    land: Any, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    messages = [land.take("plain", id=f"m{n}", version=1) for n in range(3)]
    break_recording(land, monkeypatch, messages[position])
    land.run()
    bad = messages.pop(position)
    assert [land.words(one) for one in messages] == [["routed"], ["routed"]]
    assert land.words(bad) == ["dead_lettered"]


def test_two_rows_without_answer_that_cannot_be_recorded_are_both_buried(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    land.wire.answer = lambda _: Answer(status=503)
    messages = [land.take("asking", id=f"m{n}", version=1, ask="x") for n in range(3)]
    break_recording(land, monkeypatch, messages[0], messages[1])
    guard_bisection(land, monkeypatch)
    land.run()
    assert [land.words(one)[-1] for one in messages] == ["dead_lettered", "dead_lettered", "retry"]


def test_what_is_no_document_ends_as_a_dead_letter(land: Any) -> None:
    good = land.take("plain", id="a", version=1)
    bad = land.take("plain", id=5, version=1, amount={"deep": [1e300]})
    receipt = land.parts.ingress.receive(land.channel, {"kind": "plain"}, b'{"id": "x"').result()
    land.run()
    assert land.words(good) == ["routed"]
    assert land.words(bad) == ["routed"]
    assert land.words(receipt.messages[0][0]) == ["dead_lettered"]


def test_every_delivery_is_counted_once(land: Any) -> None:
    for n in range(20):
        land.take("plain" if n % 2 else "else", id=f"m{n % 7}", version=1, amount="1")
    land.run()
    counted = land.counted()
    shop = sum(n for (consumer, _, _), n in counted.items() if consumer.startswith("shop"))
    assert shop == 20
    assert counted["shop:?", "discarded", "not wanted"] == 10
    assert puts(land) == 7


# --- the worker --------------------------------------------------------------------------------


def test_a_call_that_never_left_comes_again_with_the_same_bytes(land: Any) -> None:
    answers: list[Any] = [Retryable("refused"), Answer(status=503), Answer(status=200, body={})]
    land.wire.answer = lambda _: answers.pop(0)
    land.take("plain", id="a", version=1)
    land.run()
    land.wait(5)
    land.run()
    land.wait(30)
    land.run()
    assert len({body for _, body in land.wire.asked}) == 1
    assert puts(land) == 3
    assert land.counted()["far.put", "done", ""] == 1
    assert land.sizes() == {}


def test_what_may_have_arrived_is_not_sent_again(land: Any) -> None:
    land.wire.answer = lambda _: Unknown("cut off")
    land.take("plain", id="a", version=1)
    land.run()
    for _ in range(5):
        land.wait(60)
        land.run()
    assert puts(land) == 1
    assert land.sizes() == {"dead": 1}


def test_a_refusal_is_kept_for_a_person_with_its_code(land: Any) -> None:
    land.wire.answer = lambda _: Answer(status=409)
    land.take("plain", id="a", version=1)
    land.run()
    with land.store.read() as reader:
        (letter,) = reader.letters.find(LetterQuery())
    assert (letter["reason"], letter["consumer"], letter["step"]) == ("closed", "far.put", "call")


def test_a_bug_in_an_adapter_is_repeated_then_buried(land: Any) -> None:
    land.wire.answer = lambda _: ZeroDivisionError()
    land.take("plain", id="a", version=1)
    land.run()
    for _ in range(6):
        land.wait(60)
        land.run()
    assert land.sizes() == {"dead": 1}
