"""Owns: classifying answers by an operation's outcome rules.
Imports: config.systems, core, engine.wishes.
Never: times a repeat (the failure policy does), reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from router.config.systems import Operation, OutcomeRule
from router.core.document import Json
from router.core.errors import MessageError
from router.core.outcome import Outcome, status_text
from router.core.ports import Answer
from router.engine.wishes import wish_in, wish_of

#: names that are kept of what was not taken, and characters of each
NAMES, NAME = 50, 100


def classify(
    operation: Operation, answer: Answer, env: Mapping[str, Json], now: datetime
) -> Outcome:
    """Return what an answer means. A rule that cannot be evaluated makes it unknown."""
    scope = scope_of(answer, {"env": env})
    after = wish_of(answer.headers.get("retry-after", ""), now)
    try:
        rule = rule_of(operation, scope)
        return _outcome(operation, rule, scope, _wish(rule, scope, now, after))
    except MessageError as error:
        text = f"the answer cannot be read: {error}"
        return Outcome(word=_unsure(operation), detail=text, after=after)


def rule_of(operation: Operation, scope: Mapping[str, Json]) -> OutcomeRule:
    """Return the first rule that is about an answer; the last is about all. Raises MessageError."""
    return next(one for one in operation.file.outcome if one.matches(scope))


def scope_of(answer: Answer, around: Mapping[str, Json]) -> dict[str, Json]:
    """Return what an expression about an answer sees: the answer, and what is around it."""
    return {
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
        **around,
    }


def _wish(
    rule: OutcomeRule, scope: Mapping[str, Json], now: datetime, header: timedelta | None
) -> timedelta | None:
    """Return what a rule's `after` asks for; when it cannot be read, Retry-After has the word."""
    if rule.after is None:
        return header
    try:
        wish = wish_in(rule.after(scope), now)
    except MessageError:  # advice only: it must not change what the answer means
        return header
    return header if wish is None else wish


def _outcome(
    operation: Operation, rule: OutcomeRule, scope: Mapping[str, Json], after: timedelta | None
) -> Outcome:
    word = rule.outcome or rule.otherwise
    detail = status_text(scope["status"])
    if word in ("retry", "unknown"):
        return Outcome(word=word, detail=detail, code=text_in(rule.code, scope), after=after)
    reference = text_in(rule.reference, scope)
    if word != "done":
        return Outcome(
            word=word,
            detail=detail,
            code=text_in(rule.code, scope),
            left=names_in(rule.left, scope),
            reference=reference,
        )
    answer = operation.file.request.answer
    if answer is not None:
        answer.ensure(scope["body"], "the answer")
    result = rule.result(scope) if rule.result is not None else scope["body"]
    if operation.file.returns is not None:
        operation.file.returns.ensure(result, "the answer")
    return Outcome(word=word, detail=detail, result=result, reference=reference)


def text_in(value: Callable[[Any], Any] | None, scope: Mapping[str, Json]) -> str:
    """Return what a value gives as text, nothing when it is not asked or is null."""
    found = value(scope) if value is not None else None
    return "" if found is None else str(found)


def names_in(value: Callable[[Any], Any] | None, scope: Mapping[str, Json]) -> list[str]:
    """Return what a value gives as names, none when it cannot be had: they are advice only."""
    try:
        found = value(scope) if value is not None else None
    except MessageError:
        return []
    listed = found if isinstance(found, list) else [] if found is None else [found]
    return [str(one)[:NAME] for one in listed[:NAMES]]


def _unsure(operation: Operation) -> str:
    """A read can simply be asked again; an effect has to be looked up."""
    return "retry" if operation.is_read else "unknown"
