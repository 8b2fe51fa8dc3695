"""Owns: a copy of the landscape in a folder of its own; its daemon and sandbox as processes.
Imports: psycopg, to look into a store on a server.
Never: touches a process that it did not start; uses a fixed port.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).parents[2]
ROUTER = str(Path(sys.executable).parent / "router")
SECRET = "a secret of the tests"
#: seconds after which a process that should be up is given up; a start takes two, and far more
#: beside others on a machine that is loaded
START_SECONDS = 120.0
#: ports of the tests' servers: the system gives higher ones to who connects, also in between
PORTS = (10_000, 32_000)
#: seconds between two looks at something that must come
TICK = 0.02
#: what a day of webhooks and till files goes through; a process reads the project at each start
NEEDED = {
    "routes/channels": ("shopify.yaml", "poslog.yaml"),
    "routes/environments": (),
    "routes/flows": (
        *("posting_to_ledger.yaml", "posting_to_legacy.yaml", "refund_to_ledger.yaml"),
        *("returns_to_bi.yaml", "sales_to_bi.yaml"),
    ),
    "routes/policies": ("patient.yaml",),
    "routes/workflows": (),
    "routes/systems": ("bi.yaml", "ledger.yaml", "legacy_erp.yaml", "shop.yaml"),
    "transforms": ("bi", "ledger", "legacy_erp", "poslog", "shopify"),
}
#: contracts of others' messages that it goes through, by their folder; ours are all there
THEIRS = ("bi", "ledger", "legacy_erp", "poslog", "shop", "shopify", "types")
#: what `router test` and `router check` look at, not a process that runs
TOLD = ("*.test.yaml", "fixtures", "examples", "counterexamples")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a landscape is made with."""

    #: for a call of the ledger and of the shop
    timeout: str = "1s"
    workers: int = 8
    #: documents of the shop's collection `orders`
    orders: tuple[dict[str, Any], ...] = ()
    #: where the ledger is reached instead of in the sandbox: a port with something in between
    ledger_port: int | None = None
    #: address of the server that has the store; "" = a file
    server: str = ""
    #: the whole project, not only what the day goes through
    whole: bool = False
    #: names of files and folders of the project that the day's lack
    more: frozenset[str] = frozenset()
    #: address of the broker that carries commands; "" = none does
    broker: str = ""


