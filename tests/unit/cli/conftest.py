"""A small project on disk, and commands on it in this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli.main import main

BASE = Path(__file__).parents[2] / "rules" / "base"


class Shop:
    """A copy of the base of the rules, to which a test adds files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(BASE, root)

    def write(self, name: str, text: str) -> Path:
        """Write a file of it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        """Return a file of it."""
        return (self.root / name).read_text()

    def place(self, name: str, words: str) -> str:
        """Return where words stand in a file, as findings say it."""
        before, found, _ = self.read(name).partition(words)
        assert found, words
        return f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"

    def router(self, *words: str, env: dict[str, str] | None = None) -> Result:
        """Run a command on it; it never ends by an exception of its own."""
        done = CliRunner(env={"CI": "", **(env or {})}).invoke(
            main, [*words, "--project", str(self.root)]
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def data(self, *words: str) -> dict[str, Any]:
        """Return what a command says with --format json."""
        found: dict[str, Any] = json.loads(self.router(*words, "--format", "json").stdout)
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A fresh copy."""
    return Shop(tmp_path / "shop")
