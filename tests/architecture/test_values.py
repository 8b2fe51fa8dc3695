"""Values of the hot path and of a load are immutable for the type checker, which is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CHANGES = {
    "message": "from router.core.message import Message as Value\n"
    "def change(one: Value) -> None:\n    one.id = 'other'\n",
    "claim": "from router.core.claim import Claim as Value\n"
    "def change(one: Value) -> None:\n    one.key = b'other'\n",
    "decision": "from router.core.decision import Routed as Value\n"
    "def change(one: Value) -> None:\n    one.effects = ()\n",
    "place": "from router.core.diagnostics import Place as Value\n"
    "def change(one: Value) -> None:\n    one.line = 2\n",
    "node": "from router.config.source import Scalar as Value\n"
    "def change(one: Value) -> None:\n    one.value = 'other'\n",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_value_cannot_be_changed(name: str, tmp_path: Path) -> None:
    made = tmp_path / "change.py"
    made.write_text(CHANGES[name])
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(made)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is read-only" in done.stdout, done.stdout + done.stderr
