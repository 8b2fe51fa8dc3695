"""Owns: X12 interchanges: delimiters by their header, transaction sets as records, counts held.
Imports: core, infra.codecs.
Never: turns an element into a number or a date; knows what a segment means beyond the envelope.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.core.document import Decoded, Json
from router.core.errors import DecodeError
from router.infra.codecs.limits import Limits
from router.infra.codecs.texts import Counted, Records, decode_loosely

_DEFAULT = Limits()
#: elements of the header of an interchange
_HEADER = 16
#: what may stand around a segment or an element and says nothing; other controls are delimiters
_BLANK = " \t\r\n"
#: an interchange on a line of its own, though the segment before it has no terminator
_BEGUN = re.compile(r"(?<=[\r\n])[ \t]*(?=ISA[^A-Za-z0-9 \r\n])")
_BREAK = re.compile(r"[\r\n]")
_SEGMENT_ID = re.compile(r"[A-Z][A-Z0-9]{1,2}")
#: segments of envelopes before which a group has ended
_OUTER = ("ISA", "GS", "IEA")


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment as it is written; `at` counts segments of the body from 1."""

    at: int
    elements: list[str]
    component: str
    #: it goes on over a line break, which no element holds
    broken: bool = False

    @property
    def id(self) -> str:
        return self.elements[0]

    def get(self, number: int) -> str:
        """Return an element without the blanks around it, "" when it is not there."""
        return self.elements[number].strip(_BLANK) if number < len(self.elements) else ""


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    records: Records
    interchange: dict[str, Json] = field(default_factory=dict)
    group: dict[str, Json] = field(default_factory=dict)
    #: sets of the group, groups of the interchange
    sets: int = 0
    groups: int = 0
    #: of the set that is open
    open: list[_Segment] = field(default_factory=list)
    #: segments in a row that stand in no set
    stray: list[_Segment] = field(default_factory=list)

    def refuse(self, why: str, segments: Sequence[_Segment]) -> None:
        name = self.named(segments)
        text = "\n".join("*".join(one.elements) for one in segments)
        self.records.refuse(name, DecodeError(f"{name}: {why}"), text)

    def named(self, segments: Sequence[_Segment]) -> str:
        """Return what tells a bad record from others: its envelope's numbers and its place."""
        first = segments[0]
        control = self.interchange.get("control", "")
        word = {"ST": f"set {first.get(2)}", "GS": f"group {first.get(6)}"}.get(first.id, first.id)
        return f"interchange {control}, segment {first.at}, {word}"


def decode_x12(
    data: bytes, loops: Mapping[str, Sequence[str]], limits: Limits = _DEFAULT
) -> Decoded:
    """Decode interchanges to the list of their transaction sets, each with its envelope.

    A set is `{interchange, group, set, segments}`; a segment has `id` and its elements by their
    reference designators (`W0701`), as text; empty ones are left out, components of a composite
    stand beside it (`SV10101`). A segment that opens a loop has those that belong to it in its
    own `segments`. A set whose counts or numbers do not fit is a bad record, and so are a group
    and an interchange that do not end as they begin, and what follows when a later header is none;
    the sets that are whole go on. UTF-8 or, where it is
    none, Latin-1. DecodeError when the body does not begin with a header.
    """
    text = _text(data, limits)
    reading = _Reading(Records(limits))
    counted = Counted(limits)
    last = _Segment(0, ["ISA"], "")
    try:
        for segment in _segments(text):
            counted.take(segment.elements, f"segment {segment.at}")
            last = segment
            _read(segment, reading, loops)
    except DecodeError as error:  # a header that is none
        if last.at == 0:
            raise
        _end(reading, loops, last)
        rest = _Segment(last.at + 1, ["ISA"], "")
        reading.refuse(f"{error}; what follows is not read", [rest])
    else:
        _end(reading, loops, last)
    return reading.records.decoded()


