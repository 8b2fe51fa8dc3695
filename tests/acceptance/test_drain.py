"""A channel is drained and taken out of the project while the daemon runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.calls import hook, level, post, raw, reload, request_bytes, router
from tests.crash.processes import ROOT, Landscape, Settings, pause, wait_until

#: a file stands still for two seconds before it is read, and is looked at every second
UNTOUCHED_SECONDS = 4.0
CHANNELS = ROOT / "routes" / "channels" / "fixtures"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Landscape]:
    """A daemon whose far sides do not answer yet."""
    order = json.loads((CHANNELS / "order_answer.json").read_text())["order"]
    made = Landscape.copied(tmp_path / "project", Settings(orders=(order,)))
    try:
        made.start_daemon()
        yield made
    finally:
        made.close()


def test_a_channel_is_drained_and_then_dropped(place: Landscape) -> None:
    approved = (CHANNELS / "return_approved.json").read_bytes()
    assert post(place, approved, kind="returns/approve").status == 202
    wait_until(lambda: place.query("SELECT * FROM due") != [], "the shop does not answer")

    said = router(place, "drain", "channel:shopify", "--reason", "it moves")
    assert said == "channel:shopify is draining, 1 left\n"
    assert "draining: channel:shopify since " in router(place, "status")
    assert place.status()["paused"]["channel:shopify"]["left"] == 1
    refused_at_the_door(place)

    # what is not drained cannot be taken out
    for path in (place.root / "routes" / "channels").glob("shopify*"):
        path.unlink()
    for path in (place.root / "routes" / "environments").glob("*.yaml"):
        path.write_text(path.read_text().replace("takes: [shopify, poslog]", "takes: [poslog]"))
    assert reload(place) == "reload_refused"
    assert "messages wait for shopify:returns/approve" in place.log()

    place.start_sandbox()
    said = router(place, "drain", "channel:shopify", "--wait", "60")
    assert said == "channel:shopify is drained\n"
    assert "drained: channel:shopify since " in router(place, "status")
    refused_at_the_door(place)

    assert reload(place) == "reloaded"
    assert post(place, level()).status == 404
    assert place.status()["paused"] == {}


def test_a_drained_folder_is_left_alone(place: Landscape) -> None:
    assert router(place, "drain", "channel:poslog") == "channel:poslog is drained\n"
    shutil.copy(CHANNELS / "day.xml", place.inbox / "day.xml")
    pause(UNTOUCHED_SECONDS)
    assert [one.name for one in place.inbox.iterdir()] == ["day.xml"]
    router(place, "resume", "channel:poslog")
    wait_until((place.archive / "day.xml").exists, "the file is read")


def refused_at_the_door(place: Landscape) -> None:
    answer = raw(place, request_bytes(hook(level()), more=b"connection: close\r\n"))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 60\r\n" in answer
