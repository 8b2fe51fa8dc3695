"""A command is over before Python looks for cycles; what runs on, or loads again, is looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BASE = Path(__file__).parents[2] / "rules" / "base"
#: what each script begins with; `looks` counts the searches of any generation
HEAD = f"""
import gc
from pathlib import Path
from router.cli.common import load
from router.runtime.memory import begin_memory, building, let_go, settle_memory

def looks():
    return sum(one["collections"] for one in gc.get_stats())

class Ring:
    def __init__(self):
        self.me = self

ROOT = Path({str(BASE)!r})
"""


def told(script: str) -> str:
    """Return what a process of its own prints: how often one looks is the process's."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_command_loads_without_a_search_and_keeps_it_until_its_end() -> None:
    script = """
begin_memory()
before = looks()
project, findings = load(ROOT)
print(looks() - before, findings, gc.isenabled(), gc.get_freeze_count() > 1000)
"""
    assert told(script) == "0 [] True True"


def test_what_is_made_after_the_load_is_searched() -> None:
    script = """
import weakref
begin_memory()
load(ROOT)
ring = weakref.ref(Ring())
gc.collect()
print(ring())
"""
    assert told(script) == "None"


def test_who_loads_again_does_not_keep_what_was_loaded() -> None:
    script = """
import weakref
begin_memory()
with building():
    ring = Ring()
kept = weakref.ref(ring)
del ring
gc.collect()
print(kept() is None)
let_go()
print(kept() is None, gc.get_freeze_count())
"""
    assert told(script) == "False\nTrue 0"


def test_what_runs_on_settles_at_its_own_measure() -> None:
    script = """
begin_memory()
load(ROOT)
settle_memory()
kept = gc.get_freeze_count()
with building():
    pass
print(gc.get_threshold(), gc.get_freeze_count() == kept)
"""
    assert told(script) == "(50000, 20, 20) True"


def test_who_only_uses_the_router_is_searched_as_before() -> None:
    script = """
usual = gc.get_threshold()
load(ROOT)
print(gc.get_threshold() == usual, gc.get_freeze_count(), gc.isenabled())
"""
    assert told(script) == "True 0 True"
