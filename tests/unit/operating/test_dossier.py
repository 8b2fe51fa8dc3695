"""A dead letter is complete: whence it came, what was tried and sent, what waits behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from router.infra.codecs import encode_json
from router.infra.store.letters import LetterQuery
from router.runtime.dossier import dossier_lines, dossiers, request_bodies
from tests.unit.operating.conftest import FILES


def only_letter(world: Any) -> dict[str, Any]:
    with world.store.read() as reader:
        (found,) = reader.letters.find(LetterQuery())
        (made,) = dossiers(reader, found["message_id"], world.project.operations)
    return made


def deliver(world: Any, number: int, thing: str, **headers: str) -> None:
    body = encode_json({"id": number, "thing": thing})
    world.parts.ingress.receive(world.project.channels["notes"], headers, body).result()


def test_a_command_that_was_refused_after_a_retry(make_world: Any) -> None:
    answers = iter([503, 400])
    world = make_world(lambda verb, n: next(answers) if verb == "POST" and n == 1 else 200)
    deliver(world, 1, "a", topic="notes/made", Authorization="Basic c2VjcmV0")
    for number in (2, 3):
        world.give(number, "a")
    world.work()
    world.later(10)
    letter = only_letter(world)
    assert (letter["consumer"], letter["reason"]) == ("far.put", "bad")
    assert letter["revision"] == world.project.revision
    assert letter["payload"] == {"id": 1, "thing": "a"}
    assert letter["headers"]["channel"] == "notes"
    assert letter["headers"]["headers"] == {"topic": "notes/made", "Authorization": "(hidden)"}
    tried = [(one["word"], one["attempt"]) for one in letter["journal"]]
    assert tried == [("retry", 1), ("refused", 2)]
    (call,) = letter["calls"]
    assert (call["operation"], call["state"], call["sends"]) == ("far.put", "refused", 2)
    assert (call["request"]["verb"], call["request"]["target"]) == ("POST", "/notes")
    assert "body" not in call
    assert len(letter["behind"]) == 2
    with world.store.read() as reader:
        bodies = request_bodies(reader, letter["message_id"], world.project.operations)
    assert list(bodies.values()) == [b'{"id":1,"thing":"a"}']
    text = "\n".join(dossier_lines(letter))
    for part in (
        "topic: notes/made",
        "refused bad: POST /notes",
        "status 400",
        "again in 10 s",
        "call far.put refused: POST /notes, 20 bytes",
        "sent 2 times",
        "2 wait behind it",
        world.project.revision,
    ):
        assert part in text
    assert "c2VjcmV0" not in text


def test_a_letter_keeps_its_evidence_when_it_is_settled(make_world: Any) -> None:
    world = make_world(lambda verb, n: 400 if verb == "POST" else 200)
    world.give(1, "a")
    world.work()
    message = only_letter(world)["message_id"]
    world.ask("resolve", message=message, reason="by hand")
    with world.store.read() as reader:
        (letter,) = dossiers(reader, message, world.project.operations)
    assert (letter["state"], letter["note"]) == ("resolved", "by hand")
    assert letter["payload"] == {"id": 1, "thing": "a"}
    assert [one["word"] for one in letter["journal"]] == ["refused", "resolved"]


def test_what_could_not_be_decoded_has_its_delivery_and_no_call(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200)
    world.parts.ingress.receive(world.project.channels["notes"], {"topic": "x"}, b"{").result()
    world.work()
    letter = only_letter(world)
    assert (letter["headers"]["size"], letter["headers"]["headers"]) == (1, {"topic": "x"})
    assert (letter["calls"], letter["behind"], letter["payload"]) == ([], [], None)
    assert "undecodable" in "\n".join(dossier_lines(letter))


def test_answers_of_systems_are_named_and_not_shown(make_world: Any) -> None:
    path = "transforms/note.yaml"
    broken = FILES[path].replace("thing: =body.thing", "thing: \"=epoch(more.thing, 's')\"")
    world = make_world(lambda verb, n: 200, {path: broken})
    world.give(1, "a")
    world.work()
    letter = only_letter(world)
    asked = next(one for one in letter["journal"] if one["word"] == "enriched")
    assert asked["detail"] == {"operation": "far.ask", "arguments": {"id": 1}}
    assert "asked far.ask(id=1)" in "\n".join(dossier_lines(letter))


def test_every_call_of_a_sequence_is_shown(make_world: Any) -> None:
    path = "routes/systems/far.yaml"
    head, _, put = FILES[path].partition("  put:")
    two = f"""  put: {{accept: note@1, calls: [make, close]}}
  make:{put}  close:{put.replace("post: /notes", "put: /notes")}"""
    world = make_world(lambda verb, n: 400 if verb == "PUT" else 200, {path: head + two})
    world.give(1, "a")
    world.work()
    letter = only_letter(world)
    assert [(one["operation"], one["state"]) for one in letter["calls"]] == [
        ("far.make", "done"),
        ("far.close", "refused"),
    ]


def test_letters_are_found_by_channel_and_time(make_world: Any) -> None:
    world = make_world(lambda verb, n: 400 if verb == "POST" else 200)
    start = world.clock.now()
    for hour in (0, 1, 2):
        world.clock.move_to(start + timedelta(hours=hour))
        world.give(hour, f"t{hour}")
        world.work()

    def ids(**query: Any) -> list[int]:
        with world.store.read() as reader:
            found = reader.letters.find(LetterQuery(**query))
            rows = [reader.letters.open_row(one["message_id"], one["consumer"]) for one in found]
        return [row.message.payload["id"] for row in rows]

    assert ids(channel="notes") == [2, 1, 0]
    assert ids(channel="note") == []
    assert ids(since=start + timedelta(hours=1)) == [2, 1]
    assert ids(until=start + timedelta(hours=1)) == [0]
    assert ids(since=start + timedelta(hours=1), until=start + timedelta(hours=2)) == [1]
    with world.store.read() as reader:
        groups = reader.letters.groups(
            LetterQuery(channel="notes", since=start + timedelta(hours=1))
        )
    assert groups == [{"consumer": "far.put", "reason": "bad", "n": 2}]
