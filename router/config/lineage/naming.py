"""Owns: which field a text means: `object.path`, `channel:path`, `system.operation:path`.
Imports: config.lineage.
Never: guesses: a text that means no field is told with the nearest that does.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.config.lineage.landscape import Landscape
from router.config.lineage.paths import Path, Source, spelled, steps_of
from router.core.diagnostics import nearest

#: fields that are named where one text means several
SHOWN = 6


class NamingError(ValueError):
    """A text means no field, or several; the text says which there are."""


def field_named(landscape: Landscape, text: str) -> Path:
    """Return the field that a text means.

    The path may be the whole one or its end, as long as no other path of that document ends so.
    Raises NamingError.
    """
    sources, steps = _split(landscape, text)
    for source in sources:
        path = Path(source, steps)
        if landscape.paths.type_at(path) is not None:
            return path
    known: dict[tuple[str, ...], Path] = {}
    for source in sources:
        for one in landscape.paths.names(source):
            known.setdefault(one, Path(source, one))
    ending = [path for one, path in known.items() if one[-len(steps) :] == steps]
    if len(ending) == 1:
        return ending[0]
    if ending:
        some = ", ".join(spelled(one.steps) for one in ending[:SHOWN])
        more = " ..." if len(ending) > SHOWN else ""
        raise NamingError(f"several fields of {sources[0]} end so: {some}{more}")
    hint = _near(steps, known)
    raise NamingError(f"{sources[0]} has no field {spelled(steps)}: {hint}")


def _near(steps: tuple[str, ...], known: Iterable[tuple[str, ...]]) -> str:
    """Return the nearest path: beside the asked one where all but its last step is there."""
    known = set(known)
    for end in range(len(steps) - 1, 0, -1):
        beside = [one for one in known if len(one) > end and one[:end] == steps[:end]]
        if beside:
            return nearest(spelled(steps), [spelled(one) for one in beside])
    return nearest(spelled(steps), map(spelled, known))


def _split(landscape: Landscape, text: str) -> tuple[list[Source], tuple[str, ...]]:
    """Return whose documents a text means, and the steps into them."""
    names = _names(landscape.sources)
    before, colon, after = text.partition(":")
    if colon and before in names:
        return names[before], steps_of(after)
    fitting = [name for name in names if text == name or text.startswith((f"{name}.", f"{name}["))]
    if fitting:
        name = max(fitting, key=len)
        return names[name], steps_of(text[len(name) :])
    begun = before if colon else text.split(".", maxsplit=1)[0]
    hint = nearest(begun, names)
    raise NamingError(f"nothing whose fields are known is called {begun}: {hint}")


def _names(sources: Iterable[Source]) -> dict[str, list[Source]]:
    """Return the sources by every name that they have."""
    found: dict[str, list[Source]] = {}
    sources = list(sources)
    sent_to = {one.name for one in sources if one.kind == "request"}
    for one in sources:
        names = {str(one)}
        if one.kind == "object":
            names.add(one.name.partition("@")[0])
        elif one.kind == "answer" and one.name not in sent_to:
            names.add(one.name)
        elif one.kind == "channel" and one.contract is not None:
            names |= {one.contract.subject, one.contract.name}
        for name in names:
            found.setdefault(name, []).append(one)
    return found
