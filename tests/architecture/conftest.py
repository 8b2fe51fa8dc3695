"""The project's own source, parsed once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root of the project, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """`router` or `adapters`."""
        return self.path.split("/", 1)[0]

    @property
    def floor(self) -> str:
        """The folder below `router`; empty for the package's own file and for adapters."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "router" and len(parts) > 2 else ""

    @property
    def dotted(self) -> list[tuple[str, int]]:
        """Every name written with dots, `a.b.c`, and its line."""
        return [
            (ast.unparse(node), node.lineno)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Attribute)
        ]

    @property
    def imports(self) -> list[tuple[str, tuple[str, ...], int]]:
        """Every import wherever it stands: module, names taken from it, line."""
        found: list[tuple[str, tuple[str, ...], int]] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.extend((one.name, (), node.lineno) for one in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                found.append((module, tuple(one.name for one in node.names), node.lineno))
        return found


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the project."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every Python file of the engine and of the adapters."""
    made = []
    for package in ("router", "adapters"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            made.append(Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text)))
    assert len(made) > 50, "the source is where this file expects it"
    return made
