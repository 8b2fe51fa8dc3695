"""What an environment does not take does not come in there: by no path, from no folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.runtime.wiring import channel_by_path
from tests.unit.runtime.conftest import Landscape
from tests.unit.runtime.takes import texts_of


def land_of(root: Path, now: Any, takes: str) -> Landscape:
    """Return a landscape with a web channel, a file channel and a folder for it."""
    return Landscape(root, now, texts_of('pattern: "*.json", format: json', takes))


@pytest.mark.parametrize(
    ("takes", "paths", "folders"),
    [
        ("", ["/in/shop"], ["desk"]),
        ("takes: [shop, desk]", ["/in/shop"], ["desk"]),
        ("takes: [shop]", ["/in/shop"], []),
        ("takes: [desk]", [], ["desk"]),
    ],
)
def test_only_what_is_taken_comes_in(
    tmp_path: Path, noon: Any, takes: str, paths: list[str], folders: list[str]
) -> None:
    land = land_of(tmp_path, noon, takes)
    try:
        environment = land.project.environments["test"]
        assert sorted(channel_by_path(land.project, environment)) == paths
        assert [folder.channel.name for folder in land.parts.folders] == folders
    finally:
        land.parts.close()
