"""The command line: help that teaches, exit codes, one envelope, and never a traceback."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.crash.processes import ROUTER, SECRET, Landscape, environ

COMMANDS = ["check", "explain", "run", "sandbox", "send", "status", "test", "trace", "try"]


def said(place: Landscape, *words: str, env: dict[str, str] | None = None) -> Any:
    """Run a command; whatever it says is no traceback and tells no secret."""
    done = place.command(*words, env=env)
    for text in (done.stdout, done.stderr):
        assert "Traceback" not in text, text
        assert SECRET not in text
    return done


def refused(place: Landscape, *words: str, env: dict[str, str] | None = None) -> str:
    """Run a command that must end with 2 and say why on stderr only; return what it says."""
    done = said(place, *words, env=env)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.strip()
    return str(done.stderr)


@pytest.fixture(scope="module", autouse=True)
def _files(project: Landscape) -> None:
    """Inputs that are wrong in several ways."""
    (project.root / "binary.dat").write_bytes(bytes(range(256)) * 40)
    (project.root / "empty.json").write_bytes(b"")
    (project.root / "small.json").write_text("{}")
    (project.root / "folder").mkdir()
    (project.root / "elsewhere").mkdir()


@pytest.mark.alone
def test_help_of_the_whole_comes_at_once() -> None:
    """Beside a Python that loads click and does nothing: what is above that is ours."""
    bare = [sys.executable, "-c", "import click"]
    took: dict[str, list[float]] = {"bare": [], "help": []}
    for _ in range(7):
        for name, words in (("bare", bare), ("help", [ROUTER, "--help"])):
            begun = time.perf_counter()
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            took[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(some) for name, some in took.items()}
    print(f"\nrouter --help beside a bare start: {medians}")
    assert medians["help"] < 3 * medians["bare"]
    assert all(command in done.stdout for command in COMMANDS)
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(project: Landscape, command: str) -> None:
    done = said(project, command, "--help")
    assert done.returncode == 0
    assert f"Usage: router {command}" in done.stdout
    assert len(done.stdout.splitlines()) > 5


def test_the_version_is_said(project: Landscape) -> None:
    assert said(project, "--version").stdout.startswith("router, version ")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["chek"], "did you mean check?"),
        (["run", "--env", "crush"], "did you mean crash?"),
        (["status", "--env", "dmo"], "did you mean demo?"),
        (["sandbox", "demmo"], "did you mean demo?"),
        (["send", "shopfy", "small.json"], "did you mean shopify?"),
        (["try", "posslog", "small.json"], "did you mean poslog?"),
        (["test", "--env", "tset"], "did you mean test?"),
        (["explain", "E0031"], "did you mean E031?"),
    ],
)
def test_a_name_that_nobody_knows_gets_the_nearest(
    project: Landscape, words: list[str], hint: str
) -> None:
    assert hint in refused(project, *words)


@pytest.mark.parametrize(
    "words",
    [
        ["check", "--nope"],
        ["check", "--format", "xml"],
        ["check", "--project", "/no/such/folder"],
        ["check", "--project", "small.json"],
        ["send", "shopify"],
        ["send", "shopify", "missing.json"],
        ["send", "poslog", "small.json"],
        ["send", "shopify", "small.json", "--header", "novalue"],
        ["send", "shopify", "small.json", "--tries", "0"],
        ["trace"],
        ["try", "shopify", "missing.json"],
        ["try", "shopify", "folder"],
        ["try", "shopify", "small.json", "--header", "=x"],
        ["try", "shopify", "small.json", "--answer", "shop.get_order=missing.json"],
        ["try", "shopify", "small.json", "--answer", "shop.get_order=folder"],
        ["try", "shopify", "small.json", "--answer", "shop.get_order=binary.dat"],
        ["send", "shopify", "folder"],
        ["send", "shopify", "small.json", "--tries", "1", "--header", "ä=ö"],
        ["sandbox", "demo", "--port", "99999"],
        ["sandbox", "demo", "--port", "-1"],
        ["test", "--only", "no test has this name"],
    ],
)
def test_wrong_use_ends_with_2(project: Landscape, words: list[str]) -> None:
    refused(project, *words)


@pytest.mark.parametrize("file", ["binary.dat", "empty.json", "small.json"])
@pytest.mark.parametrize("channel", ["shopify", "poslog"])
def test_a_payload_that_is_none_is_a_finding(project: Landscape, channel: str, file: str) -> None:
    done = said(project, "try", channel, file, "--format", "json")
    assert done.returncode == 1
    document = enveloped(done, "try")
    assert document["ok"] is False
    assert [one["outcome"] for one in document["outcomes"]] == ["dead_lettered"]


@pytest.mark.parametrize("command", ["check", "run", "status"])
def test_a_folder_without_a_project_is_said(project: Landscape, command: str) -> None:
    done = said(project, command, "--project", "elsewhere")
    assert done.returncode == 1
    assert "no project in elsewhere/" in done.stdout + done.stderr


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_secret_is_named_by_its_reference(project: Landscape, value: str | None) -> None:
    env = {**environ(), "ROUTER_TOKEN": SECRET, "SHOPIFY_SECRET": value or ""}
    if value is None:
        del env["SHOPIFY_SECRET"]
    text = refused(project, "run", "--env", "crash", env=env)
    assert "env:SHOPIFY_SECRET (for channel shopify)" in text
    assert not project.store.exists()


@pytest.mark.parametrize(
    "words", [["run", "--env", "crash"], ["sandbox", "crash"]], ids=["run", "sandbox"]
)
def test_a_port_that_is_taken_is_said(project: Landscape, words: list[str]) -> None:
    port = project.port if words[0] == "run" else project.sandbox_port
    with socket.create_server(("127.0.0.1", port)):
        assert f"cannot listen on 127.0.0.1:{port}" in refused(project, *words)


def test_a_delivery_that_nobody_takes_is_a_finding(project: Landscape) -> None:
    done = said(project, "send", "shopify", "small.json", "--tries", "1", "--env", "crash")
    assert done.returncode == 1
    assert "no answer" in done.stdout


@pytest.mark.parametrize("command", [["status"], ["trace", "4711"]], ids=["status", "trace"])
def test_a_store_that_is_not_there_or_none_is_said(project: Landscape, command: list[str]) -> None:
    assert "start router run first" in refused(project, *command, "--env", "crash")
    project.store.write_bytes(b"no database " * 1000)
    try:
        said = refused(project, *command, "--env", "crash")
        assert said.endswith("cannot be read: file is not a database\n")
    finally:
        project.store.unlink()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check"], 0),
        (["check", "--project", "elsewhere"], 1),
        (["explain", "E031"], 0),
        (["explain"], 0),
        (["test", "--only", "routes/channels"], 0),
    ],
)
def test_json_has_one_envelope(project: Landscape, words: list[str], code: int) -> None:
    done = said(project, *words, "--format", "json")
    assert done.returncode == code
    assert enveloped(done, words[0])["ok"] is (code == 0)


def test_a_mistake_is_a_finding_with_its_place(project: Landscape) -> None:
    file = project.root / "routes" / "flows" / "broken.yaml"
    file.write_text("flow: broken\nfrom: {object: retrun_order@1}\nsteps: [{discard: no}]\n")
    try:
        done = said(project, "check", "--format", "json")
        assert done.returncode == 1
        found = enveloped(done, "check")["findings"]
        assert "routes/flows/broken.yaml" in {one["file"] for one in found}
        assert said(project, "run", "--env", "crash").returncode == 1
    finally:
        file.unlink()


def test_a_closed_pipe_shows_no_traceback(project: Landscape) -> None:
    """As `router explain | head -1` does."""
    done = subprocess.run(
        f"{ROUTER} explain | head -1",
        shell=True,
        cwd=project.root,
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("E0")
    assert "Traceback" not in done.stderr


def enveloped(done: Any, command: str) -> dict[str, Any]:
    """Return the JSON that a command printed, after a look at what every command prints."""
    document = json.loads(done.stdout)
    assert list(document)[:3] == ["version", "command", "ok"]
    assert document["version"] == 1
    assert document["command"] == command
    assert isinstance(document, dict)
    return document
