"""Owns: files that lie beside one with records: markers, checksums, control totals.
Imports: runtime.bodies, runtime.copies.
Never: follows a link; takes a file for right because its checksum cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from router.runtime.bodies import BESIDE_LIMIT
from router.runtime.copies import no_link, shown

#: in front of what `sha256sum` writes where a name has a backslash or a line break
_ESCAPED = "\\"
#: `DIGEST`, `DIGEST  NAME`, `DIGEST *NAME` of coreutils
_PLAIN = re.compile(r"([0-9A-Fa-f]+)(?:[ \t]+\*?(.*))?")
#: `SHA256 (NAME) = DIGEST` of BSD and OpenSSL
_TAGGED = re.compile(r"[A-Za-z0-9-]+ ?\((.*)\) ?= ?([0-9A-Fa-f]+)")


class Unfit(OSError):
    """A file is not as the one beside it says: it is not taken, and waits."""


def read_side(path: Path) -> bytes:
    """Return the bytes of a side file. Raises OSError, also for one that is too large."""
    with open(path, "rb", opener=no_link) as file:
        body = file.read(BESIDE_LIMIT + 1)
    if len(body) > BESIDE_LIMIT:
        raise Unfit(f"{shown(path.name)} is larger than {BESIDE_LIMIT} bytes: it is no side file")
    return body


def check_sum(said: Path, name: str, here: str) -> None:
    """Hold the digest of a file against the checksum beside it. Raises Unfit, OSError."""
    wanted = _digest_in(read_side(said), name, len(here))
    if wanted is None:
        raise Unfit(f"{shown(said.name)} has no digest of {shown(name)}")
    if wanted != here:
        raise Unfit(f"{shown(said.name)} says {wanted}, the file has {here}")


def _digest_in(text: bytes, name: str, digits: int) -> str | None:
    """Return the digest of a file in the text of its checksum, None when there is none.

    Where the text has one digest only it is that of the file, whatever it is called there.
    """
    found = [(digest, at) for digest, at in _digests(text) if len(digest) == digits]
    if len(found) > 1:
        found = [one for one in found if one[1].rpartition("/")[2] == shown(name)]
    return found[0][0].lower() if len(found) == 1 else None


def _digests(text: bytes) -> Iterator[tuple[str, str]]:
    for line in text.decode("utf-8-sig", "backslashreplace").splitlines():
        written = line.strip().removeprefix(_ESCAPED)
        if plain := _PLAIN.fullmatch(written):
            yield plain[1], plain[2] or ""
        elif tagged := _TAGGED.fullmatch(written):
            yield tagged[2], tagged[1]
