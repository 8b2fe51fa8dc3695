"""Owns: where the executables of a broker come from: this machine, or a folder with a whole Debian.
Imports: nothing of the router.
Never: leaves a mount behind, or a process that outlives who began it.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.conftest import absent

SERVICES = Path(__file__).parents[2] / "scripts" / "services"
#: where processes of a root have a folder of their own, which is empty and goes with them: folders
#: of tests lie there, so that nothing is written into the root
ROOM = Path("/tmp")
#: runs words in another root, where a folder has the name that it has outside. The mounts are seen
#: by these processes alone, and end with the last of them
ENTER = f"""\
root=$1 folder=$2; shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root{ROOM}"
mkdir -p "$root$folder"
mount --bind "$folder" "$root$folder"
exec chroot "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class Root:
    """A file system with a broker; `/` is that of the machine."""

    path: Path

    def seen(self, folder: Path, *words: str) -> tuple[str, ...]:
        """Return a command that runs words where this is the root, and `folder` is there, too.

        It is one process all the way: whoever signals it signals what the words began.
        """
        if self == MACHINE:
            return words
        return ("unshare", "--mount", "sh", "-ec", ENTER, "-", str(self.path), str(folder), *words)

    @property
    def scripts(self) -> Path:
        """Return the folder of the real scripts: those on the path change to the system's user."""
        found = sorted(self.path.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))
        if not found or not (self.path / "usr/bin/epmd").exists():
            absent("rabbitmq-server")
        return MACHINE.path / found[-1].relative_to(self.path)


MACHINE = Root(Path("/"))


def debian13() -> Root:
    """Return a Debian 13, whose broker is 4.0; it is made where it is not there.

    Where it cannot be, tests are skipped, in CI too: only their long forms want it.
    """
    done = subprocess.run(
        [SERVICES, "rabbitmq4"], capture_output=True, text=True, check=False, timeout=1800
    )
    said = (done.stdout + done.stderr).strip()
    if done.returncode != 0:
        pytest.skip(f"no Debian 13 with RabbitMQ 4.0: {said[-400:]}")
    made = Root(Path(said.splitlines()[-1]))
    assert made.scripts.parent.name.startswith("rabbitmq_server-4.0."), made.scripts
    tried = subprocess.run(
        made.seen(ROOM, "true"), capture_output=True, text=True, check=False, timeout=60
    )
    if tried.returncode != 0:
        pytest.skip(f"the Debian 13 cannot be entered: {tried.stderr.strip()}")
    return made
