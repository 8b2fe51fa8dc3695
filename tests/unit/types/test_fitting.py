"""A value against what a contract lets through: what is told, and the nearest name."""

from __future__ import annotations

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
