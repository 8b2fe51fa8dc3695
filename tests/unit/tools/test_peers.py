"""Notes for peers have the size that is asked for; what was found is told side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import main
from router.cli.reports.peers import peers_data, peers_lines
from router.core.errors import Unavailable
from router.runtime.brokerspeed import STATES
from router.runtime.contest import Crash, Part, Run, broken, sized
from router.runtime.peers import OURS, Found, peers_in


@pytest.mark.parametrize("size", [300, 2000, 20_000])
def test_a_note_has_the_size_that_is_asked_for(size: int) -> None:
    note = json.loads(sized(7, size))
    assert abs(len(sized(7, size)) - size) < 30
    assert note["id"] == 7
    assert note["state"] in STATES
    assert note["lines"]
    assert len(sized(8, size)) == len(sized(7, size))


def test_a_broken_note_has_no_total() -> None:
    assert "total" in json.loads(sized(1, 300))
    assert "total" not in json.loads(broken(1))


def test_every_peer_of_the_folder_says_what_it_needs(request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "benchmarks" / "peers"
    names = peers_in(folder)
    assert {"mq_bridge", "redpanda_connect", "faststream"} <= set(names)
    for name in names:
        wanted = (folder / name / "requirements.txt").read_text().split()
        assert wanted
        assert all("==" in one for one in wanted)


def test_a_folder_without_a_peer_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"peer\.py"):
        peers_in(tmp_path)


def run(rate: float, *, whole: bool = True) -> Run:
    return Run(
        rate=rate,
        parts={"a": Part(cpu=0.05, memory=50), "b": Part(cpu=0.2, memory=30)},
        whole=whole,
    )


FOUND = Found(
    runs={
        300: {OURS: (run(9000),) * 3, "other": (run(6000),) * 3},
        2000: {
            OURS: (run(1000), run(3000), run(900)),
            "other": (run(500), run(1000), run(900, whole=False)),
        },
    },
    crashes={OURS: Crash(0, 3, 0, 0), "other": Crash(1, 2, 3, 4)},
    left_out=("none",),
)


def test_the_ratio_is_ours_by_theirs_repeat_by_repeat() -> None:
    lines = [one.split() for one in peers_lines(FOUND, "quorum queues")]
    assert lines[0][:2] == ["300", "bytes"]
    assert lines[1:3] == [
        [OURS, "9000", "1.00", "0.250", "80"],
        ["other", "6000", "1.50", "0.250", "80"],
    ]
    assert lines[3][:2] == ["2000", "bytes"]
    assert lines[4] == [OURS, "1000", "1.00", "0.250", "80"]
    assert lines[5] == ["other", "900", "2.00", "0.250", "80"]
    assert lines[6] == ["not", "everything", "came"]


def test_who_carries_nothing_is_told_and_what_a_kill_came_to_is_told_once() -> None:
    lines = [one.split() for one in peers_lines(FOUND, "quorum queues")]
    assert lines[7] == ["none", "carries", "nothing", "over", "quorum", "queues:", "left", "out"]
    assert lines[8][:3] == ["killed", "half", "way:"]
    assert lines[9:] == [[OURS, "0", "3", "0", "0"], ["other", "1", "2", "3", "4"]]


def test_the_same_is_told_as_data() -> None:
    data = peers_data(FOUND)
    assert data["sizes"]["2000"]["other"]["ratio"] == 2.0
    assert [one["whole"] for one in data["sizes"]["2000"]["other"]["runs"]] == [True, True, False]
    first = data["sizes"]["300"][OURS]["runs"][0]
    assert first["memory"] == sum(one["memory"] for one in first["parts"].values()) == 80
    assert first["cpu"] == sum(one["cpu"] for one in first["parts"].values()) == 0.25
    assert data["killed"]["other"] == {"lost": 1, "again": 2, "renamed": 3, "passed": 4}
    assert data["left_out"] == ["none"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "mq_brigde"), "no peer mq_brigde in"),
        (("--store", "postgresql://a@b/c"), "say --record, too"),
    ],
)
def test_what_is_not_meant_so_is_told(
    words: tuple[str, ...], told: str, request: pytest.FixtureRequest
) -> None:
    folder = request.config.rootpath / "benchmarks" / "peers"
    base = ("bench", "peers", "--broker", "env:B", "--peers", str(folder))
    done = CliRunner().invoke(main, [*base, *words], env={"B": "amqp://127.0.0.1:1/"})
    assert done.exit_code == 2
    assert told in done.output
