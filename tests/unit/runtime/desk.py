"""Owns: a landscape with one channel that takes files, stepped by hand.
Imports: the runtime, the small landscape.
Never: waits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from router.infra.store.letters import LetterQuery
from router.runtime.journey import journey_lines, journeys
from router.runtime.operator import carry_out
from tests.unit.runtime.conftest import Landscape

CHANNEL = """
    channel: desk
    owner: us
    from:
      FILE
      records: RECORDS
    kind: =`"plain"`
    identity: {object: [=body.id], compare: [=body.amount]}
    routes:
      plain:
        accept: order@1
        steps:
          - transform: shop/thing
          - produce: {object: thing@1}
    otherwise: [{discard: not wanted}]
    on_failure: patient
    """
ENVIRONMENT = """
    environment: test
    store: {sqlite: store.db}
    systems: {far: {}}
    channels: {desk: {folder: in, archive: "done/{day}"}}
    """


class Desk:
    """A folder with its landscape."""

    def __init__(self, root: Path, noon: Any, file: str, records: str = "=body") -> None:
        texts = {
            "routes/channels/desk.yaml": CHANNEL.replace("FILE", file).replace("RECORDS", records),
            "routes/environments/test.yaml": ENVIRONMENT,
        }
        self.land = Landscape(root, noon, texts)
        self.root = self.land.project.root
        self.inbox = self.root / "in"
        self.inbox.mkdir()
        (self.folder,) = self.land.parts.folders

    def drop(self, name: str, text: str | bytes) -> None:
        """Put a file there and let it be read."""
        (self.inbox / name).write_bytes(text.encode() if isinstance(text, str) else text)
        self.look()

    def look(self) -> str:
        """Look into the folder once; return what it complains of."""
        complaint = ""
        try:
            self.folder.step()
        except OSError as error:
            complaint = str(error)
        self.land.run()
        return complaint

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask as an operator does, and let it be carried out."""
        now = self.land.clock.now()
        found = self.land.store.write(lambda one: carry_out(one, verb, arguments, now))
        for _ in range(5):
            self.land.parts.operator.step()
            self.land.clock.move_to(self.land.clock.now().replace(second=30))
        self.land.run()
        return found

    def counted(self) -> dict[tuple[str, str], int]:
        """Return how often the desk came to each word."""
        return {
            (consumer, word): n
            for (consumer, word, _), n in self.land.counted().items()
            if consumer.startswith("desk")
        }

    def archived(self) -> list[str]:
        """Return what lies in the archive."""
        done = self.root / "done"
        return sorted(str(one.relative_to(done)) for one in done.rglob("*") if one.is_file())

    def told(self, word: str) -> str:
        """Return what a trace says."""
        with self.land.store.read() as reader:
            return "\n".join(line for one in journeys(reader, word) for line in journey_lines(one))

    def letters(self) -> list[dict[str, Any]]:
        """Return the open dead letters."""
        with self.land.store.read() as reader:
            return reader.letters.find(LetterQuery())

    def waiting(self) -> list[tuple[str, str, str]]:
        """Return the files that wait: name, why, in words."""
        with self.land.store.read() as reader:
            return [(one.name, one.reason, one.detail) for one in reader.files.waiting()]
