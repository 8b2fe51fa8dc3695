"""Real counterparts. What is absent is a skip at home and a failure where CI is set."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    """End a test whose counterpart is not there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is absent: scripts/services installs it")
    pytest.skip(f"{what} is absent: scripts/services installs it")
