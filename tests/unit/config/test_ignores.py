"""Reasoned ignores: which line a comment is about, until when, and what is told of it."""

from __future__ import annotations

from datetime import date

import pytest

from router.config.ignores import Settled, ignores_of, settle
from router.config.source import comments_of
from router.core.diagnostics import Diagnostic, Place, Report, Severity

FILE = "routes/systems/far.yaml"
DAY = date(2027, 1, 31)
SAID = "# router: ignore[W071] until 2027-01-31: they mend it"


def warning(line: int, code: str = "W071") -> Diagnostic:
    place = Place(FILE, line, 3)
    return Diagnostic(code=code, place=place, message="beware", severity=Severity.WARNING)


def settled(text: str, *findings: Diagnostic, today: date = DAY) -> Settled:
    assert not complaints(text)
    return settle(findings, {FILE: text}, today)


def complaints(text: str, file: str = FILE) -> list[str]:
    report = Report()
    ignores_of({file: text}, report)
    return [f"{one.code} {one.message}" for one in report.found]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"a: 1\nb: 2  {SAID}\nc: 3\n", 2),
        (f"a: 1\n{SAID}\nb: 2\n", 3),
        (f"a: 1\n   {SAID}  \n# more\n     # and more\nb: 2\n", 5),
        (f"a: 1\r\n{SAID}\r\nb: 2\r\n", 3),
        (f"a: |  {SAID}\n  {SAID}\nb: 2\n", 1),
        (f"a: [1,  {SAID}\n  2]\n", 1),
        (f"a: 'it''s # none'  {SAID}\n", 1),
        (f'"a # b": x#y  {SAID}\n', 1),
        (f"a: >-\n  # none\n{SAID}\nb: 2\n", 4),
        (f"a: ünï # x {SAID}\n", 0),
        (f"a: ünï  {SAID}\n", 1),
        (f"a: 1\u2028b: 2  {SAID}\n", 2),
    ],
)
def test_a_comment_is_about_its_line_or_the_next(text: str, line: int) -> None:
    found = ignores_of({FILE: text}, Report())
    assert [one.line for one in found] == ([line] if line else [])


@pytest.mark.parametrize(
    "text",
    [
        f'a: "{SAID}"\n',
        f"a: '\n  {SAID}\n  '\n",
        f"a: |\n  {SAID}\n",
        f"a: >\n  x\n\n  {SAID}\n\nb: 1\n",
        f"- |+\n  {SAID}\n\n",
        "a: b#router: ignore\n",
        "# the router: no order\n",
        "# see router: nothing\n",
        f"a: [\n{SAID}\n",
    ],
)
def test_what_is_no_comment_or_not_for_the_router(text: str) -> None:
    assert ignores_of({FILE: text}, Report()) == []
    assert complaints(text) == []


def test_other_files_are_not_looked_into() -> None:
    assert complaints(SAID.replace("until", ""), "contracts/a/1.0.0.json") == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("router:", ["E142 a comment for the router that it does not know"]),
        ("router: ignored", ["E142 a comment for the router that it does not know"]),
        ("router: ignore W071", ["E142 a comment for the router that it does not know"]),
        (
            "router: ignore[W071] because: x",
            ["E142 a comment for the router that it does not know"],
        ),
        ("router: ignore[W071]: why", ["E142 an ignore without a last day"]),
        ("router: ignore[W071] until 2027-01-31", ["E142 an ignore without a reason"]),
        ("router: ignore[W071] until 2027-01-31:  ", ["E142 an ignore without a reason"]),
        ("router: ignore[W071] until 31.1.2027: why", ["E142 no date: 31.1.2027"]),
        ("router: ignore[W071] until 20270131: why", ["E142 no date: 20270131"]),
        ("router: ignore[W071] until 2027-02-29: why", ["E142 no date: 2027-02-29"]),
        ("router: ignore[] until 2027-01-31: why", ["E142 an ignore without a code"]),
        ("router: ignore[W071,] until 2027-01-31: why", ["E142 an ignore without a code"]),
        ("router: ignore[w071] until 2027-01-31: why", ["E142 no finding w071"]),
        (
            "router: ignore[E031] until 2027-01-31: why",
            ["E143 E031 is an error, and no error is ignored"],
        ),
        ("router: ignore[W140] until 2027-01-31: why", ["E143 W140 is about ignores"]),
        (
            "router: ignore[E143, X1] until x",
            [
                "E143 E143 is an error, and no error is ignored",
                "E142 no finding X1",
                "E142 no date: x",
                "E142 an ignore without a reason",
            ],
        ),
    ],
)
def test_a_malformed_one_is_told_whole_and_ignores_nothing(said: str, told: list[str]) -> None:
    text = f"a: 1  # {said}\n"
    assert complaints(text) == told
    found = settle([warning(1)], {FILE: text}, DAY)
    assert (found.told, found.ignored) == ([warning(1)], ())


@pytest.mark.parametrize(
    ("today", "told"), [("2027-01-30", []), ("2027-01-31", []), ("2027-02-01", ["W071", "W141"])]
)
def test_it_holds_up_to_and_with_its_day(today: str, told: list[str]) -> None:
    text = f"a: 1\n{SAID}\nb: 2\n"
    found = settled(text, warning(3), today=date.fromisoformat(today))
    assert sorted(one.code for one in found.told) == told
    assert [one.finding for one in found.ignored] == ([] if told else [warning(3)])
    assert [one.by.reason for one in found.ignored] == ([] if told else ["they mend it"])


def test_only_what_it_names_on_its_line_in_its_file_is_ignored() -> None:
    place = Place("routes/systems/other.yaml", 3)
    other = Diagnostic(code="W071", place=place, message="x", severity=Severity.WARNING)
    left = [warning(2), warning(4), warning(3, "W070"), other]
    found = settled(f"a: 1\n{SAID}\nb: 2\n", warning(3), *left)
    assert set(found.told) == set(left)
    assert len(found.ignored) == 1


def test_an_ignore_for_nothing_is_told_by_its_codes() -> None:
    text = f"a: 1  {SAID.replace('W071', 'W070, W071')}\n"
    (told,) = settled(text, warning(1)).told
    assert (told.code, told.message) == ("W140", "there is no W070 on line 1")
    assert (told.place.line, told.place.column) == (1, 7)
    assert [one.code for one in settled(text, today=date(2028, 1, 1)).told] == ["W140"]


def test_beside_an_error_nobody_knows_what_is_for_nothing() -> None:
    error = Diagnostic(code="E031", place=Place(FILE, 9), message="x")
    assert settled(f"a: 1  {SAID}\n", error).told == [error]


def test_two_comments_on_one_finding_are_both_used() -> None:
    found = settled(f"{SAID}\na: 1  {SAID.replace('they', 'we')}\n", warning(2))
    assert found.told == []
    assert [one.by.reason for one in found.ignored] == ["they mend it"]


def test_comments_of_a_broken_text_are_none() -> None:
    assert comments_of("a: [  # x\n") == []
    assert comments_of("a: \ud800  # x\n") == []
