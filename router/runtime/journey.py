"""Owns: one transaction as a tree of what happened, and as lines of text.
Imports: infra.store.
Never: shows a payload.
"""

from __future__ import annotations

from typing import Any

from router.core.instants import time_text
from router.infra.store.files import CHANGED, RENAMED, RESENT, WAITS
from router.infra.store.letters import LetterQuery
from router.infra.store.reader import Reader
from router.infra.store.rows import DECLINED, SETTLED
from router.runtime.holds import held_systems
from router.runtime.turnlines import said_of_turn
from router.runtime.verdicts import SYSTEM_LANE

#: transactions shown for one word; more are counted
MOST = 20
#: messages behind a dead letter that are named; more are counted
MOST_BEHIND = 10
#: words of the journal with which a message may become a dead letter
_BURIED = ("dead_lettered", "conflict", *DECLINED)
#: words about what a person asked for
_REPLAYED = ("replayed", "edited", "resolved", "revision_lost", "unchanged", "changed", "resent")
#: words about files: what is said of one
_FILES = {
    RESENT: "{file} has the bytes of {at}, delivery {of}: nothing is done",
    CHANGED: "{file} has other bytes than at {at}, delivery {of}: its records are looked at anew",
    WAITS: "{file} is not taken: {why}",
    RENAMED: "{file} has the bytes of {was} at {at}, delivery {of}: its records are looked at anew",
}


def journeys(reader: Reader, word: str) -> list[dict[str, Any]]:
    """Return each transaction that a word means: its journal, what still waits, what needs a
    person.
    """
    known = reader.correlations(word)
    if not known:
        return _undecided(reader, word)
    made = []
    for correlationid in known[:MOST]:
        entries = reader.history(correlationid)
        ids = sorted({entry["message_id"] for entry in entries} | _derived(entries))
        journey = _empty(correlationid)
        journey["entries"] = entries
        journey["waiting"] = {**_held(reader, ids), **reader.waiting(ids)}
        journey["letters"] = _open_letters(reader, entries)
        made.append(journey)
    return made