@dataclass(slots=True)
class Landscape:
    """The project's configuration copied to `root`; at most one daemon and one sandbox."""

    root: Path
    port: int
    sandbox_port: int
    daemon: subprocess.Popen[bytes] | None = None
    sandbox: subprocess.Popen[bytes] | None = None
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    #: where the next daemon dies: `boundary` or `boundary:n`
    failpoint: str = ""
    #: address of the server that has the store; "" = a file
    server: str = ""
    #: further variables of its processes
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def copied(cls, root: Path, settings: Settings) -> Landscape:
        """Copy the project and write an environment and a sandbox with free ports."""
        left_out = None if settings.whole else partial(_not_needed, settings.more)
        for name in ("routes", "transforms", "contracts"):
            shutil.copytree(ROOT / name, root / name, ignore=left_out)
        made = cls(root=root, port=free_port(), sandbox_port=free_port(), server=settings.server)
        made.inbox.mkdir(parents=True)
        made.environ["ROUTER_BROKER"] = settings.broker
        made.write_environment("crash", made.port, settings)
        folder = root / "routes" / "sandboxes"
        text = (ROOT / "routes" / "sandboxes" / "demo.yaml").read_text()
        text = text.replace("sandbox: demo", "sandbox: crash").replace("orders.json", "crash.json")
        head, _, rest = text.partition("http: {")
        rest = rest.partition("\n")[2]
        (folder / "crash.yaml").write_text(
            f"{head}http: {{host: 127.0.0.1, port: {made.sandbox_port}}}\n{rest}"
        )
        (folder / "crash.json").write_text(json.dumps(list(settings.orders)))
        return made

    def write_environment(self, name: str, port: int, settings: Settings) -> None:
        """Write an environment over the landscape's one store."""
        near = "http://127.0.0.1"
        ledger = settings.ledger_port or self.sandbox_port
        lines = [
            f"environment: {name}",
            'store: {postgresql: "env:ROUTER_STORE"}'
            if self.server
            else "store: {sqlite: var/router.db}",
            *(["broker: env:ROUTER_BROKER"] if settings.broker else []),
            f"http: {{host: 127.0.0.1, port: {port}}}",
            "takes: [shopify, poslog]",
            f"workers: {settings.workers}",
            "systems:",
            f'  shop: {{url: "{near}:{self.sandbox_port}/shop", timeout: {settings.timeout}}}',
            f'  ledger: {{url: "{near}:{ledger}/ledger", timeout: {settings.timeout}}}',
            *(_others(self.sandbox_port) if settings.whole else ()),
            "  bi: {folder: var/bi}",
            "  legacy_erp: {folder: var/legacy_erp}",
            "channels:",
            "  poslog: {folder: var/in/poslog}",
        ]
        (self.root / "routes" / "environments" / f"{name}.yaml").write_text("\n".join(lines) + "\n")

    @property
    def store(self) -> Path:
        return self.root / "var" / "router.db"

    @property
    def inbox(self) -> Path:
        return self.root / "var" / "in" / "poslog"

    @property
    def archive(self) -> Path:
        return self.root / "var" / "in" / "poslog.done"

    def command(
        self, *words: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the router to its end."""
        return subprocess.run(
            [ROUTER, *words],
            cwd=self.root,
            env={**(environ() if env is None else env), **self._own()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def begin(self, *words: str, log: str) -> subprocess.Popen[bytes]:
        """Start a command of the router; what it says is appended to a file."""
        with (self.root / log).open("ab") as file:
            process = subprocess.Popen(
                [ROUTER, *words],
                cwd=self.root,
                env={
                    **environ(),
                    "ROUTER_FAILPOINT": self.failpoint,
                    **self._own(),
                },
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                preexec_fn=_hear_interrupts,  # noqa: PLW1509 (nothing else runs before exec)
            )
        self.others.append(process)
        return process

    def start_sandbox(self) -> None:
        """Start the sandbox and wait until it answers."""
        self.sandbox = self.begin("sandbox", "crash", log="sandbox.log")
        wait_until(lambda: self._answers(self.sandbox_port, "/_sandbox"), "the sandbox answers")

    def start_daemon(self, *, wait: bool = True) -> None:
        """Start the daemon; with `wait`, until it is ready."""
        self.daemon = self.begin("run", "--env", "crash", log="daemon.log")
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Return when the daemon takes deliveries; a daemon that has ended is a failure."""

        wait_until(self.is_ready, "the daemon is ready")

    def is_ready(self) -> bool:
        """Whether the daemon takes deliveries; a daemon that has ended is a failure."""
        assert self.daemon is not None
        assert self.daemon.poll() is None, self.log()
        return self._answers(self.port, "/readyz")

    def has_refused(self) -> bool:
        """Whether the daemon has ended because it could not open its store."""
        if self.daemon is None or self.daemon.poll() is None:
            return False
        last = self.log().rpartition("router: ")[2]
        return self.daemon.returncode == 2 and "cannot be opened" in last

    def kill_daemon(self) -> None:
        """Kill the daemon as the machine would: it gets no chance to say anything."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait(timeout=START_SECONDS)

    def end_daemon(self, by: signal.Signals, grace: float) -> int:
        """Ask the daemon to end; return its exit code, which must come within `grace` seconds."""
        assert self.daemon is not None
        self.daemon.send_signal(by)
        return self.daemon.wait(timeout=grace)

    def close(self) -> None:
        """Kill what was started here and still runs."""
        for process in self.others:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(timeout=START_SECONDS)

    def log(self) -> str:
        """Return what the daemons said."""
        return (self.root / "daemon.log").read_text(errors="replace")

    def journals(self) -> list[dict[str, Any]]:
        """Return the documents that the ledger holds, doubles included."""
        return self.documents("journals")

    def documents(self, collection: str) -> list[dict[str, Any]]:
        """Return what a collection of the sandbox holds."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.sandbox_port}/_sandbox/{collection}", timeout=30
        ) as answer:
            found = json.load(answer)
        assert isinstance(found, list)
        return found

    def status(self) -> dict[str, Any]:
        """Return what `router status` says."""
        done = self.command("status", "--env", "crash", "--format", "json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def wait_idle(self, seconds: float) -> dict[str, Any]:
        """Return the status as soon as nothing waits and no file lies in the inbox."""
        found: dict[str, Any] = {}

        def idle() -> bool:
            if self.backlog() or any(self.inbox.iterdir()):
                return False
            found.update(self.status())
            return not any(n for name, n in found["waiting"].items() if name != "dead")

        wait_until(idle, "nothing waits", seconds=seconds, tick=0.2)
        return found

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    def under_way(self) -> int:
        """Return how many calls with an effect are begun, and nothing is known of them so far."""
        return int(self.query("SELECT count(*) FROM intents WHERE state = 'sending'")[0][0])

    def backlog(self) -> int:
        """Return how many rows wait: in queues, for their time, behind another of their key."""
        counted = (f"(SELECT count(*) FROM {name})" for name in ("queue", "due", "held_back"))
        return int(self.query(f"SELECT {' + '.join(counted)}")[0][0])

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the store beside the daemon."""
        if self.server:
            with psycopg.connect(self.server, connect_timeout=30) as beside:
                return beside.execute(sql.replace("?", "%s"), values or None).fetchall()  # type: ignore[arg-type]
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def bi_rows(self, kind: str) -> list[dict[str, Any]]:
        """Return every line of every file of a kind, `returns` or `sales`."""
        folder = self.root / "var" / "bi" / kind
        files = [path for path in folder.glob("*") if not path.name.startswith(".")]
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def _own(self) -> dict[str, str]:
        return {"ROUTER_STORE": self.server, **self.environ}

    def _answers(self, port: int, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _not_needed(more: frozenset[str], folder: str, names: list[str]) -> set[str]:
    """Return what is left out of a folder when a landscape is copied."""
    where = str(Path(folder).relative_to(ROOT))
    out = {name for name in names if any(fnmatch(name, one) for one in TOLD)}
    if where in NEEDED:
        out.update(set(names) - set(NEEDED[where]) - more)
    if where == "contracts":
        ours = {one for one in names if (ROOT / where / one / "contract.yaml").is_file()}
        out.update(set(names) - ours - set(THEIRS) - more)
    return out


def _hear_interrupts() -> None:
    """Take SIGINT as a terminal would give it: a shell's background jobs are born deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environ() -> dict[str, str]:
    """Return the environment of a process: the secret is in it."""
    secrets = {"SHOPIFY_SECRET": SECRET}
    return {**os.environ, **secrets, "PYTHONUNBUFFERED": "1"}


@contextmanager
def started(root: Path, settings: Settings) -> Iterator[Landscape]:
    """Give a landscape whose sandbox and daemon run; both are ended behind it."""
    made = Landscape.copied(root, settings)
    try:
        made.start_sandbox()
        made.start_daemon()
        yield made
    finally:
        made.close()


def free_port() -> int:
    """Return a port that nobody listens on, below those that the system gives to who connects."""
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def pause(seconds: float) -> None:
    """Let time pass for other processes."""
    threading.Event().wait(seconds)


def wait_until(
    holds: Callable[[], bool], what: str, *, seconds: float = START_SECONDS, tick: float = TICK
) -> None:
    """Return when something holds; fail when it does not come in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not in {seconds:g} s: {what}"
        pause(tick)


def _others(port: int) -> Iterator[str]:
    """Yield the settings of the systems that only a whole landscape reaches."""
    for system, path in (
        *(("oms", "oms"), ("payments", "payments"), ("stock", "stock")),
        *(("tax_office", "tax"), ("market_desk", "market")),
    ):
        yield f'  {system}: {{url: "http://127.0.0.1:{port}/{path}"}}'
