"""`router try`: who fails behind a channel is told at the end, and by the exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.engine.test_signal import CHANNEL, PRODUCE, TEXTS, WRITTEN

NOTE = '{"id": "n1", "kind": "note", "text": "T", "lines": [{"name": "a"}]}'
TOLD = f"      - transform: inbox/memo\n      - {WRITTEN}\n"
FLOW = "routes/flows/file_task.yaml"
FILTERED = "steps:\n  - filter: {if: \"=payload.title == 'U'\", else: {dead_letter: not_ours}}\n"


@pytest.mark.parametrize("fails", [False, True])
def test_a_consumer_that_dies_is_told_last(shop: Any, tmp_path: Any, *, fails: bool) -> None:
    payload = tmp_path / "note.json"
    payload.write_text(NOTE)
    if fails:
        shop.write(FLOW, shop.read(FLOW).replace("steps:\n", FILTERED))
    done = shop.router("try", "inbox", str(payload), "--env", "test")
    last = "but          flow:file_task: dead_lettered (not_ours)"
    lines = ["outcome      note: routed", *([last] if fails else [])]
    assert done.output.splitlines()[-len(lines) :] == lines
    assert done.exit_code == int(fails)
    assert ("not_ours in dead_letter" in done.output) is fails
    said = json.loads(
        shop.router("try", "inbox", str(payload), "--env", "test", "--format", "json").stdout
    )
    assert said["dead"] == ([{"consumer": "flow:file_task", "reason": "not_ours"}] if fails else [])
    assert said["ok"] is not fails


def test_what_is_told_to_a_workflow_is_shown(shop: Any, tmp_path: Any) -> None:
    payload = tmp_path / "note.json"
    payload.write_text(NOTE)
    for name, text in TEXTS.items():
        shop.write(name, text)
    shop.write(CHANNEL, shop.read(CHANNEL).replace(PRODUCE, TOLD))
    words = ("try", "inbox", str(payload), "--env", "test")
    assert "workflow:note is told note.written" in shop.router(*words).output.splitlines()
    said = json.loads(shop.router(*words, "--format", "json").stdout)
    memo = {"id": "n1", "text": "T", "lines": [{"name": "a"}]}
    assert said["signalled"] == [{"workflow": "note", "event": "note.written", "payload": memo}]
    assert said["ok"]
