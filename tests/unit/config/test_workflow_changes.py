"""What a change of a workflow means to instances that go by the earlier definition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from router.config.files import read_texts
from router.config.project import load_texts
from router.config.workflow.changes import Change, changes
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Report
from router.runtime.installed import installed_adapters

BASE = Path(__file__).parents[2] / "rules" / "base"
FILE = "routes/workflows/note.yaml"
TEXTS = read_texts(BASE, Report())

Edit = tuple[str, str]


def note(*edits: Edit) -> Workflow:
    text = TEXTS[FILE]
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after, 1)
    project, findings = load_texts(BASE, {**TEXTS, FILE: text}, installed_adapters())
    assert findings == []
    return project.workflows["note"]


@pytest.fixture(scope="module")
def changed() -> Callable[..., tuple[Change, ...]]:
    old = note()
    return lambda *edits: changes(old, note(*edits))


ADDITIVE: dict[str, tuple[Edit, str]] = {
    "a step that nobody needs": (
        ("aborts:\n", "  tell: {needs: [close], await: =facts.head}\naborts:\n"),
        "steps.tell: added",
    ),
    "a longer time-out": (
        ("timeout: {after: 26h", "timeout: {after: 30h"),
        "defaults.step.timeout.after: was 26h, is 30h",
    ),
    "a longer service level": (("sla: 1bd", "sla: 2bd"), "steps.accept.ask.sla: was 1bd, is 2bd"),
    "a reminder": (
        ("await: =item.size\n", "await: =item.size\n    timeout: {after: 26h, do: exception}\n"),
        "steps.check.timeout: added",
    ),
    "a failure that is known": (
        ("on_fail: {full: refuse}", "on_fail: {full: refuse, permanent: exception}"),
        "steps.file.on_fail.permanent: added",
    ),
    "a label": (
        ("  - {is: filed,", "  - {is: seen, if: =facts.head}\n  - {is: filed,"),
        "states.seen: added",
    ),
    "a fact": (("  lines: {id", "  more: {merge: rev}\n  lines: {id"), "facts.more: added"),
    "an event": (
        ("  note.torn:", "  note.read: {contract: desk/memo@1, key: =body.id}\n  note.torn:"),
        "events.note.read: added",
    ),
    "a field of a fact": (
        ("{head: {text: =body.text}", "{head: {text: =body.text, id: =body.id}"),
        "events.note.written.put.head.id: added",
    ),
    "who is told of what comes late": (
        (
            "note.torn: {contract: desk/memo@1,",
            "note.torn: {late: exception, contract: desk/memo@1,",
        ),
        "events.note.torn.late: was nothing, is exception",
    ),
    "a version": (("version: 1", "version: 2"), "version: was 1, is 2"),
    "longer kept": (("closed: 90d", "closed: 100d"), "retain.closed: was 90d, is 100d"),
    "something that may never be": (
        ("  closed_unfiled:", "  unread: \"=facts.head.text == 'never'\"\n  closed_unfiled:"),
        "never.unread: added",
    ),
}
BREAKING: dict[str, tuple[Edit, str]] = {
    "other needs": (
        ("needs: [file, check?]", "needs: [file]"),
        "steps.close.needs: was [file, check?], is [file]",
    ),
    "another wait": (
        ("await: =item.size", "await: =item.name"),
        "steps.check.await: was =item.size, is =item.name",
    ),
    "a shorter time-out": (
        ("timeout: {after: 26h", "timeout: {after: 20h"),
        "defaults.step.timeout.after: was 26h, is 20h",
    ),
    "another role": (("role: desk", "role: board"), "steps.accept.ask.role: was desk, is board"),
    "another merge": (
        ("head: {merge: first}", "head: {merge: rev}"),
        "facts.head.merge: was first, is rev",
    ),
    "another key": (
        ("key: =body.id\n    starts", "key: =body.text\n    starts"),
        "events.note.written.key: was =body.id, is =body.text",
    ),
    "a label that holds at another time": (
        ("  - {is: filed, if: \"=is_done('file')\"}", "  - {is: filed, if: =facts.head}"),
        "states.filed.if: was =is_done('file'), is =facts.head",
    ),
    "a way that is taken out": (
        ("on_fail: {full: refuse}\n", "\n"),
        "steps.file.on_fail.full: removed",
    ),
    "money": (
        ("    pivot: true\n", "    pivot: true\n    money: true\n"),
        "steps.close.money: was False, is True",
    ),
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_what_only_adds_is_additive(changed: Callable[..., tuple[Change, ...]], name: str) -> None:
    edit, words = ADDITIVE[name]
    (found,) = changed(edit)
    assert f"{found.path}: {found.words}" == words
    assert not found.is_breaking
    assert found.place.file == FILE


@pytest.mark.parametrize("name", BREAKING)
def test_what_is_not_known_to_be_harmless_is_breaking(
    changed: Callable[..., tuple[Change, ...]], name: str
) -> None:
    edit, words = BREAKING[name]
    (found,) = changed(edit)
    assert f"{found.path}: {found.words}" == words
    assert found.is_breaking


def test_a_renamed_step_is_found_again(changed: Callable[..., tuple[Change, ...]]) -> None:
    found = {
        one.path: one
        for one in changed(
            ("  check:\n", "  look:\n"), ("needs: [file, check?]", "needs: [file, look?]")
        )
    }
    assert found["steps.check"].words == "removed; look is like it: --map check=look"
    assert [path for path, one in found.items() if not one.is_breaking] == ["steps.look"]


def test_the_same_definition_has_no_changes(changed: Callable[..., tuple[Change, ...]]) -> None:
    assert changed() == ()
