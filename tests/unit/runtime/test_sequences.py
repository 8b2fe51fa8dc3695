"""Several calls in a row: each once, in order, from the first that is not done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.core.errors import MessageError, Unavailable, Unknown
from router.core.ports import Answer
from router.infra.store.letters import LetterQuery
from router.runtime import operator
from router.runtime.journey import journey_lines, journeys
from tests.unit.runtime.conftest import Landscape

RULES = """
              - {if: "=status == `503`", is: retry}
              - {if: "=status == `409`", is: refused, code: closed}
              - {if: "=status == `207`", is: partial, code: half, left: =body.left}
              - {if: "=status == `202`", is: accepted, reference: =body.id}
              - {if: "=status == `200`", is: done, reference: =body.id}
              - {otherwise: unknown}"""
TEXTS = {
    "transforms/far/post.yaml": """
        inputs: {payload: thing@1, calls: calls}
        to: thing@1
        map: {id: =payload.id, draft: =calls.create.reference, number: =calls.create.result.number}
        """,
    "routes/systems/far.yaml": f"""
        system: far
        owner: us
        adapter: wire
        on_failure: patient
        operations:
          get:
            arguments: [id]
            returns: order@1
            request: {{ask: "/get/{{id}}"}}
            outcome:
              - {{if: "=status == `200`", is: done}}
              - {{otherwise: unknown}}
          put: {{accept: thing@1, calls: [create, post]}}
          create:
            accept: thing@1
            request: {{ask: /create}}
            idempotency: {{kind: lookup}}
            lookup:
              request: {{ask: "/is/{{reference}}"}}
              found: "=status == `200`"
              reference: =body.id
              result: =body
            outcome:{RULES}
          post:
            accept: thing@1
            transform: far/post
            request: {{ask: "/post/{{create}}"}}
            idempotency: {{kind: lookup}}
            lookup: {{request: {{ask: "/was/{{create}}"}}, found: "=status == `200`"}}
            outcome:{RULES}
        """,
}


@pytest.fixture
def land(tmp_path: Path, noon: Any) -> Iterator[Landscape]:
    made = Landscape(tmp_path, noon, TEXTS)
    yield made
    made.parts.close()


def answers(land: Landscape, **by: list[Answer | Exception]) -> None:
    """Let each address answer with one after the other."""

    def answer(target: str) -> Answer | Exception:
        return by[target.split("/")[1]].pop(0)

    land.wire.answer = answer


def good(name: str) -> Answer:
    return Answer(status=200, body={"id": name, "number": 7})


def targets(land: Landscape) -> list[str]:
    return [target for target, _ in land.wire.asked]


def lines(land: Landscape) -> list[str]:
    with land.store.read() as reader:
        (journey,) = journeys(reader, "order/a")
    return [line[24:].strip() for line in journey_lines(journey)[1:] if "  far." in line]


def states(land: Landscape) -> dict[str, str]:
    keys = {}
    with land.store.read() as reader:
        for row in reader._connection.exec_driver_sql("SELECT operation, state FROM intents"):
            keys[row[0]] = row[1]
    return keys


def dead(land: Landscape) -> list[dict[str, Any]]:
    with land.store.read() as reader:
        return reader.letters.find(LetterQuery())


def test_the_second_call_sees_what_the_first_gave(land: Landscape) -> None:
    answers(land, create=[good("D1")], post=[good("P1")])
    land.take("plain", id="a", version=1)
    land.run()
    assert targets(land) == ["/create", "/post/D1"]
    assert json.loads(land.wire.asked[1][1]) == {"id": "a", "draft": "D1", "number": 7}
    counted = land.counted()
    assert counted["far.put", "done", ""] == 1
    assert counted["far.create", "done", ""] == counted["far.post", "done", ""] == 1
    assert land.sizes() == {}
    first, second, last = lines(land)
    assert first.startswith("far.create  done: ask /create, our reference ")
    assert first.endswith("theirs D1")
    assert second.endswith("theirs P1")
    assert last == "far.put  done: far.create, far.post, theirs P1"


def test_a_retry_goes_on_at_the_call_that_failed(land: Landscape) -> None:
    answers(land, create=[good("D1")], post=[Answer(status=503), good("P1")])
    land.take("plain", id="a", version=1)
    land.run()
    assert states(land) == {"far.create": "done", "far.post": "waiting"}
    land.wait(10)
    land.run()
    assert targets(land) == ["/create", "/post/D1", "/post/D1"]
    assert land.wire.asked[1] == land.wire.asked[2]
    assert lines(land)[1] == "far.put  retry: retry, far.post status 503, again in 5 s"
    assert land.counted()["far.put", "done", ""] == 1


def test_an_unclear_first_call_is_looked_up_and_gives_the_same(land: Landscape) -> None:
    found = {"is": [Answer(status=200, body={"id": "D9", "number": 7})]}
    answers(land, create=[Unknown("no answer")], post=[good("P1")], **found)
    land.take("plain", id="a", version=1)
    land.run()
    land.wait(20)
    land.run()
    assert [one.split("/")[1] for one in targets(land)] == ["create", "is", "post"]
    assert targets(land)[-1] == "/post/D9"
    assert json.loads(land.wire.asked[-1][1])["number"] == 7


def test_an_unclear_second_call_is_looked_up_by_the_reference_of_the_first(
    land: Landscape,
) -> None:
    answers(land, create=[good("D1")], post=[Unknown("no answer")], was=[Answer(status=200)])
    land.take("plain", id="a", version=1)
    land.run()
    land.wait(20)
    land.run()
    assert targets(land) == ["/create", "/post/D1", "/was/D1"]
    assert land.counted()["far.put", "done", ""] == 1
    assert land.sizes() == {}


def test_what_is_accepted_first_is_followed_up_then_it_goes_on(land: Landscape) -> None:
    missing, there = Answer(status=404), Answer(status=200, body={"id": "D1", "number": 7})
    taken = Answer(status=202, body={"id": "J1"})
    answers(land, create=[taken], post=[good("P1")], **{"is": [missing, there]})
    land.take("plain", id="a", version=1)
    land.run()
    for _ in range(2):
        land.wait(601)
        land.run()
    assert [one.split("/")[1] for one in targets(land)] == ["create", "is", "is", "post"]
    assert targets(land)[-1] == "/post/D1"
    assert [line.split(":")[0] for line in lines(land)] == [
        "far.create  accepted",
        "far.create  done",
        "far.post  done",
        "far.put  done",
    ]


def test_a_refusal_names_its_call_and_a_retry_goes_on_there(land: Landscape) -> None:
    answers(land, create=[good("D1")], post=[Answer(status=409), good("P1")])
    land.take("plain", id="a", version=1)
    land.run()
    (letter,) = dead(land)
    assert (letter["consumer"], letter["reason"]) == ("far.put", "closed")
    assert letter["detail"] == "far.post status 409"
    assert lines(land)[-2:] == [
        "far.put  refused closed: by far.post",
        f"far.put is a dead letter: router dead show {letter['message_id']}",
    ]
    arguments = {"message": letter["message_id"], "reason": "period is open"}
    land.store.write(lambda t: operator.carry_out(t, "retry", arguments, land.clock.now()))
    land.run()
    assert targets(land) == ["/create", "/post/D1", "/post/D1"]
    assert dead(land) == []
    assert land.counted()["far.put", "done", ""] == 1


def test_a_call_that_took_a_part_is_not_made_again_by_a_plain_retry(land: Landscape) -> None:
    half = Answer(status=207, body={"left": ["b"]})
    answers(land, create=[good("D1")], post=[half, good("P1")])
    land.take("plain", id="a", version=1)
    land.run()
    (letter,) = dead(land)
    assert (letter["consumer"], letter["reason"]) == ("far.put", "half")
    assert lines(land)[-3].endswith(", not taken: b")
    assert lines(land)[-2] == "far.put  partial half: by far.post"
    arguments = {"message": letter["message_id"], "reason": "again"}
    with pytest.raises(MessageError, match="took a part of it"):
        land.store.write(lambda t: operator.carry_out(t, "retry", arguments, land.clock.now()))
    arguments["whole"] = True
    land.store.write(lambda t: operator.carry_out(t, "retry", arguments, land.clock.now()))
    land.run()
    assert targets(land) == ["/create", "/post/D1", "/post/D1"]
    assert dead(land) == []


def test_an_edit_of_what_was_taken_in_part_acts_on_its_own_calls_only(land: Landscape) -> None:
    half = Answer(status=207, body={"left": ["b"]})
    answers(land, create=[good("D1"), Answer(status=409), good("D2")], post=[half, good("P2")])
    land.take("plain", id="a", version=1)
    land.run()
    (letter,) = dead(land)
    edit = {"message": letter["message_id"], "payload": {"id": "a"}, "reason": "the rest"}
    land.store.write(lambda t: operator.carry_out(t, "edit", edit, land.clock.now()))
    land.run()
    (refused,) = dead(land)
    assert refused["message_id"] != letter["message_id"]
    again = {"message": refused["message_id"], "reason": "again"}
    land.store.write(lambda t: operator.carry_out(t, "retry", again, land.clock.now()))
    land.run()
    assert targets(land) == ["/create", "/post/D1", "/create", "/create", "/post/D2"]
    assert dead(land) == []


def test_a_first_call_that_is_refused_is_retried_itself(land: Landscape) -> None:
    answers(land, create=[Answer(status=409), good("D1")], post=[good("P1")])
    land.take("plain", id="a", version=1)
    land.run()
    (letter,) = dead(land)
    arguments = {"message": letter["message_id"], "reason": "again"}
    land.store.write(lambda t: operator.carry_out(t, "retry", arguments, land.clock.now()))
    land.run()
    assert targets(land) == ["/create", "/create", "/post/D1"]


def test_a_continuation_after_an_end_sees_what_was_kept(
    land: Landscape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between the calls: as if, the second call's intent cannot be written."""
    (worker,) = land.parts.workers
    fix = worker._commands.effects.fix

    def ends(leg: Any, now: Any) -> Any:
        if leg.operation.word == "post":
            raise Unavailable("killed")
        return fix(leg, now)

    monkeypatch.setattr(worker._commands.effects, "fix", ends)
    answers(land, create=[good("D1")], post=[good("P1")])
    land.take("plain", id="a", version=1)
    while land.parts.loop.step():
        pass
    worker.step()
    assert states(land) == {"far.create": "done"}
    monkeypatch.undo()
    land.run()
    assert targets(land) == ["/create", "/post/D1"]
    assert json.loads(land.wire.asked[1][1]) == {"id": "a", "draft": "D1", "number": 7}


