"""Owns: a later version of the shipped workflow, for tests that change a definition in flight.
Imports: config.project, runtime.installed.
Never: touches the project's own files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from router.config.files import read_texts
from router.config.project import Project, load_texts
from router.core.diagnostics import Report, Severity
from router.runtime.installed import installed_adapters

ROOT = Path(__file__).parents[2]
NAME = "retail_return"
FILE = f"routes/workflows/{NAME}.yaml"
#: the step `refund` is called so in the later version
RENAMED = "payout"
#: what only the later version has
ADDED = "thank"
_STEP = f"""  {ADDED}:
    each: claims
    needs: [{RENAMED}]
    send: {{operation: market_desk.confirm_refund, view: part, transform: returns/part_instruction}}
    on_fail: {{rejected: skip}}
"""


def shipped() -> dict[str, str]:
    """Return the texts of the project, without what is beside them."""
    texts = read_texts(ROOT, Report())
    return {name: text for name, text in texts.items() if not name.endswith(".test.yaml")}


def later(texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts whose workflow calls `refund` otherwise, and has a step more."""
    text = texts[FILE]
    text = re.sub(r"(?<![\w.])refund(?![\w.])", RENAMED, text)
    text = re.sub(r"steps\.refund\b(?!_)", f"steps.{RENAMED}", text)
    version = re.search(r"version: (\d+)", text)
    assert version is not None
    text = text.replace(version[0], f"version: {int(version[1]) + 1}", 1)
    text = text.replace("  claim_fee:\n", f"{_STEP}  claim_fee:\n", 1)
    return {**texts, FILE: text}


def made_of(texts: Mapping[str, str]) -> Project:
    """Return the project of texts that have no mistake."""
    project, findings = load_texts(ROOT, texts, installed_adapters())
    assert [one for one in findings if one.severity is Severity.ERROR] == []
    return project
