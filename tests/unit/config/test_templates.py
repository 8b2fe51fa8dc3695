"""Templates: literal texts with places that only known names may fill."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from router.config.components import INVALID
from router.config.templates import TEMPLATE
from router.core.errors import TransformError


def test_places_are_filled_and_encoded_the_rest_is_not(workshop: Any) -> None:
    template = workshop.decode(TEMPLATE, "'/a b/{id}/x/{name_2}'", "id", "name_2")
    values = {"id": "ö/1", "name_2": 7}
    assert template.fill(values, lambda text: quote(text, safe="")) == "/a b/%C3%B6%2F1/x/7"
    assert template.fill(values) == "/a b/ö/1/x/7"


def test_a_value_is_not_read_as_a_template(workshop: Any) -> None:
    template = workshop.decode(TEMPLATE, "'{a}{b}'", "a", "b")
    assert template.fill({"a": "{b}", "b": "x"}) == "{b}x"


@pytest.mark.parametrize("text", ["/plain", "100%", "a=b"])
def test_a_text_without_places_is_itself(workshop: Any, text: str) -> None:
    assert workshop.decode(TEMPLATE, f"'{text}'").fill({}) == text


@pytest.mark.parametrize("value", [None, True, 1.5, ["4711"], {"a": "4711"}])
def test_a_place_takes_a_text_or_a_whole_number(workshop: Any, value: Any) -> None:
    template = workshop.decode(TEMPLATE, "'/{id}'", "id")
    with pytest.raises(TransformError) as raised:
        template.fill({"id": value})
    assert "4711" not in str(raised.value)
    assert "{id}" in str(raised.value)


def test_a_name_that_is_not_in_reach_is_told_with_the_nearest(workshop: Any) -> None:
    assert workshop.decode(TEMPLATE, "'/{refernce}'", "reference") is INVALID
    assert workshop.codes == ["E120"]
    assert "did you mean reference?" in workshop.told


@pytest.mark.parametrize(
    "text", ["/{Id}", "/{ id }", "/{id", "/{order-id}", "/{}", "/{id}}", "/{{id}}"]
)
def test_a_brace_that_makes_no_place_is_told(workshop: Any, text: str) -> None:
    # sent as it is written, it would ask the far side for `{Id}`
    assert workshop.decode(TEMPLATE, f"'{text}'", "id") is INVALID
    assert workshop.codes == ["E120"]


@pytest.mark.parametrize("text", ["5", "[a]", "{a: b}", "~"])
def test_a_template_is_a_text(workshop: Any, text: str) -> None:
    assert workshop.decode(TEMPLATE, text) is INVALID
    assert workshop.codes == ["E012"]
