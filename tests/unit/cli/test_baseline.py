"""`router check --baseline`: warnings of before are not told again, errors always are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CONTRACT = "contracts/task/contract.yaml"


@pytest.fixture
def warned(shop: Any) -> Any:
    """The shop with one warning: W070."""
    shop.write(CONTRACT, shop.read(CONTRACT).rstrip() + "\nunconsumed: nobody wants it\n")
    assert [one["code"] for one in shop.data("check")["findings"]] == ["W070"]
    return shop


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Where a baseline is to lie."""
    return str(tmp_path / "baseline.json")


def test_a_warning_that_is_written_down_is_not_told_again(warned: Any, file: str) -> None:
    assert warned.router("check", "--strict").exit_code == 1
    done = warned.router("check", "--write-baseline", file)
    assert done.stderr == f"wrote 1 warning to {file}\n"
    done = warned.router("check", "--strict", "--baseline", file)
    assert done.exit_code == 0
    assert "W070" not in done.stdout
    assert "0 errors, 0 warnings (1 in the baseline) in " in done.stdout


def test_it_survives_lines_that_move(warned: Any, file: str) -> None:
    warned.router("check", "--write-baseline", file)
    warned.write(CONTRACT, "# a remark\n\n" + warned.read(CONTRACT))
    assert warned.router("check", "--strict", "--baseline", file).exit_code == 0


def test_an_entry_for_nothing_is_told(warned: Any, file: str) -> None:
    warned.router("check", "--write-baseline", file)
    warned.write(CONTRACT, warned.read(CONTRACT).replace("unconsumed: nobody wants it\n", ""))
    done = warned.router("check", "--baseline", file)
    assert done.exit_code == 0
    assert done.stderr.startswith(f"{file}: not found any more: W070 {CONTRACT} ")
    data = warned.data("check", "--baseline", file)
    assert data["baseline"]["known"] == 0
    assert len(data["baseline"]["stale"]) == 1


def test_an_error_is_never_in_it(warned: Any, file: str) -> None:
    warned.write("routes/flows/broken.yaml", "flow: broken\n")
    done = warned.router("check", "--write-baseline", file)
    assert done.exit_code == 1
    assert [one["code"] for one in json.loads(Path(file).read_text())["findings"]] == ["W070"]
    # nor when somebody writes it in
    codes = [one["code"] for one in warned.data("check", "--baseline", file)["findings"]]
    assert codes
    assert all(code.startswith("E") for code in codes)


def test_it_is_the_same_each_time(warned: Any, file: str) -> None:
    warned.router("check", "--write-baseline", file)
    first = Path(file).read_bytes()
    warned.router("check", "--write-baseline", file)
    assert Path(file).read_bytes() == first


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": 1, "findings": [{}]}'])
def test_what_is_no_baseline_is_refused(warned: Any, file: str, text: str) -> None:
    Path(file).write_text(text)
    done = warned.router("check", "--baseline", file)
    assert done.exit_code == 2
    assert "is no baseline" in done.stderr