def _end(reading: _Reading, loops: Mapping[str, Sequence[str]], last: _Segment) -> None:
    """Close what the last segment leaves open."""
    _close_group(reading, loops, last)
    if reading.interchange:
        reading.refuse("the interchange does not end: IEA is missing", [last])


def _close_group(reading: _Reading, loops: Mapping[str, Sequence[str]], last: _Segment) -> None:
    if reading.open or reading.stray:
        _close_set(None, reading, loops)
    if reading.group:
        reading.refuse("the group before it does not end: GE is missing", [last])
        reading.group = {}


def _text(data: bytes, limits: Limits) -> str:
    text = decode_loosely(data, "utf-8", limits)
    if any("\udc80" <= sign <= "\udcff" for sign in set(text)):
        return decode_loosely(data, "latin-1", limits)
    return text


def _segments(text: str) -> Iterator[_Segment]:
    """Yield segments; each header says anew what separates them."""
    at, number = _skip(text, 0), 0
    if not text.startswith("ISA", at):
        raise DecodeError("an interchange begins with ISA")
    while at < len(text):
        number += 1
        if text.startswith("ISA", at):
            elements, separator, component, terminator, at = _header(text, at)
            yield _Segment(number, elements, component)
        else:
            end = text.find(terminator, at)
            end = len(text) if end < 0 else end
            begun = _BEGUN.search(text, at + 1, end)
            written = text[at : begun.start() if begun else end].rstrip(_BLANK)
            broken = terminator not in "\r\n" and _BREAK.search(written) is not None
            yield _Segment(number, written.split(separator), component, broken)
            at = begun.end() if begun else end + 1
        at = _skip(text, at)


def _header(text: str, at: int) -> tuple[list[str], str, str, str, int]:
    """Return the header's elements, the separators of elements and components, the terminator,
    and where it ends. Its elements have fixed widths, which not every sender keeps.
    """
    separator = text[at + 3 : at + 4]
    parts = text[at : at + 400].split(separator, _HEADER) if separator.strip(_BLANK) else []
    if len(parts) != _HEADER + 1 or len(parts[_HEADER]) < 2:
        raise DecodeError("the header ISA has not 16 elements")
    component, terminator = parts[_HEADER][0], parts[_HEADER][1]
    if len({separator, component, terminator}) < len((separator, component, terminator)):
        raise DecodeError("the header ISA gives one delimiter two meanings")
    if terminator.isalnum() or component.isalnum() or separator.isalnum():
        raise DecodeError("a letter or digit stands where the header names its delimiters")
    elements = [*parts[:_HEADER], component]
    return elements, separator, component, terminator, at + len(separator.join(elements)) + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _read(segment: _Segment, reading: _Reading, loops: Mapping[str, Sequence[str]]) -> None:
    if segment.id == "SE":
        _close_set(segment, reading, loops)
    elif segment.id in _ENVELOPES:
        if segment.id in _OUTER:  # what lies in it has ended
            _close_group(reading, loops, segment)
        elif reading.open or reading.stray:
            _close_set(None, reading, loops)
        _ENVELOPES[segment.id](segment, reading)
    elif reading.open:
        reading.open.append(segment)
    else:
        reading.stray.append(segment)


def _begin_interchange(segment: _Segment, reading: _Reading) -> None:
    if reading.interchange:
        reading.refuse("the interchange before it does not end: IEA is missing", [segment])
    names = ("sender_qualifier", "sender", "receiver_qualifier", "receiver", "date", "time")
    made: dict[str, Json] = {name: segment.get(5 + n) or None for n, name in enumerate(names)}
    made |= {
        "version": segment.get(12) or None,
        "control": segment.get(13),
        "test": segment.get(15) == "T",
    }
    reading.interchange, reading.groups = made, 0


def _end_interchange(segment: _Segment, reading: _Reading) -> None:
    interchange = reading.interchange
    if not interchange:
        reading.stray.append(segment)
    elif segment.get(2) != interchange.get("control"):
        reading.refuse("IEA02 is not the number of the interchange", [segment])
    elif segment.get(1).lstrip("0") != str(reading.groups or ""):
        reading.refuse(
            f"IEA01 counts {segment.get(1)} groups, here are {reading.groups}", [segment]
        )
    reading.interchange = {}


