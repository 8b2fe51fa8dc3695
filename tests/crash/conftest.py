"""Lets the modules beside the tests be imported, and stops what a test started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.crash.processes import Landscape, Settings  # noqa: E402 (after the path is set)


@pytest.fixture
def landscape(tmp_path: Path) -> Iterator[Callable[..., Landscape]]:
    """Makes landscapes; whatever still runs when the test ends is killed, by its pid."""
    made: list[Landscape] = []

    def make(settings: Settings | None = None) -> Landscape:
        folder = tmp_path / f"project{len(made)}"
        made.append(Landscape.copied(folder, settings or Settings()))
        return made[-1]

    yield make
    for one in made:
        one.close()
