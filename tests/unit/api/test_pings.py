"""A ping without a signature is answered where the scheme has one, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.api.app import make_app
from router.api.guard import MAX_PING
from tests.unit.runtime.conftest import TEXTS, Landscape

CHANNEL = "routes/channels/shop.yaml"
NONE = "verify: {none: a test}"
SIGNED = "verify: {preset: woocommerce, secrets: ['env:SHOP']}"


class Secrets:
    """One secret."""

    def get(self, reference: str) -> str:
        return reference


@pytest.fixture
def land(tmp_path: Path, noon: Any) -> Iterator[Landscape]:
    text = TEXTS[CHANNEL]
    assert isinstance(text, str)
    made = Landscape(tmp_path, noon, {CHANNEL: text.replace(NONE, SIGNED)})
    yield made
    made.parts.close()


def asked(land: Landscape, body: bytes, **headers: str) -> int:
    """Return how a delivery is answered; nothing of it is kept."""
    transport = httpx.ASGITransport(make_app(lambda: land.parts, Secrets()))
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    async def post() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.post("/in/shop", content=body, headers=given)).status_code

    status = asyncio.run(post())
    assert land.sizes() == {}
    with land.store.read() as reader:
        assert reader.counters() == []
    return status


def test_a_ping_is_answered(land: Landscape) -> None:
    assert asked(land, b"webhook_id=7", content_type="application/x-www-form-urlencoded") == 200


@pytest.mark.parametrize(
    "body", [b"", b"webhook_id", b"{}", b" webhook_id=7", b"webhook_id=" + b"7" * MAX_PING]
)
def test_what_is_no_ping_is_refused(land: Landscape, body: bytes) -> None:
    assert asked(land, body) == 401


def test_a_wrong_signature_makes_no_ping(land: Landscape) -> None:
    assert asked(land, b"webhook_id=7", x_wc_webhook_signature="AAAA") == 401


def test_a_scheme_without_pings_refuses_them(tmp_path: Path, noon: Any) -> None:
    text = TEXTS[CHANNEL]
    assert isinstance(text, str)
    scheme = SIGNED.replace("woocommerce", "shopify")
    land = Landscape(tmp_path, noon, {CHANNEL: text.replace(NONE, scheme)})
    try:
        assert asked(land, b"webhook_id=7") == 401
    finally:
        land.parts.close()
