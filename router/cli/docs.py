"""Owns: `router docs`.
Imports: click, config.atlas.pages, cli.common.
Never: overwrites or takes away a file that it has not written.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.common import FINDINGS, fail, load_sound, project_option
from router.cli.render import some
from router.config.atlas.pages import NOTE, pages_of


@click.command("docs")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the pages.",
)
@click.option(
    "--check", "checks", is_flag=True, help="Write nothing; exit with 1 when out of date."
)
@project_option
def docs(folder: Path, checks: bool, root: Path) -> None:  # noqa: FBT001 (click gives it)
    """Write the reference of this landscape: a page for each thing that its files declare.

    Channels, flows, workflows, systems, contracts, tables and environments, with links and
    pictures. The same project gives the same pages. Secrets are named, never shown.
    """
    pages = pages_of(load_sound(root))
    try:
        there = _written(folder)
        stale = sorted(name for name, text in pages.items() if there.get(name) != text)
        gone = sorted(set(there) - set(pages))
        if not checks:
            _write(folder, {name: pages[name] for name in stale}, gone)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{folder}: {getattr(error, 'strerror', None) or 'a page is not UTF-8'}")
    for name in stale if checks else ():
        click.echo(f"out of date: {(folder / name).as_posix()}")
    for name in gone:
        click.echo(f"{'to go' if checks else 'gone'}: {(folder / name).as_posix()}")
    if checks and (stale or gone):
        sys.exit(FINDINGS)
    click.echo(f"{some(len(pages), 'pages')} in {folder.as_posix()}/, {len(stale)} written")


def _written(folder: Path) -> dict[str, str]:
    """Return the pages in a folder that this command has written."""
    found = {}
    for path in sorted(folder.rglob("*.md")) if folder.is_dir() else ():
        text = path.read_text(encoding="utf-8")
        if text.startswith(NOTE):
            found[path.relative_to(folder).as_posix()] = text
    return found


def _write(folder: Path, pages: dict[str, str], gone: list[str]) -> None:
    """Write pages and take away those of things that are no more, or fail before the first."""
    for name in pages:
        path = folder / name
        if path.exists() and not path.read_text(encoding="utf-8").startswith(NOTE):
            fail(f"{path} was not written by router docs: choose another folder")
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in gone:
        (folder / name).unlink()
