"""Owns: running a command again after each save of a file, until it is interrupted.
Imports: click, config.files (which folders there are), runtime.memory.
Never: ends because a file is half written or gone; reads a file (the command does).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import click

from router.cli.render import visible
from router.config.files import FOLDERS
from router.runtime.memory import let_go

#: seconds between two looks; a look at 2,000 files takes about 20 ms
EVERY = 0.3
#: path -> time of its last change in nanoseconds, and size
Seen: TypeAlias = Mapping[str, tuple[int, int]]


def watch(root: Path, run: Callable[[], None], also: Sequence[Path] = ()) -> None:
    """Run now and after each change, and end with one line and exit code 0 on Ctrl-C.

    `also` are files that are looked at beside those of the project. An editor that saves several
    files, or one in pieces, is waited for: it runs when two looks have seen the same. `run` may
    exit, and read what is not there any more.
    """
    pause = threading.Event()
    try:
        seen = _look(root, also)
        while True:
            _guarded(run)
            let_go()  # nobody waits now
            click.echo(f"watching {len(seen)} files; Ctrl-C ends it")
            seen = _changed(lambda: _look(root, also), seen, pause)
    except KeyboardInterrupt:
        click.echo("\nno longer watching")


def _guarded(run: Callable[[], None]) -> None:
    try:
        run()
    except SystemExit:  # findings, a test that fails: they are told
        sys.stderr.flush()
    except OSError as error:  # it was there when the folder was read
        click.echo(visible(f"router: {error.filename}: {error.strerror}"), err=True)


def _changed(look: Callable[[], Seen], seen: Seen, pause: threading.Event) -> Seen:
    """Wait for a change, and until it is over; return what there is then."""
    while (now := look()) == seen:
        pause.wait(EVERY)
    while True:
        pause.wait(EVERY)
        later = look()
        if later == now:
            break
        now = later
    if now != seen:
        names = sorted(name for name in {*now, *seen} if now.get(name) != seen.get(name))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        click.echo(visible(f"\n{names[0]} has changed{more}"))
    return now


def _look(root: Path, also: Sequence[Path]) -> Seen:
    found: dict[str, tuple[int, int]] = {}
    for folder in FOLDERS:
        for here, _, files in os.walk(root / folder):
            for name in files:
                path = os.path.join(here, name)  # noqa: PTH118 (a Path each costs more than the look)
                _note(found, os.path.relpath(path, root), path)
    for one in also:
        if os.path.relpath(one, root) not in found:
            _note(found, str(one), str(one))
    return found


def _note(found: dict[str, tuple[int, int]], name: str, path: str) -> None:
    try:
        state = os.stat(path)  # noqa: PTH116
    except OSError:  # gone between two calls
        return
    found[name] = (state.st_mtime_ns, state.st_size)