def _begin_group(segment: _Segment, reading: _Reading) -> None:
    if not reading.interchange:
        reading.stray.append(segment)
        return
    names = ("function", "sender", "receiver", "date", "time", "control", "agency", "version")
    reading.group = {name: segment.get(1 + n) or None for n, name in enumerate(names)}
    reading.sets = 0
    reading.groups += 1


def _end_group(segment: _Segment, reading: _Reading) -> None:
    if not reading.group:
        reading.stray.append(segment)
    elif segment.get(2) != reading.group.get("control"):
        reading.refuse("GE02 is not the number of the group", [segment])
    elif segment.get(1).lstrip("0") != str(reading.sets or ""):
        reading.refuse(f"GE01 counts {segment.get(1)} sets, here are {reading.sets}", [segment])
    reading.group = {}


def _begin_set(segment: _Segment, reading: _Reading) -> None:
    if not reading.group:
        reading.stray.append(segment)
        return
    reading.sets += 1
    reading.open = [segment]


_ENVELOPES = {
    "ISA": _begin_interchange,
    "GS": _begin_group,
    "ST": _begin_set,
    "GE": _end_group,
    "IEA": _end_interchange,
}


def _close_set(end: _Segment | None, reading: _Reading, loops: Mapping[str, Sequence[str]]) -> None:
    segments, reading.open = reading.open, []
    if not segments and end is not None:
        reading.stray.append(end)
        return
    if reading.stray:
        strays, reading.stray = reading.stray, []
        reading.refuse(f"outside every transaction set: {len(strays)} segments", strays)
    if not segments:
        return
    why = _wrong(segments, end)
    if why:
        reading.refuse(why, segments)
        return
    first = segments[0]
    reading.records.take(
        {
            "interchange": reading.interchange,
            "group": reading.group,
            "set": {"id": first.get(1), "control": first.get(2)},
            "segments": _nested(segments[1:], loops),
        }
    )


def _wrong(segments: Sequence[_Segment], end: _Segment | None) -> str:
    if end is None:
        return "it does not end: SE is missing"
    if end.get(2) != segments[0].get(2):
        return f"SE02 is {end.get(2)}, another number than ST02"
    if end.get(1).lstrip("0") != str(len(segments) + 1):
        return f"SE01 counts {end.get(1)} segments, here are {len(segments) + 1}"
    for one in segments:
        if not _SEGMENT_ID.fullmatch(one.id):
            return f"segment {one.at} has no id"
        if one.broken:
            return f"segment {one.at}, {one.id}, goes on in another line: is a terminator missing?"
        if any("\0" in element for element in one.elements):
            return f"segment {one.at}, {one.id}: NUL in text"
    return ""


def _nested(segments: Sequence[_Segment], loops: Mapping[str, Sequence[str]]) -> list[Json]:
    """Return segments, those of a loop within the one that opens it."""
    top: list[Json] = []
    #: loops that are open, outermost first
    stack: list[tuple[str, list[Json]]] = []
    for segment in segments:
        while stack and segment.id not in loops[stack[-1][0]]:
            stack.pop()
        into = stack[-1][1] if stack else top
        made = _told(segment)
        into.append(made)
        if segment.id in loops:
            made["segments"] = []
            stack.append((segment.id, made["segments"]))
    return top


def _told(segment: _Segment) -> dict[str, Any]:
    """Return a segment by its reference designators."""
    made: dict[str, Any] = {"id": segment.id}
    for number, element in enumerate(segment.elements[1:], 1):
        value = element.strip(_BLANK)
        if not value:
            continue
        name = f"{segment.id}{number:02d}"
        made[name] = value
        if segment.component and segment.component in value:
            for part, text in enumerate(value.split(segment.component), 1):
                if text:
                    made[f"{name}{part:02d}"] = text
    return made
