"""Bad inputs C: YAML that a tired author writes, and what a reload makes of it.

Each case is one named test over the small project of the rules: every mistake is a finding with its
place, and nothing hangs or grows. What the rules hold one by one (tests/rules) is here as a whole:
no case may end in a traceback, and a broken file never stops what runs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from router.config.project import Project, load_project
from router.config.source import MAX_TEXT
from router.core.diagnostics import Diagnostic
from router.runtime.installed import installed_adapters

#: the hang guard: no case takes a second
pytestmark = pytest.mark.timeout(20)

BASE = Path(__file__).parents[1] / "rules" / "base"
ROUTER = str(Path(sysconfig.get_path("scripts")) / "router")
CHANNEL = "routes/channels/inbox.yaml"
FLOW = "routes/flows/file_task.yaml"
MAP = "transforms/inbox/task.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a sound project that may be spoiled."""
    return Path(shutil.copytree(BASE, tmp_path / "project"))


def check(root: Path) -> tuple[Project, list[Diagnostic]]:
    return load_project(root, installed_adapters())


def swap(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / name
        text = path.read_text()
        assert old in text, old
        path.write_text(text.replace(old, new, 1))

    return change


def put(name: str, text: str | bytes) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return change


def add(name: str, text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / name).write_text((root / name).read_text() + text)

    return change


BOMB = "note: &a [x, x]\n" + "".join(
    f"n{level}: &{letter} [*{before}, *{before}, *{before}, *{before}]\n"
    for level, (before, letter) in enumerate(zip("abcdefgh", "bcdefghi", strict=True))
)
ROUTE = "  note:\n    accept: inbox/note@1\n    steps:\n"

#: name -> what is spoiled, the code that says so, a word of its message
SPOILED: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "duplicate route": (
        add(CHANNEL, "routes:\n  note: {discard: a second time}\n"),
        "E004",
        "routes a second time",
    ),
    "duplicate kind": (
        swap(CHANNEL, ROUTE, f"  note: {{discard: first}}\n{ROUTE}"),
        "E004",
        "note a second time",
    ),
    "alias bomb": (add(CHANNEL, BOMB), "E002", "alias"),
    "self alias": (add(CHANNEL, "stamp: &me {a: *me}\n"), "E002", "alias"),
    "object to construct": (
        swap(CHANNEL, "owner: desk", "owner: !!python/object/apply:os.system [true]"),
        "E002",
        "tag",
    ),
    "country NO": (add(CHANNEL, "stamp: {country: NO}\n"), "E005", "NO means different things"),
    "tab indent": (swap(CHANNEL, "  http:", "\thttp:"), "E001", "not YAML"),
    "wrong indent": (swap(CHANNEL, "  http:", "http:"), "E010", "http"),
    "depth 5,000 in one line": (
        add(CHANNEL, f"stamp: {'{a: ' * 5000}{'}' * 5000}\n"),
        "E003",
        "nested deeper than 64",
    ),
    "depth 5,000 never closed": (add(CHANNEL, f"stamp: {'{' * 5000}\n"), "E001", "nesting depth"),
    "unknown field": (add(CHANNEL, "retries: 3\n"), "E010", "retries"),
    "route cycle": (
        swap(FLOW, "send: {operation: archive.put}", "produce: {object: task@1}"),
        "E071",
        "comes back to it",
    ),
    "unreachable step": (
        swap(
            CHANNEL,
            "      - transform: inbox/task\n",
            "      - discard: all of them\n      - transform: inbox/task\n",
        ),
        "E040",
        "",
    ),
    "secret literal": (swap(CHANNEL, '"env:INBOX_SECRET"', "hunter2"), "E054", "a secret"),
    "file larger than 8 MiB": (put(MAP, "#" * (MAX_TEXT + 1)), "E003", "larger than 8 MiB"),
    "not UTF-8": (put(MAP, "inputs: {body: größe}\n".encode("cp1252")), "E006", "not UTF-8"),
    "UTF-16": (put(MAP, "inputs: {body: a}\n".encode("utf-16")), "E006", "not UTF-8"),
    "NUL": (put(MAP, "inputs: {body: \0}\n"), "E001", "not YAML"),
    "empty file": (put(MAP, ""), "E001", ""),
    "only a comment": (put(MAP, "# later\n"), "E001", ""),
    "a list at the top": (put(MAP, "- inputs\n- to\n"), "E012", "must be a mapping"),
    "a second document": (add(MAP, "---\ninputs: {}\n"), "E002", "second document"),
    "a key that is a list": (put(MAP, "[a, b]: c\n"), "E002", "a key that is not a text"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled(root: Path, name: str) -> None:
    change, code, words = SPOILED[name]
    change(root)
    _, found = check(root)
    told = [one for one in found if one.code == code and words in one.message]
    assert told, [str(one) for one in found]
    assert all(one.place.file for one in told)


@pytest.mark.parametrize("name", ["duplicate kind", "alias bomb", "secret literal", "NUL"])
def test_the_command_says_it_without_a_traceback(root: Path, name: str) -> None:
    SPOILED[name][0](root)
    done = subprocess.run(
        [ROUTER, "check", "-p", root], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(r"^\S+:\d+:\d+ E\d{3} ", done.stdout, re.MULTILINE)
    assert "hunter2" not in done.stdout + done.stderr


def test_all_mistakes_at_once(root: Path) -> None:
    for name in ("country NO", "unknown field", "secret literal"):
        SPOILED[name][0](root)
    put("routes/flows/other.yaml", "flow: other\n")(root)
    _, found = check(root)
    assert {"E005", "E010", "E054"} <= {one.code for one in found}
    assert {one.place.file for one in found} >= {CHANNEL, "routes/flows/other.yaml"}


def test_crlf_is_read_as_it_is_meant(root: Path) -> None:
    for path in root.rglob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    project, found = check(root)
    assert found == []
    assert list(project.channels) == ["inbox"]


def test_a_byte_order_mark_is_no_mistake(root: Path) -> None:
    path = root / CHANNEL
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert check(root)[1] == []


def test_a_loop_of_links_is_no_loop(root: Path) -> None:
    (root / "routes" / "channels" / "again").symlink_to(root / "routes")
    (root / "routes" / "flows" / "me.yaml").symlink_to(root / "routes" / "flows" / "me.yaml")
    _, found = check(root)
    assert [(one.code, one.place.file) for one in found] == [("E006", "routes/flows/me.yaml")]
    assert "does not end" in found[0].message


def test_two_files_of_one_name_by_case(root: Path) -> None:
    put("routes/channels/Inbox.yaml", (root / CHANNEL).read_bytes())(root)
    assert "E007" in {one.code for one in check(root)[1]}


def test_a_file_of_50_000_routes_is_read(root: Path) -> None:
    """A route that only discards: the time goes with their number and not with its square."""
    kinds = "".join(f"  kind{number}: {{discard: not ours}}\n" for number in range(50_000))
    swap(CHANNEL, "routes:\n", f"routes:\n{kinds}")(root)
    project, found = check(root)
    assert found == []
    assert len(project.channels["inbox"].routes) == 50_001


def test_a_secret_that_is_not_set_stops_the_start_not_the_check(root: Path) -> None:
    assert check(root)[1] == []
    done = subprocess.run(
        [ROUTER, "run", "-p", root, "--env", "test"],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert "INBOX_SECRET" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_channel_at_fault_is_told_once(root: Path) -> None:
    """That an environment takes it, and has a folder for it, is no second mistake."""
    put(
        "routes/environments/test.yaml",
        "environment: test\nstore: {sqlite: var/test.db}\ntakes: [inbox]\n"
        'systems:\n  archive: {url: "http://127.0.0.1:9000"}\n'
        "channels: {inbox: {folder: var/in}}\n",
    )(root)
    assert check(root)[1] == []
    swap(CHANNEL, "owner:", "ownr:")(root)
    places = {str(one.place).partition(":")[0] for one in check(root)[1]}
    assert places == {CHANNEL}
