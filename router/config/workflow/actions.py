"""Owns: what follows a failure, a time-out, a denial: the actions of steps.
Imports: config.components, config.shapes.
Never: carries one out (engine.workflow does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router.config.components import INVALID, Context, report_wrong
from router.config.shapes import Name
from router.config.source import Node, Scalar, Table
from router.core.diagnostics import Place, nearest

#: word -> what it does, for the reference
WORDS = {
    "exception": "open an exception; a person goes on",
    "done": "take the step as done",
    "refuse": "settle the step as refused",
    "skip": "settle the step as skipped",
    "next_way": "send it the next way",
    "hold_again": "hold it for the next period",
}


@dataclass(frozen=True, slots=True)
class Action:
    """What follows. `abort` names the abort of `{abort: name}`."""

    word: str
    place: Place
    abort: str = ""


@dataclass(frozen=True, slots=True)
class ActionShape:
    """One of a few words, or `{abort: name}`."""

    words: tuple[str, ...]

    @property
    def expects(self) -> str:
        return f"one of {', '.join(self.words)}, or {{abort: name}}"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Table) and [one.key for one in node.entries] == ["abort"]:
            name = Name().decode(node.entries[0].node, context)
            if name is INVALID:
                return INVALID
            return Action("abort", node.entries[0].node.place, name)
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return report_wrong(self, node, context)
        if node.value not in self.words:
            hint = nearest(node.value, self.words)
            context.report.error("E013", node.place, f"unknown word {node.value}", hint)
            return INVALID
        return Action(node.value, node.place)


ON_FAIL = ActionShape(tuple(WORDS))
ON_DENY = ActionShape(("refuse", "skip", "exception"))
AT_TIME = ActionShape(("exception", "done", "refuse", "skip"))
