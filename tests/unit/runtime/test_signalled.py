"""That tests beside routes say what is told to workflows: `signalled:`, event by event."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from router.config.project import load_project
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Rig, run_cases
from router.runtime.installed import installed_adapters
from router.runtime.wiring import open_adapters
from tests.unit.engine.test_signal import BASE, CHANNEL, PRODUCE, TEXTS, WRITTEN

NOTE = "{kind: note, id: n1, text: tea, lines: [{name: a}]}"
EVENT = "workflow: note, event: note.written"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The small project, whose route tells a memo to the workflow."""
    made = tmp_path / "project"
    shutil.copytree(BASE, made)
    for name, text in TEXTS.items():
        (made / name).write_text(text)
    steps = f"      - transform: inbox/memo\n      - {WRITTEN}\n"
    text = (made / CHANNEL).read_text()
    assert PRODUCE in text
    (made / CHANNEL).write_text(text.replace(PRODUCE, steps))
    return made


def complaints(root: Path, expect: str) -> list[str]:
    case = f"tests: [{{name: one, given: {{body: {NOTE}}}, expect: {{{expect}}}}}]\n"
    (root / "routes/channels/inbox.test.yaml").write_text(case)
    project, _ = load_project(root, installed_adapters())
    settings = project.environments["test"]
    adapters = open_adapters(project, settings, ProcessSecrets({}, None))
    (result,) = run_cases(Rig(project=project, environment=settings, adapters=adapters))
    return list(result.complaints)


@pytest.mark.parametrize(
    "expect",
    [
        f"signalled: [{{{EVENT}}}]",
        f"signalled: [{{{EVENT}, payload: {{contains: {{text: tea, lines: [{{name: a}}]}}}}}}]",
        f"outcome: routed, produced: [], sent: [], signalled: [{{{EVENT}}}]",
    ],
)
def test_what_is_told_is_as_it_says(root: Path, expect: str) -> None:
    assert complaints(root, expect) == []


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        ("signalled: []", "signalled: note note.written, expected nothing"),
        (
            "signalled: [{workflow: note, event: note.torn}]",
            "signalled: note note.written, expected note note.torn",
        ),
        (
            f"signalled: [{{{EVENT}, payload: {{contains: {{text: milk}}}}}}]",
            'signalled[0].text: "tea", expected "milk"',
        ),
    ],
)
def test_what_differs_is_told(root: Path, expect: str, complaint: str) -> None:
    assert complaints(root, expect) == [complaint]
