"""Owns: options that commands share, loading the project, ending with the right exit code.
Imports: click, config, runtime.
Never: renders findings (cli.render does).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from router.cli.render import render, some
from router.config.environments import EnvironmentFile
from router.config.project import Project, load_project
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Diagnostic, Severity, nearest
from router.core.errors import Unavailable
from router.infra.secrets import ProcessSecrets
from router.runtime.installed import installed_adapters
from router.runtime.memory import building

if TYPE_CHECKING:
    from router.infra.store.database import Database

FINDINGS = 1
FAILURE = 2

F = TypeVar("F", bound=Callable[..., Any])


def project_option(command: F) -> F:
    """Add --project."""
    return click.option(
        "--project",
        "-p",
        "root",
        default=".",
        show_default="this folder",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="Folder with routes/, transforms/, contracts/.",
    )(command)


def environment_option(command: F) -> F:
    """Add --env."""
    return click.option(
        "--env",
        "-e",
        "environment",
        default="demo",
        show_default=True,
        envvar="ROUTER_ENV",
        help="Which file of routes/environments/.",
    )(command)


def place_options(command: F) -> F:
    """Add --project and --env: where a command looks."""
    return project_option(environment_option(command))


def format_option(command: F) -> F:
    """Add --format."""
    return formats()(command)


def formats(*more: str) -> Callable[[F], F]:
    """Return what adds --format with more words than text and json."""

    def add(command: F) -> F:
        return click.option(
            "--format",
            "style",
            type=click.Choice(["text", "json", *more]),
            default="text",
            show_default=True,
            help="How to print.",
        )(command)

    return add


def load(root: Path) -> tuple[Project, list[Diagnostic]]:
    """Return the project and its findings."""
    with building():
        return load_project(root.resolve(), installed_adapters())


def load_sound(root: Path) -> Project:
    """Return a project without errors; with errors, print them and exit with 1."""
    project, findings = load(root)
    errors = [one for one in findings if one.severity is Severity.ERROR]
    if errors:
        click.echo(render(errors, project.texts), err=True)
        click.echo(f"{some(len(errors), 'errors')}: nothing was started", err=True)
        sys.exit(FINDINGS)
    return project


def choose(project: Project, name: str) -> EnvironmentFile:
    """Return an environment by name, or fail."""
    found = project.environments.get(name)
    if found is None:
        fail(f"no environment {name}: {nearest(name, project.environments)}")
    return found


def watch_option(command: F) -> F:
    """Add --watch."""
    text = "Run again whenever a file is saved, until Ctrl-C."
    return click.option("--watch", "watched", is_flag=True, help=text)(command)


def refuse_watch(style: str) -> None:
    """End the command when it is to be watched in a format that no person reads."""
    if style != "text":
        fail(f"--watch is for people: --format {style} is for one run")


def prefix_of(root: Path) -> str:
    """Return what leads from this folder to a project: `shop/`, or nothing.

    Programs that read our output look for files from where the command was called. A project that
    is not below that is told by its own paths.
    """
    there, here = root.resolve(), Path.cwd()
    if there == here or not there.is_relative_to(here):
        return ""
    return f"{there.relative_to(here).as_posix()}/"


def secrets_of(project: Project) -> ProcessSecrets:
    """Return the secrets of this process: variables, and files in $ROUTER_SECRETS."""
    folder = os.environ.get("ROUTER_SECRETS", "")
    return ProcessSecrets(os.environ, Path(folder) if folder else project.root / "secrets")


def store_of(project: Project, environment: EnvironmentFile) -> Database:
    """Return where an environment keeps its store, or fail when its address is not to be had."""
    if environment.store.sqlite:
        from router.infra.store.sqlite import SqliteFile  # noqa: PLC0415 (SQLAlchemy is slow to load)

        return SqliteFile(project.root / environment.store.sqlite)
    from router.infra.store.postgresql import Server  # noqa: PLC0415

    try:
        return Server(secrets_of(project).get(environment.store.postgresql))
    except LookupError as missing:
        fail(f"the address of the store is missing: {missing.args[0]}")
    except Unavailable as error:
        fail(str(error))


def workflow_of(project: Project, name: str) -> Workflow:
    """Return a workflow by its name, or fail."""
    found = project.workflows.get(name)
    if found is None:
        fail(f"no workflow {name}: {nearest(name, project.workflows)}")
    return found


def fail(text: str) -> NoReturn:
    """Print what went wrong and exit with 2."""
    click.echo(f"router: {text}", err=True)
    sys.exit(FAILURE)
