"""Owns: reasoned ignores: a comment that lets a warning be until a day, and says why.
Imports: core.diagnostics, config.catalogue, config.source.
Never: lets an error be; lets a warning be without a word when its day is over; reads the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from router.config.catalogue import load_catalogue
from router.config.source import Comment, comments_of
from router.core.diagnostics import Diagnostic, Place, Report, in_order, nearest

#: how a comment begins that is meant for the router
WORD = re.compile(r"[ \t]*router[ \t]*:[ \t]*")
_IGNORE = re.compile(
    r"ignore[ \t]*\[(?P<codes>[^\]]*)\][ \t]*(?:until[ \t]+(?P<until>[^\s:]+)[ \t]*)?"
    r"(?::[ \t]*(?P<reason>.*))?"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
EXAMPLE = "# router: ignore[W071] until 2027-01-31: why it may stay"
#: findings about ignores themselves
_OWN = ("W140", "W141")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One comment: of the line `line`, these warnings are not told up to and with a day."""

    place: Place
    line: int
    codes: tuple[str, ...]
    until: date
    reason: str

    def fits(self, finding: Diagnostic) -> bool:
        """Return whether it is about a finding, whatever the day."""
        place = finding.place
        return (place.file, place.line) == (self.place.file, self.line) and (
            finding.code in self.codes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A warning that is not told, and the comment that says so."""

    finding: Diagnostic
    by: Ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is told, in order of place, and what is not."""

    told: list[Diagnostic]
    ignored: tuple[Ignored, ...]


def settle(findings: Iterable[Diagnostic], texts: Mapping[str, str], today: date) -> Settled:
    """Return findings less the warnings that a comment ignores on a day.

    An ignore whose day is over is told beside its warning, one that fits nothing by itself: unless
    there is an error, which may keep a warning from being found.
    """
    found, report, ignored = list(findings), Report(), list[Ignored]()
    for one in ignores_of(texts, Report()):
        mine = [finding for finding in found if one.fits(finding)]
        if one.until < today:
            _expired(one, mine, report)
        else:
            ignored += [Ignored(finding=finding, by=one) for finding in mine]
        if not Report(found).has_errors:
            _unused(one, {finding.code for finding in mine}, report)
    silent = {one.finding for one in ignored}
    told = [one for one in found if one not in silent]
    return Settled(told=in_order([*told, *report.found]), ignored=_once(ignored))


def ignores_of(texts: Mapping[str, str], report: Report) -> list[Ignore]:
    """Return the ignores in the YAML of a project; tells what is wrong with a comment."""
    made = []
    for file, text in sorted(texts.items()):
        if "router" not in text or not file.endswith(".yaml"):
            continue
        for comment, line in _with_lines(comments_of(text)):
            if head := WORD.match(comment.text):
                width = 1 + len(comment.text.rstrip())
                place = Place(file, comment.line, comment.column, width)
                one = _ignore(comment.text[head.end() :].strip(), place, line, report)
                made += [one] if one else []
    return made


def _with_lines(comments: list[Comment]) -> Iterator[tuple[Comment, int]]:
    """Give each comment with the line that it is about: its own, or the next that is none."""
    alone = {one.line for one in comments if one.alone}
    for one in comments:
        line = one.line
        while line in alone:
            line += 1
        yield one, line


def _ignore(said: str, place: Place, line: int, report: Report) -> Ignore | None:
    found = _IGNORE.fullmatch(said)
    if found is None:
        report.error("E142", place, "a comment for the router that it does not know", EXAMPLE)
        return None
    codes = tuple(dict.fromkeys(one.strip() for one in found["codes"].split(",")))
    sound = _check_codes(codes, place, report)
    until = _day(found["until"] or "")
    if until is None:
        what = f"no date: {found['until']}" if found["until"] else "an ignore without a last day"
        report.error("E142", place, what, EXAMPLE)
    if not found["reason"]:
        report.error("E142", place, "an ignore without a reason", EXAMPLE)
    if not sound or until is None or not found["reason"]:
        return None
    return Ignore(place=place, line=line, codes=codes, until=until, reason=found["reason"])


def _check_codes(codes: Iterable[str], place: Place, report: Report) -> bool:
    known = load_catalogue()
    warnings = [one for one in known if one.startswith("W") and one not in _OWN]
    before = len(report.found)
    for code in codes:
        if code in _OWN:
            report.error("E143", place, f"{code} is about ignores", "mend or remove the ignore")
        elif code in known and code not in warnings:
            report.error("E143", place, f"{code} is an error, and no error is ignored", "mend it")
        elif code not in known:
            what = f"no finding {code}" if code else "an ignore without a code"
            report.error("E142", place, what, nearest(code, warnings))
    return len(report.found) == before


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _expired(one: Ignore, mine: list[Diagnostic], report: Report) -> None:
    codes = ", ".join(sorted({finding.code for finding in mine}))
    if codes:
        report.warn(
            "W141",
            one.place,
            f"{codes} was ignored until {one.until}: {one.reason}",
            "mend it, or say until when it may stay and why",
        )


def _unused(one: Ignore, used: set[str], report: Report) -> None:
    unused = ", ".join(code for code in one.codes if code not in used)
    if unused:
        text = f"there is no {unused} on line {one.line}"
        report.warn("W140", one.place, text, "take it away")


def _once(ignored: Iterable[Ignored]) -> tuple[Ignored, ...]:
    """Return each finding with the first comment that ignores it, in order of place."""
    first: dict[Diagnostic, Ignored] = {}
    for one in ignored:
        first.setdefault(one.finding, one)
    return tuple(first[finding] for finding in in_order(first))
