"""Requests for pages: what is left out, and where an address of an answer may lead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from adapters.http import HttpAdapter, HttpRequest, HttpSettings
from router import TransformError

REQUEST = """
get: /list
query: {limit: "2"}
optional: {since: "{since}"}
follow: "{link}"
"""
SETTINGS = {"timeout": timedelta(seconds=1), "answer_limit": 1000, "auth": None, "long_numbers": ""}


class Secrets:
    """There are none."""

    def get(self, reference: str) -> str:
        raise LookupError(reference)


@pytest.fixture
def prepared(workshop: Any) -> Callable[..., dict[str, Any]]:
    """The head of a request for a page."""

    def make(link: Any, since: Any = None) -> dict[str, Any]:
        settings = HttpSettings(url="https://shop.example/api/", **SETTINGS)
        request = workshop.decode(HttpRequest, REQUEST, "since", "link")
        made = HttpAdapter(settings, Secrets()).prepare(
            request, {"link": link, "since": since}, None
        )
        return dict(made.head)

    return make


def test_a_parameter_whose_value_is_null_is_left_out(prepared: Any) -> None:
    assert prepared(None)["query"] == {"limit": "2"}
    assert prepared(None, since="x")["query"] == {"limit": "2", "since": "x"}


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("?offset=2&a=%2F", "/list?offset=2&a=%2F"),
        ("/api/more", "/more"),
        ("https://shop.example/api/list?page=2", "/list?page=2"),
    ],
)
def test_a_link_is_asked_for_as_it_is(prepared: Any, link: str, target: str) -> None:
    head = prepared(link, since="x")
    assert (head["target"], head["query"]) == (target, {})


@pytest.mark.parametrize(
    "link",
    [
        "https://other.example/api/list",
        "http://shop.example/api/list",
        "https://shop.example:8443/api/list",
        "https://a@shop.example/api/list",
        "https://shop.example@other.example/api/list",
        "//other.example/api/list",
        "/other",
        "/apiary",
        "https://shop.example/api/../admin",
        "https://shop.example/api/%2e%2e/admin",
        "http://[",
    ],
)
def test_a_link_to_another_address_is_not_followed(prepared: Any, link: str) -> None:
    with pytest.raises(TransformError, match="link"):
        prepared(link)


def test_only_a_get_follows(workshop: Any) -> None:
    request = workshop.decode(HttpRequest, 'post: /list\nfollow: "{link}"', "link")
    assert request.complaint() == "follow: belongs to a get"
