"""Owns: the text of a rehearsal's stages, and what is different from the run before.
Imports: runtime.rehearsal.
Never: walks a payload.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from router.core.document import Json
from router.runtime.rehearsal import Rehearsal

SAME, CHANGED, NEW, GONE = "  ", "~ ", "+ ", "- "


@dataclass(frozen=True, slots=True)
class Shown:
    """A stage as it is printed: its line, and the lines of its document."""

    title: str
    head: str
    lines: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, int]:
        """Return by what a stage is known again: its title, and how deep it stands."""
        return self.title, len(self.head) - len(self.head.lstrip())

    @property
    def named(self) -> str:
        """Return its line without the space between."""
        return " ".join(self.head.split())

    def marked(self, mark: str) -> Iterator[str]:
        """Yield all lines behind a mark."""
        yield from (mark + line for line in (self.head, *self.lines))


def shown(made: Rehearsal) -> tuple[Shown, ...]:
    """Return the stages of a rehearsal in order, its outcomes, and who behind it fails."""
    found = []
    for stage in made.stages:
        indent = "  " * (stage.depth - 1)
        head = f"{indent}{stage.title:<12} {stage.text}".rstrip()
        lines = (f"{indent}             {line}" for line in _document(stage.document))
        found.append(Shown(stage.title, head, tuple(lines)))
    for outcome in made.outcomes:
        reason = f" ({outcome['reason']})" if outcome["reason"] else ""
        head = f"outcome      {outcome['kind'] or 'no kind'}: {outcome['outcome']}{reason}"
        found.append(Shown("outcome", head))
    found += [
        Shown("but", f"but          {one['consumer']}: dead_lettered ({one['reason']})")
        for one in made.dead
    ]
    return tuple(found)


def plain(stages: Iterable[Shown]) -> str:
    """Return the text of stages."""
    return "\n".join(line for one in stages for line in one.marked(""))


def compared(before: Sequence[Shown], now: Sequence[Shown]) -> str:
    """Return the text of the stages of now, each line behind a mark, and what differs in one line.

    `~` is a stage that was there and says something else, `+` is new, `-` is gone; so are the lines
    of a stage's document.
    """
    pairs = tuple(_pairs(before, now))
    lines = [line for old, new in pairs for line in _both(old, new)]
    told = [(new or old) for old, new in pairs if old != new]
    said = ", ".join(one.named for one in told if one is not None)
    count = "1 stage differs" if len(told) == 1 else f"{len(told)} stages differ"
    lines.append(f"{count} from the run before: {said}" if told else "the same as the run before")
    return "\n".join(lines)


def _document(document: Json) -> list[str]:
    if document is None:
        return []
    if isinstance(document, str):
        return document.splitlines()
    return json.dumps(document, indent=2, ensure_ascii=False).splitlines()


_Pair = tuple[Shown | None, Shown | None]


def _pairs(before: Sequence[Shown], now: Sequence[Shown]) -> Iterator[_Pair]:
    """Yield each stage beside itself of before: equal ones first, then those of one place."""
    for word, a, b, c, d in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if word == "equal":
            yield from zip(before[a:b], now[c:d], strict=True)
        else:
            yield from _changed(before[a:b], now[c:d])


def _changed(before: Sequence[Shown], now: Sequence[Shown]) -> Iterator[_Pair]:
    old, new = ([one.place for one in stages] for stages in (before, now))
    for word, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if word == "equal":
            yield from zip(before[a:b], now[c:d], strict=True)
        else:
            yield from ((one, None) for one in before[a:b])
            yield from ((None, one) for one in now[c:d])


def _both(old: Shown | None, new: Shown | None) -> Iterator[str]:
    if new is None:
        assert old is not None
        yield from old.marked(GONE)
    elif old is None:
        yield from new.marked(NEW)
    elif old == new:
        yield from new.marked(SAME)
    else:
        yield CHANGED + new.head
        yield from _lines(old.lines, new.lines)


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    for word, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if word == "equal":
            yield from (SAME + line for line in new[c:d])
        else:
            yield from (GONE + line for line in old[a:b])
            yield from (NEW + line for line in new[c:d])
