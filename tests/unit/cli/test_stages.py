"""Stages against the run before: which is which, and what of it is different."""

from __future__ import annotations

from typing import Any

from router.cli.stages import compared, plain, shown
from router.runtime.rehearsal import Rehearsal


def _made(*stages: tuple[int, str, str, Any]) -> Any:
    made = Rehearsal()
    for depth, title, text, document in stages:
        made.add(depth, title, text, document)
    made.outcomes.append({"kind": "note", "outcome": "routed", "reason": ""})
    return shown(made)


DECODE, SPLIT = (1, "decode", "json", None), (2, "split", "2 items", None)
ONE, TWO = ((2, "transform", "a", {"n": n, "kept": [n, 7]}) for n in (1, 2))


def test_equal_runs_say_so_and_mark_nothing() -> None:
    stages = _made(DECODE, ONE, TWO)
    lines = compared(stages, stages).splitlines()
    assert lines.pop() == "the same as the run before"
    assert [line[2:] for line in lines] == plain(stages).splitlines()
    assert {line[:2] for line in lines} == {"  "}


def test_a_record_before_others_is_new_and_the_others_are_as_they_were() -> None:
    lines = compared(_made(DECODE, TWO), _made(DECODE, ONE, TWO)).splitlines()
    assert [line[0] for line in lines[:-1]] == [" ", *"+" * 8, *" " * 8, " "]
    assert lines[-1] == "1 stage differs from the run before: transform a"


def test_a_stage_that_is_gone_stands_where_it_stood() -> None:
    lines = compared(_made(DECODE, SPLIT, ONE), _made(DECODE, ONE)).splitlines()
    assert lines[1] == "-   split        2 items"
    assert lines[-1] == "1 stage differs from the run before: split 2 items"


def test_of_a_document_only_lines_that_differ_are_marked() -> None:
    lines = compared(_made(DECODE, ONE), _made(DECODE, TWO)).splitlines()
    marks = [(line[0], line[2:].strip()) for line in lines if line[0] != " "][:-1]
    assert marks == [
        ("~", "transform    a"),
        ("-", '"n": 1,'),
        ("+", '"n": 2,'),
        ("-", "1,"),
        ("+", "2,"),
    ]


def test_a_stage_of_another_depth_is_another_one() -> None:
    deeper = (3, *SPLIT[1:])
    lines = compared(_made(SPLIT), _made(deeper)).splitlines()
    assert [line[0] for line in lines[:2]] == ["-", "+"]


def test_a_text_is_compared_line_by_line() -> None:
    before, now = ((1, "books.post", "PUT", f"<a>\n  <b>{n}</b>\n</a>") for n in (1, 2))
    marks = [line[0] for line in compared(_made(before), _made(now)).splitlines()]
    assert "".join(marks[:-2]) == "~ -+ "
