"""A message is fixed before it leaves; the broker's word becomes a status."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.amqp import AmqpAdapter, AmqpRequest, AmqpSettings
from router import Prepared, Retryable, TransformError
from router.config.components import INVALID
from router.infra.secrets import ProcessSecrets
from tests.crash.processes import free_port

DOCUMENT = {"id": "ä", "n": 1}
BYTES = '{"id":"ä","n":1}'.encode()


def adapter_at(address: str, **settings: Any) -> AmqpAdapter:
    secrets = ProcessSecrets({"BROKER": address}, None)
    settings.setdefault("timeout", timedelta(seconds=5))
    return AmqpAdapter(AmqpSettings(broker="env:BROKER", **settings), secrets)


@pytest.fixture
def request_of(workshop: Any) -> Any:
    """A maker of requests."""

    def make(text: str) -> Any:
        made = workshop.decode(AmqpRequest, text, "reference", "shop")
        assert made is not INVALID, workshop.told
        return made

    return make


def prepared(request: Any, **values: Any) -> Prepared:
    return adapter_at("amqp://h/").prepare(request, {"reference": "r1", **values}, DOCUMENT)


def test_the_exact_message_is_prepared(request_of: Any) -> None:
    request = request_of(
        "{publish: 'orders.{shop}', exchange: erp, type: order, headers: {shop: '{shop}'}}"
    )
    assert prepared(request, shop="s1") == Prepared(
        head={
            "verb": "publish",
            "target": "erp/orders.s1",
            "exchange": "erp",
            "key": "orders.s1",
            "id": "r1",
            "type": "order",
            "headers": {"shop": "s1"},
        },
        body=BYTES,
    )


@pytest.mark.parametrize("shop", ["", "x" * 256, "ä" * 128])
def test_a_routing_key_that_cannot_be_is_the_messages_fault(request_of: Any, shop: str) -> None:
    with pytest.raises(TransformError, match="routing key"):
        prepared(request_of("{publish: '{shop}', exchange: erp}"), shop=shop)


def test_a_name_that_no_broker_takes_is_told_before(request_of: Any) -> None:
    request = request_of(f"{{publish: a, exchange: {'x' * 256}}}")
    assert request.complaint() == "exchange: is longer than 255 bytes"
    assert request_of("{publish: a, exchange: erp}").complaint() == ""


def test_without_a_broker_it_is_retried_and_told_without_the_password(request_of: Any) -> None:

    adapter = adapter_at(
        f"amqp://u:secret@127.0.0.1:{free_port()}/", timeout=timedelta(milliseconds=800)
    )
    health = adapter.check()
    with pytest.raises(Retryable) as raised:
        adapter.call(prepared(request_of("{publish: a, exchange: erp}")), {})
    adapter.close()
    for text in (str(raised.value), health.text):
        assert "refused" in text
        assert "secret" not in text
    assert not health.ok


@pytest.mark.parametrize("address", ["http://h/", "amqp:///"])
def test_an_address_that_is_none_is_retried(request_of: Any, address: str) -> None:
    with pytest.raises(Retryable, match="address of the broker"):
        adapter_at(address).call(prepared(request_of("{publish: a, exchange: erp}")), {})


def test_a_secret_that_is_missing_is_the_callers_to_tell() -> None:
    adapter = AmqpAdapter(
        AmqpSettings(broker="env:NOWHERE", timeout=timedelta(seconds=1)), ProcessSecrets({}, None)
    )
    assert adapter.check().text == "env:NOWHERE"
