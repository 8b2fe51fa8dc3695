"""`router check` beside ignores: what is told, counted, and marked as suppressed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CONTRACT = "contracts/task/contract.yaml"
IGNORE = "# router: ignore[W070] until 2027-01-31: the warehouse comes\n"


@pytest.fixture
def warned(shop: Any) -> Any:
    """The shop with one warning, W070, and a comment that ignores it."""
    shop.write(CONTRACT, IGNORE + shop.read(CONTRACT).rstrip() + "\nunconsumed: nobody yet\n")
    return shop


def test_until_its_day_it_is_counted_and_after_it_told(warned: Any) -> None:
    done = warned.router("check", "--strict", "--today", "2027-01-31")
    assert done.exit_code == 0
    assert done.stdout.startswith("0 errors, 0 warnings (1 ignored) in ")
    done = warned.router("check", "--strict", "--today", "2027-02-01")
    assert done.exit_code == 1
    assert f"{CONTRACT}:1:1 W141 warning W070 was ignored until 2027-01-31" in done.stdout
    assert f"{CONTRACT}:2:1 W070 warning " in done.stdout


def test_without_a_day_it_is_the_machines(warned: Any) -> None:
    far = IGNORE.replace("2027-01-31", "9999-12-31")
    warned.write(CONTRACT, warned.read(CONTRACT).replace(IGNORE, far))
    assert "0 warnings (1 ignored)" in warned.router("check").stdout
    gone = IGNORE.replace("2027-01-31", "2020-01-31")
    warned.write(CONTRACT, warned.read(CONTRACT).replace(far, gone))
    assert "0 errors, 2 warnings in" in warned.router("check").stdout


def test_json_says_what_is_ignored_and_why(warned: Any) -> None:
    data = warned.data("check", "--today", "2026-06-01")
    assert data["findings"] == []
    (one,) = data["ignored"]
    assert (one["code"], one["file"], one["line"]) == ("W070", CONTRACT, 2)
    assert (one["until"], one["reason"]) == ("2027-01-31", "the warehouse comes")


def test_sarif_has_it_as_suppressed(warned: Any) -> None:
    warned.write("routes/flows/broken.yaml", "flow: broken\n")
    words = ("check", "--format", "sarif", "--today")
    for day, suppressed in (("2027-01-31", ["W070"]), ("2027-02-01", [])):
        results = json.loads(warned.router(*words, day).stdout)["runs"][0]["results"]
        assert {"W070", "E011"} <= {one["ruleId"] for one in results}
        found = {one["ruleId"]: one["suppressions"] for one in results if one["suppressions"]}
        assert list(found) == suppressed
        for one in found.values():
            said = "until 2027-01-31: the warehouse comes"
            assert one == [{"kind": "inSource", "status": "accepted", "justification": said}]


def test_no_baseline_holds_what_is_ignored(warned: Any, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    warned.router("check", "--write-baseline", str(file), "--today", "2026-06-01")
    assert json.loads(file.read_text())["findings"] == []
    warned.router("check", "--write-baseline", str(file), "--today", "2027-06-01")
    done = warned.router("check", "--baseline", str(file), "--today", "2026-06-01")
    assert "0 errors, 0 warnings (1 ignored) in" in done.stdout
    assert "not found any more: W070" in done.stderr


@pytest.mark.parametrize("day", ["tomorrow", "2027-02-30", "2027-01-31T00:00:00"])
def test_a_day_that_is_none_is_refused(warned: Any, day: str) -> None:
    assert warned.router("check", "--today", day).exit_code == 2
