"""Maps beside the jmespath library: the same documents, several times quicker."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from router.config.project import load_project
from router.config.transforms.library import Tape
from router.infra.secrets import ProcessSecrets
from router.runtime import mapspeed
from router.runtime.cases import Rig
from router.runtime.installed import installed_adapters
from router.runtime.mapspeed import UnlikeError, measure_maps
from router.runtime.wiring import open_adapters

ROOT = Path(__file__).parents[3]
BASE = ROOT / "tests" / "rules" / "base"
TEST = """tests:
  - name: a note becomes a task
    given: {body: {id: n1, kind: note, text: go, lines: [{name: a}]}}
    expect: {outcome: routed}
"""
#: the library's time by ours, at least, as the median over the maps of the landscape
WHOLE, STUBBED = 4, 10


def rig(root: Path, environment: str) -> Rig:
    project, findings = load_project(root, installed_adapters())
    assert findings == []
    settings = project.environments[environment]
    adapters = open_adapters(project, settings, ProcessSecrets({}, None))
    return Rig(project=project, environment=settings, adapters=adapters)


@pytest.mark.alone
@pytest.mark.slow
def test_the_maps_of_the_landscape_are_quicker_than_the_library() -> None:
    landscape = rig(ROOT, "test")
    found = measure_maps(landscape, repeats=1)
    maps = {name for name, one in landscape.project.transforms.items() if one.file.map is not None}
    assert {one.name for one in found.maps} == maps
    assert found.without == ()
    assert found.whole >= WHOLE, [(one.name, one.whole.ratio) for one in found.maps]
    assert found.stubbed >= STUBBED, [(one.name, one.stubbed.ratio) for one in found.maps]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project of two maps, of which its one test reaches one, over a document."""
    root = tmp_path / "base"
    shutil.copytree(BASE, root)
    other = (root / "transforms" / "inbox" / "task.yaml").read_text()
    (root / "transforms" / "inbox" / "other.yaml").write_text(other)
    (root / "routes" / "channels" / "inbox.test.yaml").write_text(TEST)
    return root


def test_both_sides_are_measured_over_the_documents_of_tests(small: Path) -> None:
    found = measure_maps(rig(small, "test"), repeats=2)
    assert found.without == ("desk/task", "inbox/other")
    (one,) = found.maps
    assert (one.name, one.documents) == ("inbox/task", 1)
    for pair in (one.whole, one.stubbed):
        assert len(pair.library) == len(pair.generated) == 2
        assert pair.ratio > 1
    assert (found.whole, found.stubbed) == (one.whole.ratio, one.stubbed.ratio)


def test_another_document_than_the_librarys_is_no_speed(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapspeed, "walked", lambda *_: lambda scope: {})
    with pytest.raises(UnlikeError, match="inbox/task: document 1"):
        measure_maps(rig(small, "test"), repeats=1)


def test_functions_are_played_back_in_their_order() -> None:
    tape = Tape()
    calls = iter("abc")
    recorded = tape.recording(lambda name: lambda *_: next(calls))
    assert [recorded("money")("1", "EUR"), recorded("negate")(1)] == ["a", "b"]
    assert recorded("length")("x") == "c"  # JMESPath's own: it is not kept
    tape.play()
    played = tape.playing(lambda name: lambda *_: name)
    assert [played("money")(), played("negate")(), played("money")()] == ["a", "b", "a"]
    assert played("length")() == "length"
