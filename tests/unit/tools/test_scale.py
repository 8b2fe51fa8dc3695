"""What several processes make of a route is told beside one, and by process."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from router.cli.main import main
from router.cli.reports.scale import scale_data, scale_lines
from router.runtime.contest import Part, Run
from router.runtime.scale import ALL, ONE, Layout
from router.runtime.units import ROLES


def test_a_layout_has_every_role_and_the_ingress_last() -> None:
    layout = Layout(routers=1, workers=3)
    assert layout.name == "1 router, 3 workers"
    assert list(layout.processes) == [
        "router", "worker", "worker 2", "worker 3", "scheduler", "ingress",
    ]  # fmt: skip
    assert {words[1] for words in layout.processes.values()} == set(ROLES)
    assert {part.split()[0] for part in layout.processes} == set(ROLES)


def run(rate: float, *, whole: bool = True, **parts: float) -> Run:
    made = {name: Part(cpu=cpu, memory=100 * cpu) for name, cpu in parts.items()}
    return Run(rate=rate, parts=made, whole=whole)


FOUND = {
    ONE: (run(100, **{ALL: 1.0}), run(400, **{ALL: 3.0}), run(200, **{ALL: 2.0})),
    "1 router, 1 worker": (
        run(150, router=0.5, worker=1.0),
        run(200, router=0.5, worker=1.5),
        run(300, router=0.25, worker=1.25, whole=False),
    ),
}


def test_layouts_are_told_beside_one_process_with_each_of_theirs() -> None:
    lines = [one.split() for one in scale_lines(FOUND)][1:]
    assert lines == [
        [*ONE.split(), "200", "1.00", "2.000", "200"],
        [*ALL.split(), "2.000", "200"],
        ["1", "router,", "1", "worker", "200", "1.50", "1.500", "150"],
        ["not", "everything", "came"],
        ["router", "0.500", "50"],
        ["worker", "1.250", "125"],
    ]


def test_the_same_is_told_as_data() -> None:
    data = scale_data(FOUND, 2)
    assert data["cores"] == 2
    layout = data["layouts"]["1 router, 1 worker"]
    assert layout["ratio"] == 1.5
    for one in layout["runs"]:
        assert one["cpu"] == sum(part["cpu"] for part in one["parts"].values())
        assert one["memory"] == sum(part["memory"] for part in one["parts"].values())


@pytest.mark.parametrize("numbers", ["0", "1,x", "17", "", "-1"])
def test_numbers_of_processes_that_are_none_are_told(numbers: str) -> None:
    words = ["bench", "scale", "--broker", "env:B", "--workers", numbers]
    done = CliRunner().invoke(main, words, env={"B": "amqp://127.0.0.1:1/"})
    assert done.exit_code == 2
    assert "numbers from 1 to 16, like 1,2" in done.output
