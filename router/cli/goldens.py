"""Owns: `router test --update`: when golden files are written anew, and what is said of it.
Imports: config.casefiles, runtime.golden, runtime.cases, cli.common.
Never: writes the golden file of a test that fails for another reason.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from router.cli.common import fail
from router.cli.render import visible
from router.config.casefiles import given_files
from router.config.project import Project
from router.runtime.cases import Result
from router.runtime.golden import Rewritten, rewrite

#: what the variable CI says where it says nothing
_NOT_CI = ("", "0", "false")


def refuse_in_ci(environ: Mapping[str, str], *, force: bool) -> None:
    """End the command where nobody looks at what is written, unless it is forced."""
    if environ.get("CI", "").lower() not in _NOT_CI and not force:
        fail(
            "CI is set: what a test expects is decided by people;"
            " --update --force writes golden files here"
        )


def update(project: Project, results: Sequence[Result]) -> tuple[list[Result], list[Rewritten]]:
    """Write the golden files of tests that fail for nothing else; return what is left to say."""
    root = project.root
    wants = [want for one in results if one.only_golden for want in one.wants]
    done, refused = rewrite(root, wants, given_files(project.cases))
    written = {one.file for one in done}
    return [_after(one, root, written, refused) for one in results], done


def _after(result: Result, root: Path, written: set[str], refused: Sequence[str]) -> Result:
    if not result.wants:
        return result
    files = {os.path.relpath(one.path, root) for one in result.wants}
    if result.only_golden and files <= written:
        return dataclasses.replace(result, complaints=(), wants=())
    why = [one for one in refused if one.partition(":")[0] in files]
    why = why or ["its golden files were not written: mend the rest first"]
    return dataclasses.replace(result, complaints=(*result.complaints, *why))


def updated_text(done: Sequence[Rewritten]) -> list[str]:
    """Return what was written, each with what it said before."""
    lines = []
    for one in done:
        head = f"wrote {one.file}" if one.is_new else f"updated {one.file}, which differed:"
        lines.append(visible(head))
        lines += [] if one.is_new else [visible(f"    {text}") for text in one.differences]
    return lines


def updated_data(done: Sequence[Rewritten]) -> list[dict[str, Any]]:
    """Return what was written for the envelope."""
    return [
        {"file": one.file, "new": one.is_new, "differences": list(one.differences)} for one in done
    ]
