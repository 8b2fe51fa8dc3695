"""Owns: that each rule of `router check` finds its mistake, says it in these words, at this place.
Imports: config.project, config.catalogue, cli.render, runtime.installed, runtime.exercise.
Never: changes a fixture, unless UPDATE_RULES=1 asks for new expected texts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from datetime import date
from pathlib import Path

import pytest

import router.config
from router.cli.render import render
from router.config.catalogue import load_catalogue
from router.config.ignores import settle
from router.config.project import load_project
from router.core.diagnostics import Diagnostic, Severity
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Rig
from router.runtime.exercise.exercise import Wanted
from router.runtime.exercise.session import Session
from router.runtime.installed import installed_adapters
from router.runtime.wiring import open_adapters

HERE = Path(__file__).parent
BASE = HERE / "base"
FIXTURES = sorted(one.name for one in HERE.iterdir() if re.fullmatch(r"[EW]\d{3}(-.+)?", one.name))
#: files of a fixture that are about it, not of its project
ABOUT = ("expected.txt", "remove.txt")
#: codes that no project can trigger, with the reason; empty is the aim
UNREACHABLE = {
    "E212": "a fault of the router itself: tests/unit/runtime/test_exercise.py makes one",
}
#: codes that `router test --generate` tells, not `router check`
GENERATED = ("E210", "E211", "E213", "E214", "E215")
#: fixtures that go through the command as well: one without a frame, one with, one of two files
COMMANDED = ("E000", "E031", "E053")
#: decides which ignores are over
TODAY = date(2026, 6, 1)

ROUTER = str(Path(sysconfig.get_path("scripts")) / "router")


@pytest.mark.parametrize("name", FIXTURES)
def test_a_mistake_is_found_at_its_place_in_these_words(name: str, tmp_path: Path) -> None:
    by = name.partition("-")[0]
    codes, text = (generated if by in GENERATED else checked)(lay(name, tmp_path))
    expected = HERE / name / "expected.txt"
    if os.environ.get("UPDATE_RULES") == "1":
        expected.write_text(text)
    assert text == expected.read_text()
    assert by in codes


def test_catalogue_source_and_fixtures_name_the_same_codes() -> None:
    catalogue = set(load_catalogue())
    shown = {name.partition("-")[0] for name in FIXTURES}
    assert catalogue == codes_in_the_source()
    assert shown | set(UNREACHABLE) == catalogue
    assert not shown & set(UNREACHABLE)


def test_the_base_is_clean(tmp_path: Path) -> None:
    findings, _ = check(lay("base", tmp_path))
    assert findings == []


@pytest.mark.parametrize("name", COMMANDED)
def test_the_command_prints_the_same_and_fails(name: str, tmp_path: Path) -> None:
    done = command(lay(name, tmp_path))
    *lines, count = done.stdout.splitlines()
    assert "\n".join(lines) + "\n" == (HERE / name / "expected.txt").read_text()
    assert re.match(r"[1-9]\d* errors?, 0 warnings in ", count)
    assert done.returncode == 1


def test_the_command_is_content_with_the_base(tmp_path: Path) -> None:
    done = command(lay("base", tmp_path))
    assert re.match(r"0 errors, 0 warnings in 1 channel, ", done.stdout)
    assert done.returncode == 0


def lay(name: str, tmp_path: Path) -> Path:
    """Return a project: the base, less what `remove.txt` lists, under the fixture's files."""
    root = tmp_path / "project"
    shutil.copytree(BASE, root)
    taken = HERE / name / "remove.txt"
    for line in taken.read_text().split() if taken.exists() else ():
        gone = root / line
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    if name != "base":
        _refuse_where_case_is_folded(HERE / name, root)
        shutil.copytree(
            HERE / name, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*ABOUT)
        )
    return root


def check(root: Path) -> tuple[list[Diagnostic], str]:
    """Return the findings of `router check` and their text."""
    project, found = load_project(root, installed_adapters())
    findings = settle(found, project.texts, TODAY).told
    assert all(one.severity is Severity.ERROR for one in findings if one.code.startswith("E"))
    return findings, render(findings, project.texts) + "\n"


def checked(root: Path) -> tuple[set[str], str]:
    """Return the codes of `router check` and its text."""
    findings, text = check(root)
    return {one.code for one in findings}, text


def generated(root: Path) -> tuple[set[str], str]:
    """Return the codes of `router test --generate` and what it complains of."""
    project, _ = load_project(root, installed_adapters())
    environment = project.environments["test"]
    adapters = open_adapters(project, environment, ProcessSecrets({}, root))
    rig = Rig(project=project, environment=environment, adapters=adapters)
    found = list(Session(rig, Wanted(most=20, seed="1")).run())
    lines = [line for one in found for line in one.complaints]
    return set(re.findall(r"\b[EW]\d{3}\b", "\n".join(lines))), "\n".join([*lines, ""])


def command(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    return subprocess.run(
        [ROUTER, "check", "--project", str(root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def codes_in_the_source() -> set[str]:
    """Return every code that the rooms of config, and what exercises a project, report."""
    found: set[str] = set()
    config = Path(router.config.__file__).parent
    for path in (*config.rglob("*.py"), *(config.parent / "runtime/exercise").glob("*.py")):
        found |= set(re.findall(r'"([EW]\d{3})"', path.read_text()))
    return found


def _refuse_where_case_is_folded(fixture: Path, root: Path) -> None:
    for path in fixture.rglob("*.yaml"):
        name = path.relative_to(fixture)
        there = root / name
        if there.exists() and there not in there.parent.iterdir():
            pytest.skip("this disk takes two names that differ by case for one")