def _held(reader: Reader, message_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return the commands that wait because their system is held, by message."""
    holds = {SYSTEM_LANE + one.system: one for one in held_systems(reader)}
    return {
        message_id: {
            "consumer": consumer,
            "held": holds[lane].why,
            "until": time_text(holds[lane].until),
        }
        for lane in holds
        for message_id, consumer in reader.in_lanes([lane], message_ids).items()
    }


def _empty(correlationid: str) -> dict[str, Any]:
    return {
        "correlationid": correlationid,
        "entries": [],
        "waiting": {},
        "letters": [],
        "undecided": [],
    }


def _undecided(reader: Reader, word: str) -> list[dict[str, Any]]:
    """Return the transactions of what nobody has looked at as yet: it has no journal."""
    made: dict[str, dict[str, Any]] = {}
    for one in reader.evidence.undecided(word):
        correlationid = one["correlationid"]
        made.setdefault(correlationid, _empty(correlationid))["undecided"].append(one)
    return list(made.values())[:MOST]


def _open_letters(reader: Reader, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the open dead letters of a transaction, each with the messages behind it."""
    made = []
    for message in dict.fromkeys(one["message_id"] for one in entries if one["word"] in _BURIED):
        for letter in reader.letters.find(LetterQuery(message_id=message)):
            consumer = letter["consumer"]
            key = reader.evidence.letter(message, consumer)["order_key"]
            behind = reader.evidence.behind(consumer, key, message)
            made.append({"message_id": message, "consumer": consumer, "behind": behind})
    return made


def journey_lines(journey: dict[str, Any]) -> list[str]:
    """Return a transaction as text: causes before effects, effects indented under them."""
    entries = journey["entries"]
    lines = [f"{journey['correlationid']}"]
    known = {entry["message_id"] for entry in entries}
    roots = dict.fromkeys(
        entry["message_id"] for entry in entries if entry["causationid"] not in known
    )
    for root in roots:
        _follow(root, journey, 1, lines)
    for one in journey["undecided"]:
        lines += _waiting_lines(one)
    return lines


def _waiting_lines(one: dict[str, Any]) -> list[str]:
    """Return what is known of a message that nobody has looked at as yet."""
    came = f", delivery {one['delivery']}" if "delivery" in one else ""
    behind = f"waits behind {one['holder']}" if "holder" in one else "waits for its turn"
    return [
        f"{one['received_at'][:23]}Z  received{came}, message {one['message_id']}",
        f"{' ' * 24}  {one['consumer']} {behind}",
    ]


def _follow(message: str, journey: dict[str, Any], depth: int, lines: list[str]) -> None:
    indent = "  " * depth
    entries = [one for one in journey["entries"] if one["message_id"] == message]
    came = next((one["detail"] for one in entries if "delivery" in one["detail"]), None)
    if came is not None:
        at = came["received_at"][:23]
        lines.append(f"{at}Z{indent}received, delivery {came['delivery']}, message {message}")
    for entry in entries:
        lines.append(f"{entry['at'][:23]}Z{indent}{entry['consumer']}  {said(entry)}")
        lines.extend(" " * 24 + indent + "  " + line for line in _effects(entry))
    waiting = journey["waiting"].get(message)
    if waiting is not None:
        lines.append(_waits(waiting, indent))
    for letter in journey["letters"]:
        if letter["message_id"] == message:
            lines.extend(" " * 24 + indent + line for line in _letter_lines(letter))
    children = dict.fromkeys(
        one["message_id"] for one in journey["entries"] if one["causationid"] == message
    )
    for child in children:
        _follow(child, journey, depth + 1, lines)
    lines.extend(  # of these nothing is written as yet
        _waits(journey["waiting"][child], indent + "  ")
        for child in sorted(_derived(entries) - children.keys())
        if child in journey["waiting"]
    )


def _waits(waiting: dict[str, Any], indent: str) -> str:
    """Return the line of a message that waits: behind which, or until when."""
    if "holder" in waiting:
        how = f"waits behind {waiting['holder']}"
    elif "held" in waiting:
        how = f"is held until {waiting['until'][:23]}Z at least ({waiting['held']})"
    else:
        how = f"waits until {waiting['due_at'][:23]}Z ({waiting['reason']})"
    return f"{' ' * 24}{indent}{waiting['consumer']} {how}"


def _letter_lines(letter: dict[str, Any]) -> list[str]:
    """Return what an open dead letter is, where more is to be seen, and what stands behind it."""
    lines = [f"{letter['consumer']} is a dead letter: router dead show {letter['message_id']}"]
    behind = letter["behind"]
    if behind:
        named = ", ".join(behind[:MOST_BEHIND]) + (", ..." if len(behind) > MOST_BEHIND else "")
        lines.append(f"  behind it, with the same key: {len(behind)} ({named})")
    return lines


def said(entry: dict[str, Any]) -> str:
    """Return a line of the journal in words: what was decided, why, what comes of it."""
    detail = entry["detail"]
    attempt = f" (attempt {entry['attempt']})" if entry["attempt"] > 1 else ""
    word = entry["word"]
    if of_turn := said_of_turn(word, detail):
        return of_turn + attempt
    if word in ("discarded", "retry"):
        more = detail.get("detail")
        later = f", again in {detail['after_s']:g} s" if word == "retry" else ""
        return f"{word}: {detail['reason']}" + (f", {more}" if more else "") + later + attempt
    if word == "dead_lettered":
        at = f" at {detail['place']}" if detail.get("place") else ""
        step = f" in {detail['step']}" if detail.get("step") else ""
        more = f": {detail['detail']}" if detail.get("detail") else ""
        return f"{word}: {detail['reason']}{step}{at}{more}{attempt}"
    if word == "duplicate":
        return f"{word} of {detail['of']}: nothing is done"
    if word == "conflict":
        return f"{word} with {detail['of']}: same identity, other content"
    if word == "enriched":
        arguments = ", ".join(f"{k}={v}" for k, v in detail["arguments"].items())
        return f"asked {detail['operation']}({arguments})"
    if word in SETTLED and "request" not in detail:
        return _sequence(word, detail) + attempt
    if word in _FILES:
        return f"{word}: {_FILES[word].format(**detail)}"
    if word in _REPLAYED:
        return _of_replay(word, detail) + attempt
    if word in SETTLED or word == "accepted":
        theirs = f", theirs {detail['their_reference']}" if "their_reference" in detail else ""
        code = f" {detail['code']}" if "code" in detail else ""
        ours = f"{detail['request']}{_how(word, detail)}, our reference {detail['reference']}"
        left = f", not taken: {', '.join(detail['left'])}" if "left" in detail else ""
        return f"{word}{code}: {ours}{theirs}{left}{attempt}"
    return f"{word}{attempt}"


def _how(word: str, detail: dict[str, Any]) -> str:
    """Return how it is known what became of a call, where it is not its plain success."""
    told = str(detail.get("detail") or "")
    return f", {told}" if told and (word in DECLINED or told.startswith("look-up")) else ""


def _sequence(word: str, detail: dict[str, Any]) -> str:
    """Return the line of an operation of several calls, each of which has its own."""
    if word != "done":
        code = f" {detail['code']}" if detail["code"] else ""
        return f"{word}{code}: by {detail['call']}"
    theirs = f", theirs {detail['their_reference']}" if "their_reference" in detail else ""
    return f"done: {', '.join(detail['calls'])}{theirs}"


def _of_replay(word: str, detail: dict[str, Any]) -> str:
    """Return what a line about something that was asked for says."""
    job = f"job {detail['job']}" if "job" in detail else ""
    if word in ("replayed", "edited", "resolved"):
        of = f" from {detail['of']}" if "of" in detail else ""
        lost = f"; {detail['lost']}" if "lost" in detail else ""
        return f"{word}{of}: " + ", ".join(one for one in (job, detail["reason"]) if one) + lost
    if word == "revision_lost":
        return f"decided by the running configuration: revision {detail['revision']} is lost"
    if word == "unchanged":
        return f"{word}: it was sent just so, nothing is sent ({job})"
    if word == "resent":
        return f"{word} as {detail['as']}: the request is another one now ({job})"
    why = detail.get("detail") or f"{detail['of']} is {detail['state']} with another request"
    return f"{word}, not sent: {why} ({job})"


def _effects(entry: dict[str, Any]) -> list[str]:
    detail = entry["detail"]
    lines = [
        f"-> {one['object']} {one['key']} to {', '.join(one['to']) or 'nobody'}"
        for one in detail.get("produced", ())
    ]
    lines += [f"-> command {one['operation']}" for one in detail.get("sent", ())]
    lines += [
        f"-> event {one['event']} to workflow:{one['workflow']}"
        for one in detail.get("signalled", ())
    ]
    lines += [
        f"-> {one['object']} {one['key']} was there already ({one['of']})"
        for one in detail.get("absorbed", ())
    ]
    lines += [
        f"-> {one['object']} {one['key']} is older than what was told ({one['of']})"
        for one in detail.get("stale", ())
    ]
    lines += [f"-> nothing: {note}" for note in detail.get("notes", ())]
    return lines


def _derived(entries: list[dict[str, Any]]) -> set[str]:
    return {
        one["id"]
        for entry in entries
        for key in ("produced", "sent")
        for one in entry["detail"].get(key, ())
    }
