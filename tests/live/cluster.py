"""Owns: three private RabbitMQ nodes that are one cluster; killing one, cutting one off.
Imports: nothing of the router.
Never: leaves a process behind; needs rights or a network of its own (nodes are cut off by cookies).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.processes import free_port
from tests.live.broker import Broker, end

NAMES = ("rabbit1", "rabbit2", "rabbit3")
COOKIE = "ROUTERTEST"
CONFIGURATION = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = rabbit1@localhost
cluster_formation.classic_config.nodes.2 = rabbit2@localhost
cluster_formation.classic_config.nodes.3 = rabbit3@localhost
cluster_formation.discovery_retry_limit = 20
cluster_formation.discovery_retry_interval = 100
cluster_partition_handling = pause_minority
raft.wal_max_size_bytes = 33554432
"""


class Cluster:
    """Three running nodes, as one broker."""

    def __init__(self, folder: Path) -> None:
        mapper = free_port()
        self.nodes = {
            one: Broker(folder / one, name=one, mapper=mapper, more=CONFIGURATION) for one in NAMES
        }
        self._down: set[str] = set()

    @property
    def address(self) -> str:
        """Return the addresses of all nodes."""
        return ";".join(one.address for one in self.nodes.values())

    def ctl(self, *words: str) -> str:
        """Ask a node that lives."""
        return next(node for name, node in self.nodes.items() if name not in self._down).ctl(*words)

    @contextmanager
    def running(self) -> Iterator[Cluster]:
        """Run the nodes; all have ended afterwards."""
        mapper = next(iter(self.nodes.values())).start_mapper()
        try:
            for node in self.nodes.values():
                node.begin()
            for node in self.nodes.values():
                node.stand_by()
            yield self
        finally:
            for node in self.nodes.values():
                node.stop()
            end(mapper)

    def leader(self, queue: str) -> str:
        """Return the name of the node that leads a queue."""
        rows = json.loads(self.ctl("list_queues", "name", "leader", "--formatter", "json"))
        found = next(str(row["leader"]) for row in rows if row["name"] == queue)
        return found.partition("@")[0]

    def kill(self, name: str) -> None:
        """Kill a node."""
        self.nodes[name].kill()
        self._down.add(name)

    def start(self, name: str) -> None:
        """Start a node that was killed."""
        self.nodes[name].start()
        self._down.discard(name)

    def cut_off(self, name: str) -> None:
        """Let a node and the others not talk any more, neither way."""
        for one in self._others(name):
            self._cookies(name, one, f"away{name}{one}", f"away{one}{name}")
        peers = ", ".join(f"'{one}@localhost'" for one in self._others(name))
        self._eval(name, f"[erlang:disconnect_node(N) || N <- [{peers}]].")
        self._down.add(name)

    def join(self, name: str) -> None:
        """Let a node and the others talk again, and start it anew: 3.10 leaves it partitioned."""
        for one in self._others(name):
            self._cookies(name, one, COOKIE, COOKIE)
        self.kill(name)
        self.start(name)

    def is_whole(self) -> bool:
        """Return whether every node runs and sees every other."""
        try:
            told = [
                json.loads(one.ctl("cluster_status", "--formatter", "json"))
                for one in self.nodes.values()
            ]
        except subprocess.CalledProcessError:
            return False
        return all(len(one["running_nodes"]) == len(NAMES) for one in told) and not any(
            one["partitions"] for one in told
        )

    def _others(self, name: str) -> list[str]:
        return [one for one in self.nodes if one != name]

    def _cookies(self, one: str, other: str, there: str, back: str) -> None:
        """Set what two nodes show each other: what differs lets neither in."""
        self._eval(one, f"erlang:set_cookie('{other}@localhost', '{there}').")
        self._eval(other, f"erlang:set_cookie('{one}@localhost', '{back}').")

    def _eval(self, name: str, text: str) -> None:
        self.nodes[name].ctl("eval", text)