def test_what_was_begun_as_one_call_is_not_begun_again_as_several(land: Landscape) -> None:
    answers(land, create=[Answer(status=503)])
    land.take("plain", id="a", version=1)
    land.run()
    with land.store.read() as reader:
        (row,) = reader.due(land.clock.now().replace(year=2099), 1)
    renamed = "UPDATE intents SET key = ?"
    land.store.write(lambda t: t.connection.exec_driver_sql(renamed, (row.message.id,)))
    land.wait(10)
    land.run()
    assert targets(land) == ["/create"]
    (letter,) = dead(land)
    assert letter["reason"] == "unknown"


def test_the_gate_of_a_key_opens_after_the_last_call(tmp_path: Path, noon: Any) -> None:
    channel = """
        channel: shop
        owner: us
        from: {http: {path: /in/shop, verify: {none: a test}, format: json}}
        kind: =headers.kind
        identity: {object: [=body.id]}
        routes:
          plain:
            accept: order@1
            order_by: [order, =body.order]
            steps:
              - transform: shop/thing
              - send: {operation: far.put}
        otherwise: [{discard: not wanted}]
        on_failure: patient
        """
    land = Landscape(tmp_path, noon, {**TEXTS, "routes/channels/shop.yaml": channel})
    create = [good("D1"), good("D2")]
    answers(land, create=create, post=[Answer(status=503), good("P1"), good("P2")])
    land.take("plain", id="a", order=1)
    land.take("plain", id="b", order=1)
    land.run()
    assert targets(land) == ["/create", "/post/D1"]
    land.wait(10)
    land.run()
    assert targets(land) == ["/create", "/post/D1", "/post/D1", "/create", "/post/D2"]
    land.parts.close()
