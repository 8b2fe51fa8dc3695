"""Owns: three private RabbitMQ nodes that are one cluster; killing one, cutting one off.
Imports: nothing of the router.
Never: leaves a process behind; needs rights or a network of its own (nodes are cut off by cookies).
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.crash.processes import free_port, wait_until
from tests.live.broker import Broker, end
from tests.live.root import Root

NAMES = ("rabbit1", "rabbit2", "rabbit3")
COOKIE = "ROUTERTEST"
#: seconds that a partition may take to go by itself
HEALING = 30.0
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

    def __init__(self, folder: Path, root: Root) -> None:
        mapper = free_port()
        self.nodes = {
            one: Broker(folder / one, root, name=one, mapper=mapper, more=CONFIGURATION)
            for one in NAMES
        }
        self._down: set[str] = set()
        #: how often a node was started anew because it remembered a partition
        self.healed = 0

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
                if node.runs:
                    node.kill()
            end(mapper)

    def leader(self, queue: str) -> str:
        """Return the name of the node that leads a queue."""
        rows = json.loads(self.ctl("list_queues", "name", "leader", "--formatter", "json"))
        found = next(str(row["leader"]) for row in rows if row["name"] == queue)
        return found.partition("@")[0]

    def connected(self, who: str) -> list[str]:
        """Return the node of each connection that has a name."""
        words = ("list_connections", "client_properties", "port", "--formatter", "json")
        ports = {node.port: name for name, node in self.nodes.items()}
        return [
            ports[row["port"]]
            for row in json.loads(self.ctl(*words))
            if ["connection_name", "longstr", who] in row["client_properties"]
        ]

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
            self._show(name, one, f"away{name}{one}")
            self._show(one, name, f"away{one}{name}")
        peers = ", ".join(f"'{one}@localhost'" for one in self._others(name))
        self._eval(name, f"[erlang:disconnect_node(N) || N <- [{peers}]].")
        self._down.add(name)

    def join(self, name: str) -> None:
        """Start a node that was cut off anew, and let the others talk to it again.

        It is killed first: nodes that see each other again while both run stay partitioned, in
        3.10. It starts with the cookie of them all, so that only the others have to be told.
        """
        self.kill(name)
        for one in self._others(name):
            self._show(one, name, COOKIE)
        self.start(name)

    def wait_whole(self, seconds: float) -> None:
        """Return when every node runs and sees every other.

        Does what the manual of RabbitMQ tells operators where a partition stays: a node that
        remembers one is started anew, one after the other.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(AssertionError):
                wait_until(self.is_whole, "whole", seconds=min(HEALING, seconds), tick=0.2)
                return
            told = self._told().values()
            remembering = {one for seen in told for one in seen.get("partitions", ())}
            for one in sorted(remembering)[:1]:
                self.healed += 1
                self.kill(one)
                self.start(one)
        raise AssertionError(f"the cluster is not whole in {seconds:g} s: {self._told()}")

    def is_whole(self) -> bool:
        """Return whether every node runs and sees every other."""
        told = self._told().values()
        return all(one and one["running"] == list(NAMES) and not one["partitions"] for one in told)

    def _told(self) -> dict[str, dict[str, Any]]:
        """Return whom each node sees run and what partitions it tells of; nothing: it is mute."""
        return {name: self._seen_by(node) for name, node in self.nodes.items()}

    def _seen_by(self, node: Broker) -> dict[str, Any]:
        try:
            told = json.loads(node.ctl("cluster_status", "--formatter", "json"))
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return {}
        running = sorted(one.partition("@")[0] for one in told["running_nodes"])
        parted = {one.partition("@")[0]: others for one, others in told["partitions"].items()}
        return {"running": running, "partitions": parted}

    def _others(self, name: str) -> list[str]:
        return [one for one in self.nodes if one != name]

    def _show(self, one: str, other: str, cookie: str) -> None:
        """Set what a node shows another: where it is not what the other has neither gets in."""
        self._eval(one, f"erlang:set_cookie('{other}@localhost', '{cookie}').")

    def _eval(self, name: str, text: str) -> None:
        self.nodes[name].ctl("eval", text)
