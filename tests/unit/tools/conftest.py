"""Commands in this process, over the project of the rule fixtures and over the landscape."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli.main import main

ROOT = Path(__file__).parents[3]
BASE = ROOT / "tests" / "rules" / "base"

Command = Callable[..., Result]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A small project without a mistake."""
    root = tmp_path / "base"
    shutil.copytree(BASE, root)
    return root


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run a command in an empty folder; nothing but a chosen end comes out of it."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def run(*words: str | Path) -> Result:
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done

    return run
