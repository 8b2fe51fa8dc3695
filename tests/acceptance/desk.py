"""Owns: the little project tests/acceptance/parcels as a running landscape, and its traces.
Imports: the standard library.
Never: changes the project's own files.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.calls import post, router
from tests.crash.processes import Landscape, free_port, wait_until

PROJECT = Path(__file__).parent / "parcels"
#: ports that stand in its files; a free one takes the place of each
PORT, SANDBOX_PORT = "8321", "8390"
#: what a time is shown as, as wide as a time
TIME = "YYYY-MM-DDThh:mm:ss.mmmZ"


def parcels(root: Path) -> Landscape:
    """Return a copy of the project in a folder of its own; nothing of it runs yet."""
    shutil.copytree(PROJECT, root)
    made = Landscape(root=root, port=free_port(), sandbox_port=free_port())
    for path in root.glob("routes/[es]*s/crash.yaml"):
        text = path.read_text().replace(PORT, str(made.port))
        path.write_text(text.replace(SANDBOX_PORT, str(made.sandbox_port)))
    return made


def box(name: str, size: str = "S", address: str = "Bern") -> dict[str, Any]:
    """Return a box; one without an address has none."""
    made = {"box": name, "size": size, "address": address}
    return {key: value for key, value in made.items() if value}


def parcel(name: str, order: str, *boxes: dict[str, Any]) -> bytes:
    """Return the body of a parcel."""
    return json.dumps(
        {"parcel": name, "order": order, "boxes": boxes or [box(f"{name}-1")]}
    ).encode()


@dataclass(slots=True)
class Desk:
    """Sends as the desk does, and reads traces with the names of the test for every id."""

    place: Landscape
    #: messages and deliveries, by their ids
    names: dict[str, str] = field(default_factory=dict)

    def sends(self, name: str, kind: str, body: bytes, event: str = "") -> None:
        """Send a message, which the test calls `name` from now on; it must be taken."""
        event = event or f"event-{name}"
        reply = post(self.place, body, path="/in/desk", x_kind=kind, x_event=event)
        assert reply.status == 202, reply
        taken = json.loads(reply.text)
        self.names[taken["messages"][0]["id"]] = f"<{name}>"
        self.names[taken["delivery"]] = f"<{name}'s delivery>"

    def id_of(self, name: str) -> str:
        """Return the id of the newest message of that name: its sender was told."""
        return [one for one, called in self.names.items() if called == f"<{name}>"][-1]

    def settle(self) -> None:
        """Wait until all that can go on has gone on."""

        def settled() -> bool:
            return self.place.query("SELECT 1 FROM queue UNION ALL SELECT 1 FROM due") == []

        wait_until(settled, "nothing is on its way")

    def dies(self) -> None:
        """Wait until the daemon has died, as by kill -9."""
        daemon = self.place.daemon
        assert daemon is not None
        wait_until(lambda: daemon.poll() is not None, "it dies")
        assert daemon.returncode == -signal.SIGKILL

    def router(self, *words: str) -> str:
        """Run a command that must succeed; return what it prints, as it prints it."""
        return router(self.place, *words)

    def trace(self, word: str, *, settled: bool = True) -> str:
        """Return what `router trace` prints; if `settled`, when nothing is on its way any more."""
        if settled:
            self.settle()
        return self._named(self.router("trace", word))

    def found_by(self, *words: str) -> set[str]:
        """Return the transactions that a trace finds by these words; each must find one."""
        found = [json.loads(self.router("trace", one, "--format", "json")) for one in words]
        assert all(one["journeys"] for one in found)
        ids = {journey["correlationid"] for one in found for journey in one["journeys"]}
        return {self._named(one) for one in ids}

    def pointed_at(self, place: str) -> str:
        """Return what stands at a place that a trace names, to the end of its line."""
        path, line, column = place.split(":")
        text = (self.place.root / path).read_text().splitlines()[int(line) - 1]
        return text[int(column) - 1 :]

    def made(self) -> list[str]:
        """Return the boxes that the carrier has made labels for, doubles included."""
        return [one["box"] for one in self.place.documents("labels")]

    def _named(self, text: str) -> str:
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", TIME, text)
        for one, name in self.names.items():
            text = text.replace(one, name)
        return re.sub(r"(?<=our reference )[0-9a-f]{32}\b", "<ours>", text)
