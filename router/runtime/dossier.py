"""Owns: one dead letter with all that is known of it, as a document and as lines of text.
Imports: config.systems, infra.store, runtime.journey, runtime.requests.
Never: shows what proves who the sender is; shows the body of a request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router.config.systems import AnyOperation
from router.infra.store.letters import LetterQuery
from router.infra.store.reader import Reader
from router.runtime.journey import said
from router.runtime.requests import effect_of_call

#: headers whose values let anybody in
HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie"})
#: messages behind a letter that are shown in text; more are counted
MOST = 10


def dossiers(
    reader: Reader, message_id: str, operations: Mapping[str, AnyOperation]
) -> list[dict[str, Any]]:
    """Return each dead letter of a message with its delivery, attempts, calls, followers."""
    found = reader.letters.find(LetterQuery(state="", message_id=message_id))
    return [_dossier(reader, letter, operations.get(letter["consumer"])) for letter in found]


def request_bodies(
    reader: Reader, message_id: str, operations: Mapping[str, AnyOperation]
) -> dict[str, bytes]:
    """Return the bodies of the recorded requests of a message's letters, by effect, in order."""
    found: dict[str, bytes] = {}
    for letter in reader.letters.find(LetterQuery(state="", message_id=message_id)):
        keys = _effects(message_id, operations.get(letter["consumer"]))
        found.update({call["key"]: call["body"] for call in reader.evidence.calls(keys)})
    return found


def dossier_lines(one: Mapping[str, Any]) -> list[str]:
    """Return a dead letter as text: what it is, whence it came, what was tried, what waits."""
    lines = [f"{name:<14} {one[name]}" for name in _HEAD if one[name] not in ("", None)]
    delivery = one["headers"]
    if delivery is not None:
        lines += [
            "",
            f"delivery {delivery['id']}, {delivery['size']} bytes by {delivery['channel']}",
        ]
        lines += [f"  {name}: {value}" for name, value in delivery["headers"].items()]
    lines += ["", "attempts"]
    lines += [_attempt_line(entry) for entry in one["journal"]]
    for call in one["calls"]:
        lines += ["", *_call_lines(call)]
    if one["behind"]:
        lines += ["", f"{len(one['behind'])} wait behind it"]
        lines += [f"  {message}" for message in one["behind"][:MOST]]
        lines += ["  ..."] if len(one["behind"]) > MOST else []
    return [*lines, "", json.dumps(one["payload"], indent=2, ensure_ascii=False)]


_HEAD = (
    "message_id",
    "consumer",
    "state",
    "note",
    "at",
    "correlationid",
    "reason",
    "detail",
    "step",
    "place",
    "attempts",
    "revision",
)


def _dossier(
    reader: Reader, letter: dict[str, Any], command: AnyOperation | None
) -> dict[str, Any]:
    evidence, message_id, consumer = reader.evidence, letter["message_id"], letter["consumer"]
    message = evidence.letter(message_id, consumer)
    delivery = evidence.delivery(letter["delivery"])
    if delivery is not None:
        delivery["headers"] = _shown(delivery["headers"])
    return {
        **letter,
        "payload": message["payload"],
        "headers": delivery,
        "journal": [_line(entry) for entry in evidence.attempts(message_id, consumer)],
        "calls": [_call(call) for call in evidence.calls(_effects(message_id, command))],
        "behind": evidence.behind(consumer, message["order_key"], message_id),
    }


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: "(hidden)" if name.lower() in HIDDEN else value for name, value in headers.items()
    }


def _effects(message_id: str, command: AnyOperation | None) -> list[str]:
    calls = () if command is None else command.calls
    return [message_id, *(effect_of_call(message_id, one.word) for one in calls)]


def _line(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the journal, without the documents that it may hold."""
    kept = ("at", "word", "attempt", "revision")
    detail = {name: value for name, value in entry["detail"].items() if name != "answer"}
    return {**{name: entry[name] for name in kept}, "detail": detail}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    kept = ("key", "operation", "state", "reference", "their_reference", "sends", "first_at")
    request = {name: call["request"].get(name) for name in ("verb", "target", "query")}
    request["headers"] = _shown(call["request"].get("headers") or {})
    return {
        **{name: call[name] for name in kept},
        "request": request,
        "size": len(call["body"]),
    }


def _attempt_line(entry: dict[str, Any]) -> str:
    text, more = said(entry), str(entry["detail"].get("detail") or "")
    return f"  {entry['at'][:23]}Z  {text}" + (f", {more}" if more not in text else "")


def _call_lines(call: Mapping[str, Any]) -> list[str]:
    request = call["request"]
    what = " ".join(str(request[name]) for name in ("verb", "target") if request[name] is not None)
    theirs = f", theirs {call['their_reference']}" if call["their_reference"] else ""
    lines = [
        f"call {call['operation']} {call['state']}: {what}, {call['size']} bytes",
        f"  sent {call['sends']} times since {call['first_at'][:23]}Z",
        f"  our reference {call['reference']}{theirs}",
    ]
    lines += [f"  {name}={value}" for name, value in (request["query"] or {}).items()]
    return lines + [f"  {name}: {value}" for name, value in request["headers"].items()]
