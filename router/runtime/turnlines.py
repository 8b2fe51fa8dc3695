"""Owns: lines of the journal about instances of workflows, in words.
Imports: nothing.
Never: shows a payload.
"""

from __future__ import annotations

from typing import Any

#: what a line says of an event that waits, of a command that leaves its window, of one given up
_WORDS = ("parked", "unparked", "released", "given_up")


def said_of_turn(word: str, detail: dict[str, Any]) -> str:
    """Return what a line says; nothing where it is not about an instance."""
    if "came" in detail and "instance" in detail:
        return _turn(word, detail)
    return _WORDING[word](detail) if word in _WORDS else ""


def _turn(word: str, detail: dict[str, Any]) -> str:
    who = f" by {detail['actor']}" if "actor" in detail else ""
    who += f", approved by {detail['approver']}" if "approver" in detail else ""
    because = f", {detail['reason']}" if "reason" in detail else ""
    outcome = f" {detail['outcome']}" if "outcome" in detail else ""
    what = f"{detail['came']} {detail['name']}{outcome}{who}{because}"
    why = f", because {detail['why']}" if "why" in detail else ""
    return f"{word} {detail['instance']}: {what}{why} -> {detail['label']}"


def _parked(detail: dict[str, Any]) -> str:
    names = ", ".join(detail["names"]) or "nobody"
    if "candidates" in detail:
        some = ", ".join(detail["candidates"])
        until = f"until {detail['until'][:19]}Z"
        return f"parked: {detail['event']} is ambiguous, {names} is one of {some}, waits {until}"
    return f"parked: {detail['event']} waits for {names} until {detail['until'][:19]}Z"


def _unparked(detail: dict[str, Any]) -> str:
    to = f", it is about {detail['to']}" if "to" in detail else ""
    return f"unparked by {detail['actor']}: {detail['reason']}{to}"


def _given_up(detail: dict[str, Any]) -> str:
    step = f" in {detail['step']}" if detail.get("step") else ""
    more = f": {detail['detail']}" if detail.get("detail") else ""
    return f"given_up: {detail['reason']}{step}{more}; its workflow is told"


_WORDING = {
    "parked": _parked,
    "unparked": _unparked,
    "released": lambda detail: f"released: {detail['operation']}, its window has closed",
    "given_up": _given_up,
}
