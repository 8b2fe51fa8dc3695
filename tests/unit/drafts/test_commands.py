"""`router init` and `router new`: what they write holds, or says what is missing."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli.init import TEMPLATES
from router.cli.main import main
from router.config.drafts.parts import with_settings

ROOT = Path(__file__).parents[3]
PAYLOADS = {"minimal": ("scanner", "count.json"), "returns": ("webshop", "requested.json")}
COUNT = {
    "type": "recount",
    "id": 7,
    "store_id": "004",
    "updated_at": "2026-04-01T08:00:00+02:00",
    "articles": [
        {"barcode": "04006381333931", "stock": 3},
        {"barcode": "05901234123457", "stock": 0},
    ],
}


def router(folder: Path, *words: str) -> Result:
    """Run a command on a project; it never ends by an exception of its own."""
    done = CliRunner().invoke(main, [*words, "--project", str(folder)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(params=sorted(PAYLOADS))
def template(request: pytest.FixtureRequest) -> str:
    """Give each template."""
    return str(request.param)


def made(folder: Path, template: str = "minimal") -> Path:
    """Return a fresh project."""
    place = folder / "fresh"
    done = CliRunner().invoke(main, ["init", str(place), "--template", template])
    assert done.exit_code == 0, done.output
    return place


def saved(folder: Path, name: str, document: Any) -> str:
    """Return the path of a sample."""
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_a_new_project_checks_tests_and_tries(tmp_path: Path, template: str) -> None:
    place = made(tmp_path, template)
    assert router(place, "check").output.startswith("0 errors, 0 warnings")
    tested = router(place, "test")
    assert (tested.exit_code, tested.output.endswith(" passed, 0 failed\n")) == (0, True)
    channel, payload = PAYLOADS[template]
    tried = router(place, "try", channel, str(place / "samples" / payload))
    assert tried.exit_code == 0
    assert tried.output.endswith(": routed\n")


def test_a_readme_names_only_what_is_there(tmp_path: Path, template: str) -> None:
    place = made(tmp_path, template)
    named = re.findall(
        r"`((?:routes|contracts|transforms|samples)/[\w./]*)`", (place / "README.md").read_text()
    )
    assert len(named) > 4
    assert [one for one in named if not (place / one).exists()] == []


def test_a_template_has_an_example_and_a_counterexample_of_each_contract(template: str) -> None:
    folders = [path.parent for path in (TEMPLATES / template).rglob("contract.yaml")]
    assert folders
    for kind in ("examples", "counterexamples"):
        assert [one.name for one in folders if not list(one.glob(f"{kind}/1.0.0/*.json"))] == []


def test_every_file_of_a_template_is_packaged() -> None:
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = packaged["tool"]["setuptools"]["package-data"]["router"]
    files = [path for path in TEMPLATES.rglob("*") if path.is_file()]
    names = [path.relative_to(TEMPLATES.parent).as_posix() for path in files]
    assert len(names) > 50
    assert [one for one in names if not any(fnmatch.fnmatch(one, each) for each in patterns)] == []


def test_init_writes_over_nothing(tmp_path: Path) -> None:
    place = made(tmp_path)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    again = CliRunner().invoke(main, ["init", str(place), "--template", "returns"])
    assert again.exit_code == 2
    assert before == {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_draft_in_which_all_is_matched_checks_and_tests_at_once(tmp_path: Path) -> None:
    place = made(tmp_path)
    sample = saved(tmp_path, "recount.json", COUNT)
    done = router(place, "new", "channel", "shelf", "--sample", sample, "--verify", "github")
    assert done.exit_code == 0, done.output
    assert router(place, "check").output.startswith("0 errors, 0 warnings")
    tested = router(place, "test")
    assert tested.exit_code == 0, tested.output
    tried = router(place, "try", "shelf", sample, "--format", "json")
    [produced] = json.loads(tried.output)["produced"]
    assert produced["payload"] == {
        "count_id": "7",
        "store": "004",
        "counted_at": "2026-04-01T06:00:00Z",
        "lines": [
            {"gtin": "04006381333931", "on_hand": {"value": "3", "unit": "EA"}},
            {"gtin": "05901234123457", "on_hand": {"value": "0", "unit": "EA"}},
        ],
    }


def test_a_draft_from_a_queue_lacks_only_its_broker(tmp_path: Path) -> None:
    place = made(tmp_path)
    sample = saved(tmp_path, "recount.json", COUNT)
    words = ("new", "channel", "shelf", "--sample", sample, "--queue", "shop.recounts")
    refused = router(place, *words, "--verify", "github")
    assert refused.exit_code == 2
    assert "carry no signature" in refused.output
    assert router(place, *words).exit_code == 0
    said = (place / "routes/channels/shelf.yaml").read_text()
    assert "  amqp:\n    queue: shop.recounts\n    format: json\n" in said
    found = router(place, "check").output
    assert 'channels: {shelf: {broker: "env:SHELF_BROKER"}}' in found
    assert set(re.findall(r" ([EW]\d{3}) ", found)) == {"E241"}
    for path in (place / "routes/environments").glob("*.yaml"):
        text = path.read_text()
        line = '  shelf: {broker: "env:SHELF_BROKER"}\n'
        told = text.replace("channels:\n", "channels:\n" + line)
        path.write_text(told if told != text else f"{text}channels:\n{line}")
    assert router(place, "check").output.startswith("0 errors, 0 warnings")
    assert router(place, "test").exit_code == 0


def test_what_check_finds_in_a_draft_is_what_the_draft_leaves_to_write(tmp_path: Path) -> None:
    place = made(tmp_path)
    lacking = {**COUNT, "updated_at": "2026-04-01T08:00:00"}
    del lacking["store_id"]
    sample = saved(tmp_path, "recount.json", lacking)
    done = router(place, "new", "channel", "shelf", "--sample", sample)
    told = re.findall(r"^    (\S+)", done.output, flags=re.MULTILINE)
    found = json.loads(router(place, "check", "--format", "json").output)["findings"]
    wanted = [re.search(r"requires (\w+) here", one["message"]) for one in found]
    assert sorted(one[1] for one in wanted if one) == sorted(told) == ["counted_at", "store"]
    assert {one["code"] for one in found} == {"E111"}
    text = (place / "transforms/shelf/recount.yaml").read_text()
    assert "=instant(body.updated_at, 'ZONE')" in text
    assert "left to write: store" in text


def test_a_draft_without_an_identity_is_found(tmp_path: Path) -> None:
    place = made(tmp_path)
    sample = saved(tmp_path, "recount.json", {"type": "recount", "articles": COUNT["articles"]})
    assert router(place, "new", "channel", "shelf", "--sample", sample).exit_code == 0
    found = json.loads(router(place, "check", "--format", "json").output)["findings"]
    assert {one["code"] for one in found} == {"E042", "E111"}


def test_a_word_of_its_name_speaks_for_an_object(tmp_path: Path) -> None:
    for folder in ("routes", "transforms", "contracts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    body = {"id": 5, "created_at": "2026-03-02T09:00:00Z", "status": "done", "note": None}
    for name, wanted in (("refunds_done", "refund_event"), ("returns_done", "return_order")):
        sample = saved(tmp_path, f"{name}.json", body)
        done = router(tmp_path, "new", "channel", name, "--sample", sample, "--dry-run")
        assert f"{name} becomes {wanted}@1, which it fills best" in done.output


def test_kinds_by_a_header_by_an_expression_and_a_list_of_records(tmp_path: Path) -> None:
    place = made(tmp_path)
    one, two = (saved(tmp_path, f"{n}.json", {**COUNT, "id": n}) for n in (1, 2))
    head = ("new", "channel", "byheader", "--kind", "X-Topic")
    assert (
        router(
            place, *head, "--sample", f"counts/new={one}", "--sample", f"counts/more={two}"
        ).exit_code
        == 0
    )
    rows = saved(tmp_path, "rows.json", {"rows": [{**COUNT, "id": n} for n in (8, 9)]})
    done = router(
        place,
        "new",
        "channel",
        "byrows",
        "--sample",
        rows,
        "--records",
        "body.rows",
        "--kind",
        "body.type",
    )
    assert done.exit_code == 0, done.output
    assert router(place, "check").output.startswith("0 errors, 0 warnings")
    tested = router(place, "test")
    assert tested.exit_code == 0, tested.output
    text = (place / "routes/channels/byheader.yaml").read_text()
    assert 'kind: =headers."x-topic"' in text
    assert "  counts/new:" in text


def test_kinds_of_one_shape_share_a_contract_and_no_map(tmp_path: Path) -> None:
    place = made(tmp_path)
    body = [{**COUNT, "id": n, "type": word} for n, word in ((1, "recount"), (2, "first_count"))]
    body.append({**COUNT, "id": 3, "type": "with_note", "note": "x"})
    sample = saved(tmp_path, "rows.json", {"rows": body})
    done = router(place, "new", "channel", "shelf", "--sample", sample, "--records", "body.rows")
    assert done.exit_code == 0, done.output
    folders = {path.parent.name for path in (place / "contracts/shelf").rglob("contract.yaml")}
    assert folders == {"message", "with_note"}
    text = (place / "routes/channels/shelf.yaml").read_text()
    assert text.count("accept: shelf/message@1") == 2
    maps = {path.stem for path in (place / "transforms/shelf").iterdir()}
    assert maps == {"recount", "first_count", "with_note"}
    assert router(place, "check").output.startswith("0 errors, 0 warnings")
    assert router(place, "test").exit_code == 0


@pytest.mark.parametrize(("longest", "shared"), [((20, 20), True), ((20, 64), False)])
def test_kinds_whose_texts_differ_in_length_share_no_contract(
    tmp_path: Path, longest: tuple[int, int], *, shared: bool
) -> None:
    place, names = made(tmp_path), ("memo", "remark")
    for name, most in zip(names, longest, strict=True):
        memo(place, name, most)
    rows = [{"type": name, "id": f"{name}-1", "caption": "shelf seven"} for name in names]
    sample = saved(tmp_path, "rows.json", {"rows": rows})
    objects = [word for name in names for word in ("--object", f"{name}={name}")]
    given = ("new", "channel", "pad", "--sample", sample, "--records", "body.rows", *objects)
    done = router(place, *given)
    assert done.exit_code == 0, done.output
    found = {
        path.parent.name: json.loads(path.read_text())["properties"]["caption"]["maxLength"]
        for path in (place / "contracts/pad").rglob("1.0.0.json")
    }
    assert found == ({"message": 20} if shared else dict(zip(names, longest, strict=True)))
    assert router(place, "check").output.startswith("0 errors, 0 warnings")
    assert router(place, "test").exit_code == 0


def memo(place: Path, name: str, longest: int) -> None:
    """Add an object with a text of at most so many characters."""
    folder = place / "contracts" / name
    folder.mkdir()
    text = f"contract: {name}\nowner: us\nunconsumed: a test\nkeys: [id]\n"
    (folder / "contract.yaml").write_text(f"{text}versions: {{1.0.0: {{status: active}}}}\n")
    fields = {"id": {"type": "string", "minLength": 1}, "caption": {"type": "string"}}
    fields["caption"]["maxLength"] = longest  # type: ignore[assignment]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:contract:{name}:1.0.0",
        "type": "object",
        "required": ["id", "caption"],
        "properties": fields,
    }
    (folder / "1.0.0.json").write_text(json.dumps(schema))


def test_xml_is_drafted_with_its_shape(tmp_path: Path) -> None:
    place = made(tmp_path)
    body = "".join(
        f"<article><barcode>0400638133393{n}</barcode><stock>{n}</stock></article>" for n in (1, 2)
    )
    head = "<id>C1</id><store>4</store><timestamp>2026-04-01T08:00:00Z</timestamp>"
    text = f"<count>{head}{body}</count>"
    done = router(place, "new", "channel", "shelf", "--sample", saved(tmp_path, "c.xml", text))
    assert done.exit_code == 0, done.output
    assert router(place, "check").output.startswith("0 errors, 0 warnings"), done.output
    assert router(place, "test").exit_code == 0


def test_a_draft_writes_over_nothing_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    place = made(tmp_path)
    sample = saved(tmp_path, "recount.json", COUNT)
    words = ("new", "channel", "shelf", "--sample", sample)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    shown = router(place, *words, "--dry-run")
    assert "--- routes/channels/shelf.yaml" in shown.output
    assert before == {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert router(place, *words).exit_code == 0
    (place / "routes/channels/shelf.yaml").write_text("mine")
    assert router(place, *words).exit_code == 2
    assert (place / "routes/channels/shelf.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("channel", "shelf", "--sample", "nowhere.json"), "nowhere.json"),
        (("channel", "Shelf", "--sample", "{sample}"), "is no name"),
        (("channel", "shelf", "--sample", "{broken}"), "broken.json"),
        (("channel", "shelf", "--sample", "{sample}", "--kind", "body.["), "is no expression"),
        (
            ("channel", "shelf", "--sample", "{sample}", "--object", "stock_cont"),
            "did you mean stock_count",
        ),
        (
            ("channel", "shelf", "--sample", "{sample}", "--object", "recuont=stock_count"),
            "no sample is of kind recuont: did you mean recount",
        ),
        (("channel", "shelf", "--sample", "{sample}", "--records", "body.none"), "gives no list"),
        (("channel", "shelf", "--sample", "{other}"), "is like no object"),
        (("flow", "f", "--object", "stock_count", "--operation", "planning.wite"), "did you mean"),
        (("system", "s", "--operation", "send=stock_cont"), "did you mean stock_count"),
    ],
)
def test_what_cannot_be_drafted_is_told(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    place = made(tmp_path)
    files = {
        "sample": saved(tmp_path, "recount.json", COUNT),
        "broken": saved(tmp_path, "broken.json", "{"),
        "other": saved(tmp_path, "other.json", {"colour": "blue"}),
    }
    done = router(place, "new", *(one.format(**files) for one in words))
    assert done.exit_code == 2
    assert told in done.output


def test_flows_and_systems_are_drafted_so_that_all_holds(tmp_path: Path) -> None:
    for folder in ("routes", "transforms", "contracts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for words in (
        ("system", "desk", "--url", "https://desk.example.com", "--operation", "open=return_order"),
        ("system", "drop", "--operation", "write=sales_order", "--operation", "ping"),
        ("flow", "returns_to_desk", "--object", "return_order", "--operation", "desk.open"),
        ("flow", "watch", "--object", "refund_event"),
    ):
        done = router(tmp_path, "new", *words)
        assert done.exit_code == 0, done.output
    assert router(tmp_path, "check").output.startswith("0 errors, 0 warnings")
    tested = router(tmp_path, "test", "--only", "routes/")
    assert tested.exit_code == 0, tested.output


def test_a_flow_to_another_contract_gets_a_transform_that_says_what_is_missing(
    tmp_path: Path,
) -> None:
    place = made(tmp_path)
    assert router(place, "new", "system", "desk").exit_code == 0
    done = router(place, "new", "flow", "f", "--object", "stock_count", "--operation", "desk.send")
    assert "left to write in transforms/desk/f.yaml: id" in done.output
    found = json.loads(router(place, "check", "--format", "json").output)["findings"]
    assert [one["code"] for one in found] == ["E111"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\nsystems:\n  b: {}\nc: 2\n", "a: 1\nsystems:\n  x: {}\n  b: {}\nc: 2\n"),
        ("systems:   # where\n    b: {}\n", "systems:   # where\n    x: {}\n    b: {}\n"),
        ("a: 1\n", "a: 1\nsystems:\n  x: {}\n"),
        ("systems: {b: {}}\n", None),
    ],
)
def test_an_environment_gets_one_more_line(before: str, after: str | None) -> None:
    assert with_settings(before, "x: {}") == after
