"""Completion: in bash itself, quick, and silent about whatever is wrong with the project."""

from __future__ import annotations

import os
import statistics
import subprocess
import sysconfig
import time
from pathlib import Path

import click
import pytest

from router.cli import main as commands
from router.cli.names import names_of
from router.cli.words import NAMED, WORDS, words_text
from tests.unit.tools.conftest import ROOT, Command

#: seconds that one completion may take; twice that fails, for machines under load
SECONDS = 0.4
BIN = sysconfig.get_path("scripts")


def bash(typed: str, folder: Path) -> list[str]:
    """Return what bash would offer for a line, by its own completion function."""
    script = (
        'source <(router completion bash)\nCOMP_LINE="$1" COMP_POINT=${#1}\n'
        '_router_completion router\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", typed],
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    # outside of a real completion there are no options to set
    told = [line for line in done.stderr.splitlines() if "compopt" not in line]
    assert told == []
    return [line for line in done.stdout.splitlines() if line]


def words(typed: str, folder: Path, shell: str = "bash") -> subprocess.CompletedProcess[str]:
    """Ask the command as a shell's script does."""
    env = {**os.environ, "_ROUTER_COMPLETE": f"{shell}_complete", "COMP_WORDS": typed}
    env["COMP_CWORD"] = str(len(typed.split()) - (not typed.endswith(" ")))
    if shell == "fish":
        env["COMP_CWORD"] = "" if typed.endswith(" ") else typed.rsplit(maxsplit=1)[-1]
    return subprocess.run(
        [Path(BIN) / "router"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("router gr", ["graph"]),
        ("router dead re", ["resolve", "retry"]),
        ("router try in", ["inbox"]),
        ("router try inbox x --kind ", ["note"]),
        ("router try inbox x -a arch", ["archive.find=", "archive.put="]),
        ("router pause ", ["channel:inbox", "flow:file_task", "system:archive", "workflow:note"]),
        ("router pause ch", ["channel:inbox"]),
        ("router pause channel:", ["inbox"]),
        ("router pause channel:in", ["inbox"]),
        ("router run --env ", ["test"]),
        ("router run --en", ["--env"]),
        ("router graph t", ["task@1"]),
        ("router explain E03", [f"E03{n}" for n in range(10)]),
        ("router schema s", ["system", "sandbox", "scenarios"]),
        ("router topology --format ", ["text", "json", "rabbitmq"]),
        ("router new channel x --verify str", ["stripe"]),
        ("router nothing ", []),
    ],
)
def test_bash_offers(typed: str, offered: list[str], base: Path) -> None:
    assert bash(typed, base) == offered


def test_names_come_from_the_project_that_was_named(base: Path, tmp_path: Path) -> None:
    assert bash(f"router try -p {base} ", tmp_path) == ["inbox"]
    assert bash("router try ", tmp_path) == []


def test_a_test_with_blanks_in_its_name_is_quoted(base: Path) -> None:
    (base / "routes/channels/inbox.test.yaml").write_text("tests: [{name: two words}]\n")
    assert bash("router test --only ", base) == ["inbox", "two\\ words"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script_and_its_words(command: Command, base: Path, shell: str) -> None:
    assert "router" in command("completion", shell).stdout
    done = words("router try ", base, shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "inbox" in done.stdout


def test_a_shell_that_is_none(command: Command) -> None:
    assert command("completion", "csh").exit_code == 2


@pytest.mark.parametrize(
    "typed",
    [
        *("router pause ", "router try inbox f --kind ", "router test --only ", "router graph "),
        *("router try inbox f -a ", "router replay plan --consumer "),
    ],
)
def test_a_broken_project_is_no_trouble(typed: str, base: Path) -> None:
    (base / "routes/channels/inbox.yaml").write_text("channel: [")
    (base / "routes/systems/archive.yaml").write_bytes(b"\xff\xfe")
    (base / "routes/channels/inbox.test.yaml").write_text("tests: 7\n")
    (base / "routes/flows/loop.yaml").symlink_to("loop.yaml")
    (base / "routes/flows/list.yaml").write_text("- a\n- b\n")
    done = words(typed, base)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.alone
@pytest.mark.parametrize(
    "typed", ["router ", "router pause ", "router test --only ", "router graph "]
)
def test_it_is_quick(typed: str) -> None:
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        assert words(typed, ROOT).stdout
        took.append(time.perf_counter() - begun)
    print(f"\n{typed}: median {statistics.median(took):.3f} s")
    assert statistics.median(took) < 2 * SECONDS


def test_the_words_are_those_of_the_commands() -> None:
    assert WORDS.read_text() == words_text(commands.main), "run python scripts/reference.py"


def test_what_takes_names_is_there_and_every_sort_has_a_source(base: Path) -> None:
    known = set()
    for path, command in _all(commands.main, ""):
        known |= {(path, one.name) for one in command.params}
    assert {one for one in NAMED if one[0]} <= known
    for what in NAMED.values():
        assert isinstance(names_of(what, base, {}), list)


def test_every_sort_of_name_is_found_in_the_landscape() -> None:
    empty = [what for what in set(NAMED.values()) if not names_of(what, ROOT, {})]
    assert empty == []
    assert "accounts" in names_of("tables", ROOT, {})


def _all(group: click.Group, path: str) -> list[tuple[str, click.Command]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        here = f"{path} {name}".strip()
        found.append((here, command))
        found += _all(command, here) if isinstance(command, click.Group) else []
    return found
