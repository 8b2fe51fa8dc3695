"""Examples of contracts that are none: told in words, one result a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from router.config.project import load_project
from router.runtime.examples import check_examples
from router.runtime.installed import installed_adapters

BASE = Path(__file__).parents[2] / "rules" / "base"


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("counterexamples", '{"rule": "required"}', "lacks document, at: a counterexample has"),
        ("counterexamples", "[]", "lacks document, rule, at: a counterexample has"),
        ("counterexamples", "{", "is no JSON: "),
        ("examples", "{'id': 1}", "is no JSON: "),
        ("examples", "\xff", "is no JSON: "),
        ("examples", '{"id": "1"}', "lacks title"),
        ("examples", '{"id": "1", "title": "a"}', ""),
        ("counterexamples", '{"document": {"id": "1"}, "rule": "required", "at": ""}', ""),
    ],
)
def test_what_is_no_example_is_told(tmp_path: Path, kind: str, text: str, said: str) -> None:
    root = Path(shutil.copytree(BASE, tmp_path / "project"))
    path = root / "contracts/task" / kind / "1.0.0/one.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("latin-1"))
    project, _ = load_project(root, installed_adapters())
    (result,) = check_examples(project)
    assert "; ".join(result.complaints).find(said) >= 0
    assert bool(result.complaints) is bool(said)
