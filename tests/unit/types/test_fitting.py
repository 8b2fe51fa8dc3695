"""A value against what a contract lets through: what is told, and the nearest name."""

from __future__ import annotations

from dataclasses import replace

import jmespath
import pytest

from router.config.types.absence import guarded
from router.config.types.fitting import misfit
from router.config.types.type import TEXT, Literal, object_of

WANTED = object_of(Literal({"amount": TEXT, "currency": TEXT}))


def test_a_field_too_many_is_told_with_the_nearest_that_is_one() -> None:
    made = object_of(Literal({"amount": TEXT, "currency": TEXT, "curency": TEXT}))
    found = misfit(made, WANTED, ".total")
    assert found is not None
    assert (found.code, found.below, found.what) == ("E192", ".total.curency", "is no field there")
    assert found.hint == "did you mean currency?"


def test_what_has_the_fields_fits() -> None:
    assert misfit(object_of(Literal({"amount": TEXT, "currency": TEXT})), WANTED) is None


@pytest.mark.parametrize(("longest", "cuts"), [(3, False), (16, False), (255, True)])
def test_a_code_is_never_cut(longest: int, *, cuts: bool) -> None:
    found = misfit(replace(TEXT, longest=5000), replace(TEXT, longest=longest), ".currency")
    assert found is not None
    assert found.code == "E194"
    assert found.hint.startswith(f"maxLength: {longest} in the contract of the input")
    assert ("slice" in found.hint) is cuts


@pytest.mark.parametrize(
    ("name", "alone", "told"),
    [
        ("instant", True, "=body.x && instant(body.x) where it may be left out, first_of("),
        ("money", False, "=body.x && money(...) where it may be left out, or needed("),
    ],
)
def test_what_may_be_missing_is_left_out_and_money_never_guessed(
    name: str, told: str, *, alone: bool
) -> None:
    tree = jmespath.compile("body.x").parsed
    assert guarded(name, tree, alone=alone).startswith(told)
