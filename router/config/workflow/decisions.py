"""Owns: decision tables (policy: decision) and exception classes (policy: exception).
Imports: config.components, config.references, config.workflow.
Never: decides for a workflow what a verdict leads to (its step says that).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from router.config.components import INVALID, Context, component, knob, place_of
from router.config.policies import KIND
from router.config.references import EXPRESSION
from router.config.shapes import Choice, ListOf, MapOf, Name, Nested, Text
from router.config.source import Node
from router.config.transforms.expressions import Expression
from router.config.transforms.maptree import Builder, finished
from router.config.workflow.calendars import DATE
from router.config.workflow.facts import VALUE_OF_MAP
from router.config.workflow.scope import Over, Scope, evaluate, holds
from router.config.workflow.spans import SPAN, Span
from router.core.diagnostics import Place
from router.core.document import Json

VERDICTS = ("go", "deny", "review")
#: what the rules of exception classes see beside the words that the workflow gives them
FAILED = frozenset({"step", "code", "by"})


class Ruled(Protocol):
    """A rule: it holds while its condition does."""

    @property
    def condition(self) -> Expression | None:
        """Return when it matches; None = always."""

    @property
    def place(self) -> Place:
        """Return where it stands."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of which the first that matches wins; the last has no condition and no dates."""

    cls: type[Any]

    @property
    def expects(self) -> str:
        return "a list of rules, the last without if:"

    def decode(self, node: Node, context: Context) -> Any:
        rules = ListOf(Nested(self.cls), least=1).decode(node, context)
        if rules is not INVALID:
            check_rules(rules, context)
        return rules


def check_rules(rules: Sequence[Ruled], context: Context) -> None:
    """Report rules that leave something open, and rules that are never reached."""
    for rule in rules[:-1]:
        if _always(rule):
            text = "this rule matches always: those after it are never reached"
            context.report.error("E610", rule.place, text, "give it an if:, or move it to the end")
    if not _always(rules[-1]):
        text = "the last rule does not match always: what none matches would have no verdict"
        context.report.error("E610", rules[-1].place, text, "end with a rule without if: and dates")


def _always(rule: Ruled) -> bool:
    dates = getattr(rule, "since", None), getattr(rule, "until", None)
    return rule.condition is None and dates == (None, None)


@component("verdict", doc="What a rule says, with outputs that are recorded.")
class Then:
    verdict: str = knob(Choice(VERDICTS), doc="go on, deny, or ask a person", default="go")
    reason: str = knob(Text(), doc="a word why", default="")
    outputs: Mapping[str, Builder] = knob(
        Over(MapOf(VALUE_OF_MAP), ("item", "at")), doc="what else it gives, by name", default=dict
    )
    place: Place = place_of()


@component("rule of a decision", doc="One line of a decision table.")
class DecisionRule:
    id: str = knob(Text("a short name", r"[a-z][a-z0-9_-]*"), doc="what records call it")
    since: date | None = knob(DATE, key="from", doc="it holds from this day", default=None)
    until: date | None = knob(DATE, doc="it holds up to and with this day", default=None)
    condition: Expression | None = knob(
        Over(EXPRESSION, ("item", "at")), key="if", doc="when it matches", default=None
    )
    then: Then = knob(Nested(Then), doc="what it says")
    place: Place = place_of()

    def is_due(self, day: date) -> bool:
        """Return whether the rule holds on a day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )


@component("decision table", doc="Rules that decide for a step; the first that matches wins.")
class DecisionTable:
    policy: str = knob(KIND, doc="which kind of policy this is")
    name: str = knob(Name(), doc="its name, the same as its file")
    rules: tuple[DecisionRule, ...] = knob(Rules(DecisionRule), doc="in order")
    place: Place = place_of()

    def decide(self, scope: Scope, day: date) -> dict[str, Json]:
        """Return verdict, outputs and the rule that gave them. Raises as an expression does."""
        for rule in self.rules:
            if rule.is_due(day) and (rule.condition is None or holds(rule.condition, scope)):
                made = {
                    name: finished(evaluate(part, scope))
                    for name, part in rule.then.outputs.items()
                }
                found: dict[str, Json] = {"verdict": rule.then.verdict, "rule": rule.id, **made}
                return {**found, "reason": rule.then.reason} if rule.then.reason else found
        raise AssertionError("the last rule of a table matches always")

    @property
    def mark(self) -> str:
        """Return what tells this version of the rules from others."""
        parts = [
            f"{one.id}|{one.since}|{one.until}|{one.condition and one.condition.source}"
            f"|{one.then.verdict}|{one.then.reason}|{sorted(one.then.outputs)}"
            for one in self.rules
        ]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


@component("rule of exception classes", doc="What a failure is, and whose.")
class ExceptionRule:
    condition: Expression | None = knob(
        EXPRESSION, key="if", doc="when it matches", default=None, roots=FAILED
    )
    category: str = knob(Name(), doc="the word by which steps route it")
    severity: str = knob(
        Choice(("low", "normal", "high")), doc="how much it weighs", default="normal"
    )
    owner: str = knob(Name(), doc="the role that answers for it")
    sla: Span = knob(SPAN, doc="until when it wants to be dealt with")
    place: Place = place_of()


@component("exception classes", doc="Failures by channel, place, step and code.")
class ExceptionClasses:
    policy: str = knob(KIND, doc="which kind of policy this is")
    name: str = knob(Name(), doc="its name, the same as its file")
    rules: tuple[ExceptionRule, ...] = knob(Rules(ExceptionRule), doc="in order")
    place: Place = place_of()

    def classify(self, step: str, code: str, by: Mapping[str, Json]) -> ExceptionRule:
        """Return what a failure is; the last rule takes whatever no other matches."""
        scope: dict[str, Json] = {"step": step, "code": code, "by": dict(by)}
        for rule in self.rules:
            if rule.condition is None or rule.condition.holds(scope):
                return rule
        raise AssertionError("the last rule of the classes matches always")

    @property
    def categories(self) -> frozenset[str]:
        """Return every category that it can give."""
        return frozenset(one.category for one in self.rules)
