"""Mistakes seeded into copies of the shipped landscape: each is found before a message comes."""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_texts
from router.core.diagnostics import Diagnostic
from router.runtime.installed import installed_adapters
from tests.mistakes.seeded import Mistake, part_of, seeded, texts_in

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: cases, and sorts of mistakes, that there are at least
CASES, SORTS = 120, 20


def _read(name: str) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads((HERE / name).read_text())
    return made


FOUND = [Mistake(**one) for one in _read("found.json")]
BEYOND = _read("beyond.json")


@lru_cache(1)
def landscape() -> dict[str, str]:
    """Return the shipped texts."""
    return texts_in(ROOT)


@lru_cache
def clean(about: str) -> frozenset[Diagnostic]:
    """Return what is told of the part that a mistake is about, without the mistake."""
    return frozenset(told(part_of(landscape(), about)))


def told(texts: dict[str, str]) -> list[Diagnostic]:
    """Return the findings of a project."""
    return load_texts(ROOT, texts, installed_adapters())[1]


def test_there_are_as_many_mistakes_as_promised() -> None:
    assert len(FOUND) >= CASES
    assert len({one.name for one in FOUND}) == len(FOUND)
    sorts = Counter(one.name.rpartition(" ")[0] for one in FOUND)
    assert len(sorts) >= SORTS


@pytest.mark.parametrize("mistake", FOUND, ids=lambda one: one.name)
def test_a_mistake_is_found_and_both_ends_are_named(mistake: Mistake) -> None:
    found = [one for one in told(seeded(landscape(), mistake)) if one not in clean(mistake.about)]
    (one,) = [one for one in found if (one.code, str(one.place)) == (mistake.code, mistake.at)][:1]
    assert mistake.names in f"{one.message} {one.hint}"


@pytest.mark.parametrize("case", BEYOND, ids=lambda one: one["name"])
def test_what_no_contract_tells_is_left_to_documents(case: dict[str, Any]) -> None:
    """The list is to shrink: a case that is found belongs among those that are."""
    parts = {key: held for key, held in case.items() if key != "why"}
    mistake = Mistake(**parts, code="", at="", names="")
    assert case["why"]
    assert set(told(seeded(landscape(), mistake))) <= clean(mistake.about)
