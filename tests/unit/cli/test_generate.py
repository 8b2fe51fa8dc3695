"""`router test --generate`: what it prints, in each format, and what it writes."""

from __future__ import annotations

from typing import Any

import pytest

TASK = "transforms/inbox/task.yaml"


@pytest.fixture
def broken(shop: Any) -> Any:
    """A project whose map fails over a document that its contract lets through."""
    note = "contracts/inbox/note/1.0.0.json"
    shop.write(
        note, shop.read(note).replace('"id": {"type": "string"}', '"id": {"type": "integer"}')
    )
    shop.write(TASK, shop.read(TASK).replace("=body.id", "=text(body.id)"))
    shop.write(TASK, shop.read(TASK).replace("=body.text", "=instant(body.text)"))
    return shop


def test_a_failure_ends_with_1_and_is_told_in_every_format(broken: Any) -> None:
    done = broken.router("test", "--generate", "20")
    assert done.exit_code == 1
    assert f"{TASK}:5:11 E210 inbox:note: instant()" in done.stdout
    assert "2 passed, 1 failed\ngenerated " in done.stdout
    data = broken.data("test", "--generate", "20")
    assert data["generated"]["failed"] >= 1
    assert [one["passed"] for one in data["results"]] == [False, True, True]
    junit = broken.router("test", "--generate", "20", "--format", "junit").stdout
    assert 'name="generated for inbox:note"' in junit
    assert "E210" in junit
    github = broken.router("test", "--generate", "20", "--format", "github").stdout
    assert "::error file=routes/channels/inbox.yaml" in github


def test_without_the_option_nothing_is_generated(broken: Any) -> None:
    done = broken.router("test")
    assert (done.exit_code, done.stdout) == (0, "0 passed, 0 failed\n")


def test_keep_writes_and_the_next_run_fails_by_it(broken: Any) -> None:
    done = broken.router("test", "--generate", "20", "--keep")
    assert "kept: contracts/inbox/note/regressions/1.0.0/inbox_note-" in done.stdout
    assert broken.router("test").exit_code == 1
    assert broken.router("check").exit_code == 0


def test_keep_is_refused_where_nobody_looks_or_nothing_is_generated(broken: Any) -> None:
    done = broken.router("test", "--generate", "20", "--keep", env={"CI": "1"})
    assert done.exit_code == 2
    assert broken.router("test", "--keep").exit_code == 2


def test_a_seed_may_be_any_text(broken: Any) -> None:
    first = broken.router("test", "--generate", "20", "--seed", "monday").stdout
    assert first == broken.router("test", "--generate", "20", "--seed", "monday").stdout
