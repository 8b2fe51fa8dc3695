"""Owns: what is promised with `guarantee:` against what is computed.
Imports: config.channels, config.guarantees.
Never: computes what nobody has promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from router.config.channels import Channel, Route
from router.config.guarantees.guarantee import Guarantee, Weakness
from router.config.guarantees.promise import Promise, is_weaker
from router.config.guarantees.routes import guarantee_of
from router.core.diagnostics import Report

if TYPE_CHECKING:
    from router.config.project import Project

#: what is reported when a promise of each aspect does not hold
CODES = {"loss": "E146", "duplicates": "E147", "order": "E148"}
#: routes that one finding names
_NAMED = 3


def check_promises(project: Project, report: Report) -> None:
    """Report each thing that weakens a promise, once, with the routes that promise more.

    The project must be sound: a flow that cannot be read leads nowhere.
    """
    broken: dict[tuple[Weakness, str], list[tuple[str, Promise]]] = {}
    for channel, route, promise in _promising(project):
        for weakness, word in _broken(guarantee_of(project, channel, route), promise):
            broken.setdefault((weakness, word), []).append((route.name, promise))
    for (weakness, word), routes in broken.items():
        aspect = weakness.aspect
        names = [name for name, _ in routes]
        shown = ", ".join(names[:_NAMED])
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        where = routes[0][1].keys[aspect]
        report.error(
            CODES[aspect],
            weakness.place,
            f"{aspect}: {word} of {shown}{more} does not hold: {weakness.why}",
            f"{weakness.write}; or promise less at {where}"
            if weakness.write
            else f"promise less at {where}: {aspect}: {weakness.word}",
        )


def _promising(project: Project) -> Iterator[tuple[Channel, Route, Promise]]:
    for channel in project.channels.values():
        for route in channel.routes.values():
            if isinstance(route, Route) and route.promise is not None:
                yield channel, route, route.promise


def _broken(guarantee: Guarantee, promise: Promise) -> Iterator[tuple[Weakness, str]]:
    """Yield what is too weak for a promise, each with the word that was promised."""
    promised = promise.words()
    for weakness in guarantee.weakened:
        word = promised.get(weakness.aspect, "")
        if word and is_weaker(weakness.aspect, weakness.word, word):
            yield weakness, word
