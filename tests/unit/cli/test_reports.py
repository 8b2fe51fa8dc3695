"""`router check` and `router test` for other programs: SARIF, JUnit, GitHub's workflow commands."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from router.cli.main import main
from router.cli.reports.github import Note, commands, note_of
from router.cli.reports.junit import Suite, TestCase, junit
from router.cli.reports.sarif import Marked, sarif
from router.config.catalogue import load_catalogue
from router.config.fingerprints import fingerprints
from router.core.diagnostics import Diagnostic, Place, Severity

RULES = Path(__file__).parents[2] / "rules"
#: what a payload or a name of a project may try
NASTY = [
    "two\nlines",
    "cr\rlf\r\n::error::not ours",
    "100% %0A %25",
    "]]><!-- & \" ' <x>",
    "bell\x07 escape\x1b[2J nul\x00",
    "right to left \u202e and \ufeff",
    "half \ud800 \udcff none \ufffe \uffff",
    "a,b:c;d=e {0} {x} [text](https://example.org)",
    "::warning::x",
    "##[error]x",
]
#: the properties that SARIF 2.1.0 allows where we write them, and those that it requires
ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "run": ({"tool", "invocations", "columnKind", "results"}, {"tool"}),
    "driver": ({"name", "version", "rules"}, {"name"}),
    "rule": (
        {"id", "shortDescription", "fullDescription", "help", "defaultConfiguration"},
        {"id"},
    ),
    "result": (
        {
            *("ruleId", "ruleIndex", "level", "message", "locations"),
            *("partialFingerprints", "suppressions"),
        },
        {"message"},
    ),
}


def finding(text: str, place: Place | None = None, hint: str = "") -> Diagnostic:
    """Return an error about something."""
    at = place or Place("routes/channels/a.yaml", 3, 5, 4)
    return Diagnostic(code="E031", place=at, message=text, hint=hint)


def laid(tmp_path: Path, *names: str) -> Path:
    """Return a project: the base of the rules under the files of fixtures."""
    root = tmp_path / "shop"
    for name in ("base", *names):
        shutil.copytree(RULES / name, root, dirs_exist_ok=True)
    return root


def router(*words: str) -> Any:
    """Run a command; it never ends by an exception of its own."""
    done = CliRunner().invoke(main, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


# --- GitHub ------------------------------------------------------------------------------------


def unescaped(text: str) -> str:
    """Return what the runner reads, by the rules of actions/runner, ActionCommand.cs."""
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


@pytest.mark.parametrize("text", NASTY)
def test_a_command_is_one_line_whatever_it_says(text: str) -> None:
    note = Note(level="error", place=Place(f"r/{text}.yaml", 2, 3), title=text, text=text)
    (line,) = commands([note])
    assert line.splitlines() == [line]
    match = re.fullmatch(r"::error file=([^:]*),line=2,col=3,title=([^:]*)::(.*)", line)
    assert match is not None, line
    for part in (match[1], match[2]):
        assert "," not in part
        assert ":" not in part
    assert unescaped(match[3]).startswith(text[:1])
    assert not re.search(r"[\x00-\x1f\x7f]", line)
    line.encode()  # half characters are written out


def test_a_command_says_the_whole_text() -> None:
    (line,) = commands([Note(level="error", place=Place("a.yaml"), title="t", text="50%\nb: c, d")])
    assert line == "::error file=a.yaml,line=1,col=1,title=t::50%25%0Ab: c, d"


def test_a_finding_becomes_a_note_with_its_hint_and_its_width() -> None:
    one = finding("unknown contract tsak@1", hint="did you mean task@1?")
    (line,) = commands([note_of(one)], "shop/")
    where, _, said = line.removeprefix("::error ").partition("::")
    assert where == "file=shop/routes/channels/a.yaml,line=3,col=5,endColumn=9,title=E031"
    assert said == "unknown contract tsak@1%0Adid you mean task@1?"


def test_github_is_told_of_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid(tmp_path, "E031")
    monkeypatch.chdir(tmp_path)
    done = router("check", "--project", "shop", "--format", "github")
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("::error file=shop/routes/channels/inbox.yaml,line=")
    assert re.match(r"[1-9]\d* errors?, 0 warnings in ", last)
    assert done.exit_code == 1


# --- JUnit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NASTY)
def test_a_case_is_well_formed_whatever_it_says(text: str) -> None:
    case = TestCase(name=text, file=text, failure=f"{text}\nmore", output=text, seconds=0.25)
    written = junit([Suite(name=text, cases=(case,))], "router test")
    at = ET.fromstring(written.encode()).find("testsuite/testcase")
    assert at is not None
    assert at.get("time") == "0.250"
    failure, output = at.find("failure"), at.find("system-out")
    assert failure is not None
    assert output is not None
    assert failure.text is not None
    assert failure.text.endswith("\nmore")
    for said in (at.get("name"), failure.text, output.text):
        assert said is not None
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", said)
    plain = "]]><!-- & \" ' <x>"
    if text == plain:
        assert (at.get("name"), output.text) == (plain, plain)


def test_suites_count_their_cases() -> None:
    cases = (TestCase(name="a", file="f.yaml"), TestCase(name="b", file="f.yaml", failure="no"))
    root = ET.fromstring(junit([Suite(name="f", cases=cases), Suite(name="g", cases=())], "all"))
    assert {key: root.get(key) for key in ("name", "tests", "failures", "errors")} == {
        "name": "all",
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }
    assert [suite.get("tests") for suite in root] == ["2", "0"]


def test_each_file_is_a_case_of_check(tmp_path: Path) -> None:
    root = laid(tmp_path, "E031", "W070")
    done = router("check", "--project", str(root), "--format", "junit")
    cases = {one.get("name"): one for one in ET.fromstring(done.stdout).iter("testcase")}
    files = {
        path.relative_to(root).as_posix()
        for folder in ("routes", "transforms", "contracts")
        for path in (root / folder).rglob("*")
        if path.suffix in (".yaml", ".json") and "examples" not in path.parent.parent.name
    }
    assert set(cases) == files
    broken = cases["routes/channels/inbox.yaml"].find("failure")
    assert broken is not None
    assert broken.get("type") == "E031"
    assert "^^^^" in (broken.text or "")
    told = [one for one in cases.values() if one.find("system-out") is not None]
    assert all(one.find("failure") is None for one in told)
    assert done.exit_code == 1


def test_each_test_is_a_case(tmp_path: Path) -> None:
    root = fresh(tmp_path)
    path = root / "routes/channels/scanner.test.yaml"
    path.write_text(path.read_text().replace("outcome: routed", "outcome: conflict", 1))
    done = router("test", "--project", str(root), "--format", "junit")
    suites = {one.get("name"): one for one in ET.fromstring(done.stdout)}
    mine = suites["routes/channels/scanner.test.yaml"]
    failures = list(mine.iter("failure"))
    assert [one.get("message") for one in failures] == ["outcome: routed, expected conflict"]
    assert all(float(case.get("time", "x")) >= 0 for case in mine)
    assert done.exit_code == 1
    line = router("test", "--project", str(root), "--format", "github").stdout.splitlines()[0]
    assert line.startswith("::error file=routes/channels/scanner.test.yaml,line=")
    assert line.endswith("::outcome: routed, expected conflict")


def fresh(tmp_path: Path) -> Path:
    """Return a small project that works."""
    root = tmp_path / "fresh"
    assert router("init", str(root), "--template", "minimal").exit_code == 0
    return root


# --- SARIF -------------------------------------------------------------------------------------


def keeps(name: str, found: dict[str, Any]) -> None:
    """Hold an object against what the standard allows of it."""
    allowed, required = ALLOWED[name]
    assert set(found) <= allowed
    assert required <= set(found)


def logged(text: str) -> dict[str, Any]:
    """Return the run of a log, held against the standard."""
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    keeps("run", run)
    keeps("driver", run["tool"]["driver"])
    rules = run["tool"]["driver"]["rules"]
    assert len({one["id"] for one in rules}) == len(rules)
    for rule in rules:
        keeps("rule", rule)
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert "```yaml" in rule["help"]["markdown"]
    for result in run["results"]:
        keeps("result", result)
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        at = result["locations"][0]["physicalLocation"]
        assert at["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert re.fullmatch(r"[A-Za-z0-9/._~%-]+", at["artifactLocation"]["uri"])
        assert not at["artifactLocation"]["uri"].startswith("/")
        region = at["region"]
        assert region["startLine"] >= 1
        assert 1 <= region["startColumn"] < region.get("endColumn", 10**6)
    marks = [one["partialFingerprints"]["crossdock/v1"] for one in run["results"]]
    assert len(set(marks)) == len(marks)
    return dict(run)


@pytest.mark.parametrize("text", NASTY)
def test_a_result_says_its_text_and_no_more(text: str) -> None:
    one = finding(text, Place(f"routes/{text}.yaml", 3, 5, 4), hint="write it")
    (result,) = logged(sarif([Marked(finding=one, mark="0" * 16)], "sub folder/"))["results"]
    said = result["message"]["text"]
    assert not re.search(r"(?<!\{)\{(?!\{)|(?<!\})\}(?!\})", said)  # no place to fill
    assert "](" not in said  # no link
    uri = unquote(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
    assert uri.startswith("sub folder/routes/")


def test_rules_have_the_texts_of_the_catalogue(tmp_path: Path) -> None:
    done = router("check", "--project", str(laid(tmp_path, "E031", "W070")), "--format", "sarif")
    run = logged(done.stdout)
    rules = {one["id"]: one for one in run["tool"]["driver"]["rules"]}
    assert {one["ruleId"] for one in run["results"]} == set(rules)
    for code, rule in rules.items():
        assert rule["shortDescription"]["text"] == load_catalogue()[code].title
        assert load_catalogue()[code].right.strip() in rule["help"]["text"]
    assert done.exit_code == 1


def test_a_project_without_findings_has_a_log_without_results(tmp_path: Path) -> None:
    run = logged(router("check", "--project", str(laid(tmp_path)), "--format", "sarif").stdout)
    assert run["results"] == []


def test_paths_lead_from_where_the_command_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = laid(tmp_path, "E031")
    for folder, uri in (
        (tmp_path, "shop/routes/channels/inbox.yaml"),
        (root, "routes/channels/inbox.yaml"),
        (root / "routes", "routes/channels/inbox.yaml"),
    ):
        monkeypatch.chdir(folder)
        run = logged(router("check", "--project", str(root), "--format", "sarif").stdout)
        at = run["results"][0]["locations"][0]["physicalLocation"]
        assert at["artifactLocation"]["uri"] == uri


# --- fingerprints ------------------------------------------------------------------------------


def test_marks_survive_lines_that_move() -> None:
    before = {"a.yaml": "x: 1\n  bad: here\n"}
    after = {"a.yaml": "# new\n\nx: 1\n      bad:   here\n"}
    (one,) = fingerprints([finding("m", Place("a.yaml", 2, 3))], before)
    (two,) = fingerprints([finding("m", Place("a.yaml", 4, 7))], after)
    assert one == two


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("b.yaml", 2), "m"),
        (Place("a.yaml", 1), "m"),
        (Place("a.yaml", 2), "another message"),
    ],
)
def test_marks_tell_findings_apart(place: Place, text: str) -> None:
    texts = {"a.yaml": "x: 1\nbad: here\n", "b.yaml": "x: 1\nbad: here\n"}
    first, other = fingerprints([finding("m", Place("a.yaml", 2)), finding(text, place)], texts)
    assert first != other


def test_equal_findings_have_marks_of_their_own() -> None:
    texts = {"a.yaml": "- bad\n- bad\n- bad\n"}
    marks = fingerprints([finding("m", Place("a.yaml", n)) for n in (1, 2, 3)], texts)
    assert len(set(marks)) == 3


def test_a_line_with_a_secret_is_not_in_the_mark() -> None:
    def mark(line: str) -> str:
        one = Diagnostic(code="E054", place=Place("a.yaml"), message="a secret stands in the file")
        return fingerprints([one], {"a.yaml": line})[0]

    assert mark("secret: hunter2") == mark("secret: hunter3")


def test_a_warning_is_no_error_anywhere() -> None:
    one = Diagnostic(code="W070", place=Place("a.yaml"), message="m", severity=Severity.WARNING)
    assert commands([note_of(one)])[0].startswith("::warning ")
    (result,) = logged(sarif([Marked(finding=one, mark="0" * 16)]))["results"]
    assert result["level"] == "warning"
