"""Owns: what the answer to a look-up says about an effect.
Imports: config.systems, core, engine.outcome.
Never: asks (runtime.exchange does), takes silence for a no.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.config.systems import Lookup
from router.core.document import Json
from router.core.outcome import Outcome, status_text
from router.core.ports import Answer
from router.engine.outcome import names_in, scope_of, text_in


def what_is_there(lookup: Lookup, answer: Answer, around: Mapping[str, Json]) -> Outcome:
    """Return done, refused or partial when the effect is there, missing when it is not, or unknown.

    `around` is what the expressions see beside the answer. Raises MessageError when one of them
    cannot be evaluated.
    """
    scope = scope_of(answer, around)
    for word, rule in (("partial", lookup.partial), ("refused", lookup.refused)):
        if rule is not None and rule.holds(scope):
            return Outcome(
                word=word,
                detail=f"look-up: {word}",
                code=text_in(lookup.code, scope),
                left=names_in(lookup.left, scope) if word == "partial" else (),
                reference=text_in(lookup.reference, scope),
            )
    if lookup.found.holds(scope):
        return Outcome(
            word="done",
            detail="look-up: there",
            reference=text_in(lookup.reference, scope),
            result=lookup.result(scope) if lookup.result is not None else None,
        )
    return _not_found(lookup, answer, scope)


def _not_found(lookup: Lookup, answer: Answer, scope: Mapping[str, Json]) -> Outcome:
    """Return that an effect does not exist, unless the answer does not say so.

    An error page, a redirect, a log-in that is refused say nothing: who takes them for a no posts
    twice.
    """
    said = answer.status < 300 or answer.status == 404
    empty = answer.status == 404 and not answer.raw
    missing = said and (answer.body is not None or empty)
    why = ", no document" if answer.body is None else ", neither found nor missing"
    if lookup.missing is not None:
        missing = lookup.missing.holds(scope)
    if missing:
        return Outcome(word="missing", detail="look-up: not there")
    return Outcome(
        word="unknown", detail=f"look-up: {status_text(answer.status)}{why if said else ''}"
    )
