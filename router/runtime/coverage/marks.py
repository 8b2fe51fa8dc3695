"""Owns: what a run of tests has shown: marks that steps, values and answers leave.
Imports: config, engine.outcome, runtime.coverage.items.
Never: changes what happens; is there when a message is worth something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from router.config.channels import Channel
from router.config.project import Project
from router.config.steps import Step
from router.config.systems import Operation
from router.config.transforms.expressions import Late
from router.core.document import Json
from router.core.errors import MessageError
from router.core.ports import Answer
from router.engine.outcome import rule_of, scope_of
from router.runtime.coverage.items import Item, Key, items_of
from router.runtime.verdicts import Verdict

#: the word of an outcome -> what a look-up has said
_LOOKED = {"done": "found", "missing": "missing", "refused": "refused", "partial": "partial"}


class Marks:
    """Collects what tests show of one project, whose expressions and transforms it listens to.

    It is told of steps, verdicts and answers by who runs the tests; it sees the values itself.
    """

    def __init__(self, project: Project) -> None:
        """Listen from now on. A project can be listened to by one only."""
        self._project = project
        self.items: tuple[Item, ...] = tuple(items_of(project))
        self.seen: set[Key] = set()
        self._lookups = {
            (one.name, one.word): one.key for one in self.items if one.kind == "outcomes"
        }
        for transform in project.transforms.values():
            transform.watch(self._marker(("transforms", transform.file.place, "")))
        self._watch_values()

    def entered(self, step: Step) -> None:
        """A step got a message."""
        self.seen.add(("steps", step.place, ""))

    def decided(self, verdict: Verdict) -> None:
        """A route or a flow has decided about a message, or an ending has."""
        row = verdict.work.row
        flow = self._project.flows.get(row.consumer)
        if flow is not None:
            self.seen.add(("flows", flow.place, ""))
            return
        channel = self._project.channels.get(row.message.channel)
        if channel is not None:
            self._took(channel, row.message.kind, verdict)

    def called(self, name: str) -> None:
        """An operation was asked for."""
        operation = self._project.operations[name]
        place = operation.file.place if isinstance(operation, Operation) else operation.place
        self.seen.add(("operations", place, ""))

    def answered(self, operation: Operation, answer: Answer, env: Mapping[str, Json]) -> None:
        """A system has answered; the rule that says what it means is shown."""
        try:
            rule = rule_of(operation, scope_of(answer, {"env": env}))
        except MessageError:  # the outcome is unknown, by no rule
            return
        self.seen.add(("outcomes", rule.place, ""))

    def looked(self, operation: Operation, word: str) -> None:
        """A look-up has said something about an effect."""
        key = self._lookups.get((f"operation {operation.name}: look-up", _LOOKED.get(word, "")))
        if key is not None:
            self.seen.add(key)

    def _took(self, channel: Channel, kind: str, verdict: Verdict) -> None:
        route = channel.routes.get(kind)
        if route is not None:
            self.seen.add(("routes", route.place, ""))
        elif getattr(verdict.decision, "reason", "") == channel.otherwise.reason:
            self.seen.add(("routes", channel.otherwise.place, ""))

    def _watch_values(self) -> None:
        waiting: dict[int, tuple[Late, list[Item]]] = {}
        for item in self.items:
            if item.expression is not None:
                late = item.expression.evaluate
                waiting.setdefault(id(late), (late, []))[1].append(item)
        for late, items in waiting.values():
            late.watch(self._looker(items))

    def _looker(self, items: list[Item]) -> Callable[[Json], None]:
        def look(value: Json) -> None:
            self.seen.update(one.key for one in items if one.fits is not None and one.fits(value))

        return look

    def _marker(self, key: Key) -> Callable[[Mapping[str, Json]], None]:
        return lambda _: self.seen.add(key)
