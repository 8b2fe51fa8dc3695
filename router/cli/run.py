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
from router.core.ports import Clock
from router.runtime.clock import SystemClock
from router.runtime.daemon import Daemon, Site
from router.runtime.wiring import missing_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

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
    secrets = secrets_of(project)
    missing = missing_secrets(project, settings, secrets)
    if missing:
        fail("secrets are missing: " + ", ".join(missing))
    from router.api.app import make_app  # noqa: PLC0415 (Starlette is for this command alone)

    listener, store = _open(project, settings)
    early.has_store = True
    clock = SystemClock()
    site = Site(
        environment=environment,
        secrets=secrets,
        clock=clock,
        store=store,
        load=lambda: load(root),
        complain=lambda text: log(clock, "trouble", error=text),
    )
    daemon = Daemon(site, project)
    address = listener.getsockname()
    log(clock, "started", revision=project.revision, http=f"{address[0]}:{address[1]}")
    daemon.start()
    try:
        app = make_app(lambda: daemon.parts, secrets)
        serve(app, listener, lambda: _reload(daemon, clock), early)
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


def _open(project: Project, settings: EnvironmentFile) -> tuple[socket.socket, Store]:
    """Return the socket and the store, or fail with what keeps them."""
    from router.infra.store.store import Store  # noqa: PLC0415 (SQLAlchemy is for this command)

    http = settings.http
    try:
        listener = listen(http.host, http.port)
    except OSError as error:
        fail(f"cannot listen on {http.host}:{http.port}: {error.strerror}")
    try:
        return listener, Store.on(store_of(project, settings), project.revision)
    except Unavailable as error:
        fail(str(error))


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
    app: Starlette,
    listener: socket.socket,
    reload: Callable[[], None] | None = None,
    early: _Early | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; `reload` is called, off the event loop, at a SIGHUP.

    `early` may have heard the SIGINT already.
    """
    import uvicorn  # noqa: PLC0415

    from router.api.protocol import BoundedProtocol  # noqa: PLC0415

    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=HTTP_GRACE,
        lifespan="off",
        server_header=False,
    )
    server = uvicorn.Server(config)

    async def serving() -> None:
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, _stop(server))
        server.should_exit = early is not None and early.asked
        if reload is not None:
            loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, reload)
        await server._serve(sockets=[listener])  # noqa: SLF001 (serve() would put its own handlers)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serving())


def _stop(server: uvicorn.Server) -> Callable[[], None]:
    def stop() -> None:
        server.should_exit = True

    return stop


def log(clock: Clock, event: str, **fields: object) -> None:
    """Print one structured line; never a payload."""
    line = {"ts": clock.now().astimezone(UTC).isoformat(), "event": event, **fields}
    click.echo(json.dumps(line), err=True)
    sys.stderr.flush()
