"""Owns: the project's texts: read once, by path, with what is wrong with the files themselves.
Imports: core.
Never: follows a link out of the project; reads examples, fixtures or what is not configuration.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from router.core.diagnostics import Place, Report, nearest

#: folders that hold configuration
FOLDERS = ("routes", "transforms", "contracts")
_ENDINGS = (".yaml", ".yml", ".json", ".j2")
#: folders of routes/, one for each kind of file
KINDS = (
    "channels",
    "flows",
    "systems",
    "tables",
    "policies",
    "environments",
    "sandboxes",
    "workflows",
)
_NOT_READ = frozenset({"examples", "counterexamples", "regressions", "fixtures"})


def read_texts(root: Path, report: Report) -> dict[str, str]:
    """Return every configuration text under `root` by its path relative to it, `/` separated."""
    texts: dict[str, str] = {}
    folded: dict[str, str] = {}
    for path in _paths(root, report):
        name = path.relative_to(root).as_posix()
        try:
            texts[name] = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            report.error("E006", Place(name), "not UTF-8", "save the file as UTF-8")
            continue
        except OSError as error:
            report.error("E006", Place(name), f"cannot be read: {error.strerror}")
            continue
        _check_read(name, report)
        other = folded.setdefault(name.lower(), name)
        if other != name:
            report.error("E007", Place(name), f"{other} differs only by case", "rename one of them")
    return texts


def revision_of(texts: Mapping[str, str], code: Mapping[str, bytes]) -> str:
    """Return the configuration revision: a hash of everything that changes what a message meets.

    Tests, environments and stand-ins do not count; `code` holds the adapters' own sources.
    """
    digest = hashlib.blake2b(digest_size=6)
    for name, text in sorted(texts.items()):
        if name.endswith(".test.yaml") or name.startswith(
            ("routes/environments/", "routes/sandboxes/")
        ):
            continue
        digest.update(name.encode() + b"\0" + text.encode() + b"\0")
    for name, source in sorted(code.items()):
        digest.update(name.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()


def _check_read(name: str, report: Report) -> None:
    """Report a file that looks like configuration and that nothing reads."""
    folder, _, rest = name.removeprefix("routes/").partition("/")
    if name.endswith(".yml"):
        report.error("E009", Place(name), "nothing reads .yml", "call it .yaml")
    elif (
        name.startswith("routes/") and name.endswith(".yaml") and (folder not in KINDS or not rest)
    ):
        hint = f"move it to {', '.join(KINDS)}" if not rest else nearest(folder, KINDS)
        report.error("E009", Place(name), "nothing reads this folder", hint)


def _paths(root: Path, report: Report) -> Iterator[Path]:
    for folder in FOLDERS:
        for here, folders, files in os.walk(root / folder, followlinks=False):
            folders[:] = sorted(one for one in folders if one not in _NOT_READ)
            for one in sorted(files):
                path = Path(here) / one
                if path.suffix not in _ENDINGS:
                    continue
                if path.is_symlink() and not _leads_inside(path, root):
                    name = path.relative_to(root).as_posix()
                    what = "a link that does not end in the project"
                    report.error("E006", Place(name), what, "copy the file")
                    continue
                yield path


def _leads_inside(link: Path, root: Path) -> bool:
    """Return whether a link ends at something of the project; one that goes in circles does not."""
    try:
        return link.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # RuntimeError up to Python 3.12
        return False
