"""Addresses of a broker: what may be shown of them, which node is tried next."""

from __future__ import annotations

import pytest

from router.core.errors import Unavailable
from router.infra.amqp.address import Nodes, address_of


def test_what_is_shown_has_no_password() -> None:
    assert address_of("amqps://me:secret@far:5671/shop") == "amqps://far:5671/shop"
    nodes = Nodes("amqp://me:a@one:1/; amqp://me:b@[::1]:2/x ;")
    assert nodes.name == "amqp://one:1/; amqp://[::1]:2/x"


def test_each_try_goes_to_the_next_node() -> None:
    nodes = Nodes("amqp://one;amqp://two;amqp://three")
    assert [nodes.next() for _ in range(4)] == [
        "amqp://one",
        "amqp://two",
        "amqp://three",
        "amqp://one",
    ]


@pytest.mark.parametrize("text", ["", ";", "amqp://", "http://far", "amqp://far:x/", "amqp://a;b"])
def test_what_is_no_address_is_told_when_it_is_named(text: str) -> None:
    with pytest.raises(Unavailable, match="amqp://user:password@host:5672/vhost"):
        _ = Nodes(text).name
