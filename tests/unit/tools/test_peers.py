"""Notes for peers have the size that is asked for; what was found is told side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.cli.reports.peers import peers_data, peers_lines
from router.core.errors import Unavailable
from router.runtime.brokerspeed import STATES
from router.runtime.peers import OURS, Crash, Peer, Run, broken, peers_in, sized


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
    return Run(rate=rate, cpu=0.25, memory=80, whole=whole)


def test_the_ratio_is_ours_by_theirs_repeat_by_repeat() -> None:
    found = [
        Peer(name=OURS, runs=(run(1000), run(3000), run(900)), crash=Crash(0, 3, 0, 0)),
        Peer(name="other", runs=(run(500), run(1000), run(900, whole=False))),
        Peer(name="none", why="it carries nothing over these queues"),
    ]
    assert peers_data(found)["other"]["ratio"] == 2.0
    lines = peers_lines(found)
    assert lines[1].split() == [OURS, "1000", "1.00", "0.250", "80"]
    assert lines[2].split() == ["other", "900", "2.00", "0.250", "80"]
    assert lines[3].strip() == "not everything came"
    assert lines[4].split(maxsplit=1) == ["none", "it carries nothing over these queues"]
    assert lines[-1].split() == [OURS, "0", "3", "0", "0"]
