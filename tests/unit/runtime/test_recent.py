"""Instances that had a turn lately: known by the state that was read, and so many at most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from router.engine.workflow.living import Living
from router.runtime.recent import Recent

ONE: Any = SimpleNamespace(name="one")
OTHER: Any = SimpleNamespace(name="one")


def kept(recent: Recent, number: str = "i1", state: str = "h1") -> Living:
    living = Living(ONE)
    recent.keep(number, state, living)
    return living


def test_an_instance_is_found_by_the_state_that_it_is_in() -> None:
    recent = Recent()
    living = kept(recent)
    assert recent.take("i1", "h1", ONE) is living


def test_it_is_taken_for_one_turn() -> None:
    recent = Recent()
    living = kept(recent)
    assert recent.take("i1", "h1", ONE) is living
    assert recent.take("i1", "h1", ONE) is not living


def test_another_state_is_another_instance_and_the_one_that_was_kept_is_over() -> None:
    recent = Recent()
    living = kept(recent)
    assert recent.take("i1", "h2", ONE) is not living
    assert recent.take("i1", "h1", ONE) is not living


def test_one_that_begins_is_never_known() -> None:
    recent = Recent()
    assert recent.take("i1", "", ONE) is not recent.take("i1", "", ONE)


def test_a_definition_that_was_loaded_anew_is_another_one() -> None:
    recent = Recent()
    living = kept(recent)
    found = recent.take("i1", "h1", OTHER)
    assert found is not living
    assert found.workflow is OTHER


def test_the_one_whose_turn_is_the_longest_ago_goes_first() -> None:
    recent = Recent(most=2)
    first, second = kept(recent, "i1"), kept(recent, "i2")
    recent.keep("i1", "h2", recent.take("i1", "h1", ONE))
    third = kept(recent, "i3")
    assert recent.take("i2", "h1", ONE) is not second
    assert recent.take("i1", "h2", ONE) is first
    assert recent.take("i3", "h1", ONE) is third
