"""Owns: a landscape whose work several processes share, each with roles; any of them is killed.
Imports: tests.crash.processes.
Never: kills them all at once.
"""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.crash.processes import START_SECONDS, Landscape, wait_until

#: who is at work: a name, and its roles
CREW = {
    "ingress": ("ingress",),
    "router-a": ("router",),
    "router-b": ("router",),
    "worker-a": ("worker",),
    "worker-b": ("worker",),
    "scheduler": ("scheduler",),
}


@dataclass(slots=True)
class Crew(Landscape):
    """Its "daemon" is some member of the crew, another one each time."""

    random: Random = field(default_factory=lambda: Random(1))
    members: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    #: how often each was killed
    killed: Counter[str] = field(default_factory=Counter)

    def start_daemon(self, *, wait: bool = True) -> None:
        """Start who does not run; with `wait`, until deliveries are taken."""
        for name in CREW:
            if name not in self.members or self.members[name].poll() is not None:
                self.start_member(name)
        if wait:
            self.wait_ready()

    def start_member(self, name: str) -> None:
        """Start one process."""
        roles = [word for role in CREW[name] for word in ("--role", role)]
        self.members[name] = self.begin("run", "--env", "crash", *roles, log=f"{name}.log")
        if name == "ingress":
            self.daemon = self.members[name]

    def kill_daemon(self) -> None:
        """Kill one of them."""
        name = self.random.choice([one for one in CREW if self.members[one].poll() is None])
        self.kill_member(name)

    def kill_member(self, name: str) -> None:
        """Kill one process as the machine would."""
        self.killed[name] += 1
        self.members[name].send_signal(signal.SIGKILL)
        self.members[name].wait(timeout=START_SECONDS)

    def end_member(self, name: str, grace: float) -> int:
        """Ask one process to end; return its exit code."""
        self.members[name].send_signal(signal.SIGTERM)
        return self.members[name].wait(timeout=grace)

    def end_members(self, grace: float) -> dict[str, int]:
        """Ask all of them to end, one after the other; return their exit codes."""
        codes = {}
        for name in self.members:
            codes[name] = self.end_member(name, grace)
        return codes

    def log(self) -> str:
        """Return what they said."""
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.root.glob("*.log"))
        )

    def wait_led(self) -> dict[str, list[str]]:
        """Wait until everything has a leader; return who leads what."""
        found: dict[str, list[str]] = {}

        def led() -> bool:
            found.clear()
            found.update(self.status()["leaders"])
            return all(found.values())

        wait_until(led, "everything is led", tick=0.2)
        return found
