"""Owns: one private RabbitMQ node: own port mapper, cookie, ports, folders.
Imports: nothing of the router.
Never: leaves a process behind; uses a default port; sees the machine's own node.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.crash.processes import free_port
from tests.live.root import MACHINE, Root

#: seconds that a node may take to start on a machine under load
PATIENCE = 90
#: what is started so ends with the tests, also when they are killed
MORTAL = ("setpriv", "--pdeathsig", "TERM")
CONFIGURATION = """\
listeners.tcp.default = 127.0.0.1:{port}
vm_memory_high_watermark.absolute = 400MB
disk_free_limit.absolute = 50MB
max_message_size = 16777216
"""


#: asks each quorum queue itself; `list_queues` tells what was at its last tick, five seconds ago
FIGURES = """\
[begin
  {{ok, Number, _}} = ra:consistent_query(amqqueue:get_pid(Q), fun rabbit_fifo:query_{}/1),
  {{resource, _, queue, Name}} = amqqueue:get_name(Q),
  {{Name, Number}}
end || Q <- rabbit_amqqueue:list_by_type(rabbit_quorum_queue)].
"""


#: takes all queues, exchanges and connections away, and gives back what a test may have changed
EMPTY = """\
rabbit_vhost:delete(<<"/">>, <<"tests">>),
rabbit_vhost:add(<<"/">>, <<"tests">>),
All = <<".*">>,
rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"/">>, All, All, All, <<"tests">>),
vm_memory_monitor:set_vm_memory_high_watermark({absolute, "400MB"}).
"""


class Asked(Protocol):
    """A broker, of one node or several."""

    @property
    def address(self) -> str: ...

    def ctl(self, *words: str) -> str: ...


def held(broker: Asked) -> dict[str, int]:
    """Return how many messages each quorum queue has now, those in somebody's hands included."""
    return _figures(broker, "messages_total")


def taking(broker: Asked) -> dict[str, int]:
    """Return how many consumers each quorum queue has now."""
    return _figures(broker, "consumer_count")


def _figures(broker: Asked, query: str) -> dict[str, int]:
    found = re.findall(r'\{<<"(.*?)">>,\s*(\d+)\}', broker.ctl("eval", FIGURES.format(query)))
    return {name: int(number) for name, number in found}


class Broker:
    """A running node; `rabbitmqctl` asks it."""

    def __init__(
        self,
        folder: Path,
        root: Root = MACHINE,
        name: str = "router",
        mapper: int = 0,
        more: str = "",
    ) -> None:
        """`root` has the executables, `mapper` is the port of a port mapper that runs, `more`
        follows in the configuration.
        """
        self.folder = folder
        self._root = root
        self.name = f"{name}@localhost"
        self._more = more
        self.port, own, self._distribution = (free_port() for _ in range(3))
        self._mapper_port = mapper or own
        self._scripts = self._root.scripts
        self._rest = threading.Event()
        self._environ = self._prepared()
        self._node: subprocess.Popen[bytes] | None = None

    def ctl(self, *words: str) -> str:
        """Run `rabbitmqctl` and return what it prints. Raises CalledProcessError."""
        return subprocess.run(
            self._seen(str(self._scripts / "rabbitmqctl"), "-q", "-n", self.name, *words),
            env=self._environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        ).stdout

    @property
    def address(self) -> str:
        """Return the address of the node."""
        return self.address_at(self.port)

    def address_at(self, port: int) -> str:
        """Return the address of the node behind another port."""
        return f"amqp://guest:guest@127.0.0.1:{port}/"

    @contextmanager
    def running(self) -> Iterator[Broker]:
        """Run the port mapper and the node; both have ended afterwards."""
        mapper = self.start_mapper()
        try:
            self.start()
            yield self
        finally:
            if self.runs:
                self.kill()  # nobody needs its disk any more
            end(mapper)

    def renew(self) -> None:
        """Let the node be as a new one for the next test: it runs, and nothing is in it."""
        if not self.runs:
            self.start()
        self.ctl("eval", EMPTY)

    @property
    def runs(self) -> bool:
        """Whether the node was begun and has not ended."""
        return self._node is not None and self._node.poll() is None

    def start_mapper(self) -> subprocess.Popen[bytes]:
        """Start the port mapper, by which nodes and `rabbitmqctl` find each other."""
        return self._begin(
            "epmd", "-port", str(self._mapper_port), "-address", "127.0.0.1", own=False
        )

    def stop(self) -> None:
        """Stop the node in order, if it runs."""
        end(self._node)

    def start(self) -> None:
        """Start the node and wait until it takes connections."""
        self.begin()
        self.stand_by()

    def begin(self) -> None:
        """Start the node. It ends with the thread that does."""
        self._node = self._begin(str(self._scripts / "rabbitmq-server"), own=True)

    def stand_by(self) -> None:
        """Wait until the node takes connections."""
        assert self._node is not None, "it was begun"
        self._await(self._node)

    def kill(self) -> None:
        """Kill the node with all that it has started, as a power cut would, disk aside."""
        assert self._node is not None
        os.killpg(self._node.pid, signal.SIGKILL)
        self._node.wait(10)

    def _begin(self, *words: str, own: bool) -> subprocess.Popen[bytes]:
        """Start a process; with `own` in a group of its own."""
        with (self.folder / "out").open("ab") as log:
            return subprocess.Popen(
                [*MORTAL, *self._seen(*words)],
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=own,
            )

    def _seen(self, *words: str) -> tuple[str, ...]:
        return self._root.seen(self.folder, *words)

    def _await(self, node: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and node.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                self.ctl("await_startup")
            except (OSError, subprocess.CalledProcessError):
                self._rest.wait(0.2)
                continue
            return
        raise AssertionError((self.folder / "out").read_text()[-4000:])

    def _prepared(self) -> dict[str, str]:
        """Write the node's files; return its environment."""
        home = self.folder / "home"
        home.mkdir(parents=True)
        cookie = home / ".erlang.cookie"
        cookie.write_text("ROUTERTEST")
        cookie.chmod(0o400)
        (self.folder / "env.conf").write_text("")
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(
            CONFIGURATION.format(port=self.port) + self._more
        )
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": str(home),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none"
            " -kernel inet_dist_use_interface {127,0,0,1} -kernel net_ticktime 8",
        }


def end(process: subprocess.Popen[bytes] | None) -> None:
    """Let a process end, or kill it."""
    if process is None:
        return
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
