"""Owns: `router run`.
Imports: click, api, runtime.
Never: starts with an error in the project or a secret missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.common import choose, fail, load, load_sound, place_options, secrets_of, store_of
from router.config.environments import EnvironmentFile
from router.config.project import Project
from router.core.errors import Unavailable
from router.core.ports import Clock, Secrets
from router.runtime.clock import SystemClock
from router.runtime.daemon import Daemon, Site
from router.runtime.wiring import missing_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import uvicorn
    from starlette.applications import Starlette

    from router.infra.store.store import Store

#: seconds that open connections may take to end
HTTP_GRACE = 5


@click.command("run")
@place_options
def run(root: Path, environment: str) -> None:
    """Run the daemon until SIGTERM or Ctrl-C: what is in hand is finished, the rest waits on disk.

    Takes webhooks and files, routes them, calls systems. Killed at any moment it loses nothing:
    start it again. SIGHUP takes up a changed project; one with errors changes nothing.
    """
    early = _Early()
    signal.signal(signal.SIGINT, early)
    project = load_sound(root)
    settings = choose(project, environment)
    secrets = _secrets(project, settings)
    from router.api.app import make_app  # noqa: PLC0415 (Starlette is for this command alone)
    from router.api.probes import make_probes  # noqa: PLC0415
    from router.infra.metrics import Measures  # noqa: PLC0415

    listeners, store = _open(project, settings)
    early.has_store = True
    clock, measures = SystemClock(), Measures()
    site = Site(
        environment=environment,
        secrets=secrets,
        clock=clock,
        store=store,
        load=lambda: load(root),
        complain=lambda text: log(clock, "trouble", error=text),
        called=measures.called,
    )
    daemon = Daemon(site, project)
    log(clock, "started", revision=project.revision, **_names(listeners))
    daemon.start()
    try:
        app = make_app(lambda: daemon.parts, secrets, measures.requested)
        probes = make_probes(lambda: daemon.parts, measures)
        served = list(zip((app, probes), listeners.values(), strict=False))  # http comes first
        serve(served, lambda: _reload(daemon, clock), early)
    finally:
        log(clock, "stopping")
        daemon.stop()
    log(clock, "stopped")


class _Early:
    """Hears Ctrl-C during the start: an exception could come up anywhere, in an import too."""

    def __init__(self) -> None:
        #: from here on the end has to be an orderly one
        self.has_store = False
        self.asked = False

    def __call__(self, _signal: int, _frame: object) -> None:
        if not self.has_store:
            os._exit(130)
        self.asked = True


def _open(project: Project, settings: EnvironmentFile) -> tuple[dict[str, socket.socket], Store]:
    """Return the sockets and the store, or fail with what keeps them."""
    from router.infra.store.store import Store  # noqa: PLC0415 (SQLAlchemy is for this command)

    listeners = {}
    for name, where in (("http", settings.http), ("metrics", settings.metrics)):
        if where is None:
            continue
        try:
            listeners[name] = listen(where.host, where.port)
        except OSError as error:
            fail(f"cannot listen on {where.host}:{where.port} ({name}): {error.strerror}")
    try:
        return listeners, Store.on(store_of(project, settings), project.revision)
    except Unavailable as error:
        fail(str(error))


def _secrets(project: Project, settings: EnvironmentFile) -> Secrets:
    """Return the secrets, or fail with those that are missing."""
    secrets = secrets_of(project)
    missing = missing_secrets(project, settings, secrets)
    if missing:
        fail("secrets are missing: " + ", ".join(missing))
    return secrets


def _names(listeners: Mapping[str, socket.socket]) -> dict[str, str]:
    return {name: "{}:{}".format(*one.getsockname()[:2]) for name, one in listeners.items()}


def _reload(daemon: Daemon, clock: Clock) -> None:
    done = daemon.reload()
    if done.refusals:
        log(clock, "reload_refused", revision=done.revision, why=list(done.refusals))
    else:
        log(clock, "reloaded", revision=done.revision)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def serve(
    served: Sequence[tuple[Starlette, socket.socket]],
    reload: Callable[[], None] | None = None,
    early: _Early | None = None,
) -> None:
    """Serve applications until SIGTERM or SIGINT; `reload` is called, off the loop, at a SIGHUP.

    `early` may have heard the SIGINT already.
    """
    servers = [_server(app) for app, _ in served]

    async def serving() -> None:
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, stop)
        if early is not None and early.asked:
            stop()
        if reload is not None:
            loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, reload)
        await asyncio.gather(
            *(
                server._serve(sockets=[listener])  # noqa: SLF001 (serve() would put its own handlers)
                for server, (_, listener) in zip(servers, served, strict=True)
            )
        )

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serving())


def _server(app: Starlette) -> uvicorn.Server:
    import uvicorn  # noqa: PLC0415

    from router.api.protocol import BoundedProtocol  # noqa: PLC0415

    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=BoundedProtocol,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=HTTP_GRACE,
            lifespan="off",
            server_header=False,
        )
    )


def log(clock: Clock, event: str, **fields: object) -> None:
    """Print one structured line; never a payload."""
    line = {"ts": clock.now().astimezone(UTC).isoformat(), "event": event, **fields}
    click.echo(json.dumps(line), err=True)
    sys.stderr.flush()
