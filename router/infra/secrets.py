"""Owns: resolving secrets by reference.
Imports: nothing of the router.
Never: prints, logs or keeps a secret; puts one into an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class ProcessSecrets:
    """Secrets of the environment (`env:NAME`) and of a folder (`file:NAME`, one file each)."""

    def __init__(self, environ: Mapping[str, str], folder: Path | None) -> None:
        self._environ = environ
        self._folder = folder

    def get(self, reference: str) -> str:
        """Return the secret. Raises LookupError with the reference when there is none."""
        kind, _, name = reference.partition(":")
        if kind == "env":
            value = self._environ.get(name, "")
        elif self._folder is not None and (self._folder / name).is_file():
            value = (self._folder / name).read_text().strip()
        else:
            value = ""
        if not value:
            raise LookupError(reference)
        return value
