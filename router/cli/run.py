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

from router.cli.addresses import place_of
from router.cli.common import choose, fail, load, load_sound, place_options, secrets_of, store_of
from router.config.environments import EnvironmentFile, HttpSettings, MetricsSettings
from router.config.project import Project
from router.core.errors import Unavailable
from router.core.ports import Clock, Secrets
from router.runtime.clock import SystemClock
from router.runtime.daemon import Daemon, Site
from router.runtime.needs import missing_secrets
from router.runtime.units import INGRESS, ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import uvicorn
    from starlette.applications import Starlette

    from router.infra.metrics import Measures
    from router.infra.store.store import Store

#: seconds that open connections may take to end
HTTP_GRACE = 5


@click.command("run")
@place_options
@click.option(
    "--role",
    "roles",
    type=click.Choice(ROLES),
    multiple=True,
    help="Do only this, beside other processes on the same store, which has to be on a server. "
    "May be given several times.",
)
@click.option(
    "--http",
    metavar="HOST:PORT",
    callback=place_of,
    help="Listen for webhooks there, not where the environment says.",
)
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    callback=place_of,
    help="Listen for Prometheus there, not where the environment says.",
)
def run(
    root: Path,
    environment: str,
    roles: tuple[str, ...],
    http: tuple[str, int] | None,
    metrics: tuple[str, int] | None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C: what is in hand is finished, the rest waits on disk.

    Takes webhooks and files, routes them, calls systems. Killed at any moment it loses nothing:
    start it again. SIGHUP takes up a changed project; one with errors changes nothing. On a store
    that is on a server several processes share the work.
    """
    signal.signal(signal.SIGINT, early := _Early())
    project = load_sound(root)
    settings = choose(project, environment)
    roles = _roles(environment, settings, roles)
    secrets = _secrets(project, settings)
    from router.infra.metrics import Measures  # noqa: PLC0415 (for this command alone)

    where = http or _place(settings.http) if INGRESS in roles else None
    listeners = _listen({"http": where, "metrics": metrics or _place(settings.metrics)})
    store = _open(project, settings)
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
        name=f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}",  # of one life
        roles=roles,
        regrouped=lambda leads: log(clock, "leads", units=leads),
    )
    daemon = _daemon(site, project)
    log(clock, "started", revision=project.revision, **_names(listeners))
    _work(daemon, site, _apps(daemon, secrets, measures, listeners), early)


def _daemon(site: Site, project: Project) -> Daemon:
    """Return the daemon, or fail with the address that is none."""
    try:
        return Daemon(site, project)
    except Unavailable as error:
        site.store.close()
        fail(str(error))


def _roles(environment: str, settings: EnvironmentFile, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return the roles that are asked for, or all; fail when a store has one process."""
    if asked and settings.store.sqlite:
        fail(
            f"environment {environment} keeps its store in a file, which has one process: run it "
            "without --role, or keep the store on a server (store: {postgresql: ...})"
        )
    return asked or ROLES


def _work(
    daemon: Daemon, site: Site, served: Sequence[tuple[Starlette, socket.socket]], early: _Early
) -> None:
    """Let a daemon work until it is asked to end."""
    clock = site.clock
    if site.store.is_shared:
        site.regrouped(sorted(daemon.leads()))
    daemon.start()
    try:
        serve(served, lambda: _reload(daemon, clock), early)
    finally:
        log(clock, "stopping")
        daemon.stop()
    log(clock, "stopped")


def _apps(
    daemon: Daemon, secrets: Secrets, measures: Measures, listeners: Mapping[str, socket.socket]
) -> list[tuple[Starlette, socket.socket]]:
    """Return what is served, and where."""
    from router.api.app import make_app  # noqa: PLC0415 (Starlette is for this command alone)
    from router.api.probes import make_probes  # noqa: PLC0415

    apps = {
        "http": make_app(lambda: daemon.parts, secrets, measures.requested),
        "metrics": make_probes(lambda: daemon.parts, measures),
    }
    return [(apps[name], listener) for name, listener in listeners.items()]


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


def _place(settings: HttpSettings | MetricsSettings | None) -> tuple[str, int] | None:
    return None if settings is None else (settings.host, settings.port)


def _listen(places: Mapping[str, tuple[str, int] | None]) -> dict[str, socket.socket]:
    """Return a listening socket for each place that there is, or fail with what keeps it."""
    listeners = {}
    for name, where in places.items():
        if where is None:
            continue
        try:
            listeners[name] = listen(*where)
        except OSError as error:
            fail(f"cannot listen on {where[0]}:{where[1]} ({name}): {error.strerror}")
    return listeners


def _open(project: Project, settings: EnvironmentFile) -> Store:
    """Return the store, or fail with what keeps it."""
    from router.infra.store.store import Store  # noqa: PLC0415 (SQLAlchemy is for this command)

    try:
        return Store.on(store_of(project, settings), project.revision)
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

    ended = asyncio.Event()

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
        if not servers:
            await ended.wait()

    def stop() -> None:
        ended.set()
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
