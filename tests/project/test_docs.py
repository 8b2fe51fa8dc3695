"""Owns: that the documents are true: examples run, links lead somewhere, generated pages are fresh.
Imports: router.config, scripts/reference.py.
Never: runs what sets the project up (`make`, `git`, `pip`); leaves a process behind.

How a page is run (see docs/README.md): a page of docs/tutorial/ begins in an empty folder, every
other one in a copy of the project. Blocks are taken in order.
- `yaml` begins with `# file: PATH` (written) or `# add to: PATH, after: LINE` (inserted).
- `json` and `xml` after a line "`PATH`:" are written.
- `console`: lines that begin with `$ ` are run in one shell; their output must be what is shown.
  `...` stands for any text within a line, as a line of its own for any lines, and at the end of
  the last line for all that follows.
- `jmespath`: expressions over the last `json` block without a path, each with `-> value`.
What was written must pass `router check` before the next command that is not `router check`.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import pkgutil
import queue
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import jmespath.functions
import pytest

import router.config
from router.config.project import load_project
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import compile_expression
from router.core.diagnostics import Place
from router.core.errors import TransformError
from router.runtime.installed import installed_adapters
from tests.crash.processes import free_port

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MAP = ROOT / "router" / "ARCHITECTURE.md"
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", *DOCS.rglob("*.md"))
    if path.parent.name not in ("decisions", "reference")
)
LANGUAGES = {"console", "yaml", "json", "xml", "jmespath", "mermaid", "text"}
#: ports that the examples name; a free one takes the place of each
PORTS = ("8321", "8390", "9321")
#: set the project up: the gate does that before any test
SET_UP = re.compile(r"(make|git|cd|pip|python3?|source|\.) ")
#: commands that only look: they are repeated until the router has come to what is shown
LOOKS = re.compile(
    r"(router (status|trace|replay show|workflow (show|list|tasks))|curl -s|ls|cat|grep|find|tail)"
)
#: what `router send` says when the daemon has not begun to listen: nothing was sent
UNHEARD = " 0 no answer from "
#: seconds after which an example is taken to hang
PATIENCE = 60.0
DONE = "== done"
_FENCE = re.compile(r"( *)```(\w*)$")
_PATH = re.compile(r"`([\w./-]+)`:")
_PLACED = re.compile(r"# (?:file: (?P<file>\S+)|add to: (?P<into>\S+), after: (?P<after>.+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its language, its text, the path said just before it."""

    language: str
    text: str
    line: int
    path: str = ""


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    fence, start, said = None, 0, ""
    held: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _FENCE.fullmatch(line)
        if fence is None and match:
            fence, start, held = match, number, []
        elif fence is not None and line.strip() == "```":
            path = _PATH.fullmatch(said.strip())
            body = "\n".join(one.removeprefix(fence[1]) for one in held) + "\n"
            yield Block(language=fence[2], text=body, line=start, path=path[1] if path else "")
            fence = None
        elif fence is not None:
            held.append(line)
        elif line.strip():
            said = line
    assert fence is None, f"line {start}: the block does not end"


class Shell:
    """A folder and one shell in it; ports of the examples are exchanged for free ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._there = {port: str(free_port()) for port in PORTS}
        self._back = {taken: port for port, taken in self._there.items()}
        scripts = sysconfig.get_path("scripts")
        paths = (scripts, *os.environ["PATH"].split(os.pathsep))
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env={"PATH": os.pathsep.join(paths), "HOME": str(folder), "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        # when these tests are killed, the shell comes to the end of its input, and takes all along
        self._give("trap 'kill -KILL 0' EXIT\n")
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def exchange(self, text: str) -> str:
        """Return a text of the page with ports that are free."""
        return _exchanged(text, self._there)

    def run(self, command: str) -> tuple[str, int]:
        """Return the output of a command and its exit code."""
        self._give(
            f"{{ {self.exchange(command)}\n}} < /dev/null\nprintf '\\n%s %s\\n' '{DONE}' $?\n"
        )
        lines = []
        while not (line := self._lines.get(timeout=PATIENCE)).startswith(DONE):
            lines.append(line)
        shown = [one for one in lines if not re.match(r"bash: (line \d+: +)?\d+ Killed", one)]
        text = "".join(shown).rstrip("\n")
        return _exchanged(text, self._back), int(line.split()[-1])

    def close(self) -> None:
        """End the shell and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _give(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


class Page:
    """Runs the blocks of one page."""

    def __init__(self, name: str, shell: Shell) -> None:
        self._name = name
        self._shell = shell
        self._unchecked = False
        self._document: Any = {}

    def run(self) -> None:
        """Run every block, then check what was written last."""
        for block in blocks_of((ROOT / self._name).read_text()):
            where = f"{self._name}:{block.line}"
            assert block.language in LANGUAGES, f"{where}: {block.language or 'no language'}"
            if block.language == "console":
                self._console(block, where)
            elif block.language == "jmespath":
                self._expressions(block, where)
            elif block.language == "yaml" or block.path:
                self._place(block, where)
            elif block.language == "json":
                self._document = json.loads(block.text)
        self._check(self._name)

    def _console(self, block: Block, where: str) -> None:
        if not block.text.startswith("$ router check"):
            self._check(where)
        self._unchecked = False
        assert block.text.startswith("$ "), f"{where}: a command begins with $"
        for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = step.partition("\n")
            while command.endswith("\\"):
                more, _, shown = shown.partition("\n")
                command += f"\n{more}"
            if not SET_UP.match(command):
                self._command(command, shown.rstrip("\n"), where)

    def _command(self, command: str, shown: str, where: str) -> None:
        deadline = time.monotonic() + PATIENCE
        output, code = self._shell.run(command)
        while not _fits(output, shown) and (LOOKS.match(command) or UNHEARD in output):
            if time.monotonic() > deadline:
                break
            threading.Event().wait(0.4)
            output, code = self._shell.run(command)
        assert _fits(output, shown), f"{where}: $ {command}\n{output}\n--- is shown as\n{shown}"
        assert code in (0, 1) or shown.startswith("router: "), f"{where}: {command} gave {code}"

    def _place(self, block: Block, where: str) -> None:
        text = block.text
        said = _PLACED.match(text)
        assert block.language != "yaml" or said, f"{where}: begins without # file: or # add to:"
        path = self._shell.folder / (said["file"] or said["into"] if said else block.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if said and said["into"]:
            lines = path.read_text().splitlines(keepends=True)
            at = [one.strip() for one in lines].index(said["after"].strip()) + 1
            text = "".join([*lines[:at], text.partition("\n")[2], *lines[at:]])
        path.write_text(self._shell.exchange(text))
        self._unchecked = True

    def _check(self, where: str) -> None:
        if self._unchecked and (self._shell.folder / "routes").exists():
            _, findings = load_project(self._shell.folder, installed_adapters())
            assert [str(one) for one in findings] == [], f"before {where}"
        self._unchecked = False

    def _expressions(self, block: Block, where: str) -> None:
        tables = load_project(ROOT, installed_adapters())[0].tables
        for text, shown in re.findall(r"^(.+)\n *-> (.+)$", block.text, flags=re.MULTILINE):
            place = Place(self._name, block.line)
            vocabulary = Vocabulary(roots=None, tables=tables)
            made, found = compile_expression(text.strip().removeprefix("="), place, vocabulary)
            if shown.startswith("refused: "):
                told = found[0].message if made is None else _refusal(made, self._document)
                assert shown.removeprefix("refused: ") in told, f"{where}: {text}: {told}"
                continue
            assert made is not None, f"{where}: {found[0]}"
            assert made(self._document) == json.loads(shown), f"{where}: {text}"


@pytest.fixture
def shell(name: str, tmp_path: Path) -> Iterator[Shell]:
    """Give the folder in which a page begins. `router test` runs what the page is about: for a
    page of docs/ the copy lacks the tests that it does not name, and counter-examples.
    """
    made = Shell(tmp_path)
    said = (ROOT / name).read_text()

    def beside_it(_folder: str, names: list[str]) -> set[str]:
        tests = {one for one in names if one.endswith(".test.yaml") and one not in said}
        return tests | {"counterexamples"} if name.startswith("docs/") else set()

    if not name.startswith("docs/tutorial/"):
        for folder in ("routes", "transforms", "contracts"):
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=beside_it)
        (tmp_path / ".venv").symlink_to(sys.prefix)
        for path in (tmp_path / "routes").glob("[es]*s/*.yaml"):
            path.write_text(made.exchange(path.read_text()))
    yield made
    made.close()


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_of_a_page_run(name: str, shell: Shell) -> None:
    Page(name, shell).run()


@pytest.mark.parametrize(
    "name", [*PAGES, "router/ARCHITECTURE.md", *(f"docs/reference/{n}" for n in
    ("language.md", "functions.md", "findings.md", "commands.md"))]
)  # fmt: skip
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if target.startswith("https://"):
            continue
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            lost.append(target)
    assert lost == []


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    listed = set(re.findall(r"\]\(([^)#]+\.md)\)", index))
    assert {one for one in pages if "/" in one and not one.startswith("decisions/")} <= listed


@pytest.mark.parametrize("name", ["language.md", "functions.md", "findings.md", "commands.md"])
def test_the_reference_says_what_the_code_says(name: str) -> None:
    made = _reference().PAGE_OF[name]()
    assert made == (DOCS / "reference" / name).read_text(), "run python scripts/reference.py"


def test_the_reference_leaves_nothing_out() -> None:
    reference = _reference()
    components = {
        one
        for info in pkgutil.walk_packages(router.config.__path__, "router.config.")
        for one in vars(importlib.import_module(info.name)).values()
        if inspect.isclass(one) and hasattr(one, "__component__")
    }
    assert {cls for _, _, held in reference.sections() for cls in held} == components
    assert set(reference.JMESPATH) == set(jmespath.functions.Functions.FUNCTION_TABLE)


def test_the_builders_map_names_every_module_and_nothing_else() -> None:
    text = MAP.read_text()
    named = set(re.findall(r"`((?:router|tests|adapters|docs|scripts)/[\w./-]+\.\w+)`", text))
    assert {one for one in named if not (ROOT / one).exists()} == set()
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in ("router", "adapters")
        for path in (ROOT / folder).rglob("*.py")
        if len(ast.parse(path.read_text()).body) > 1
    }
    assert modules - named == set()


def test_the_builders_map_names_what_is_there() -> None:
    names = re.findall(r"`(router(?:\.\w+)+)`", MAP.read_text())
    assert len(names) > 20
    assert [one for one in names if not _is_there(one)] == []


def _is_there(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found: Any = importlib.import_module(".".join(parts[:cut]))
            for part in parts[cut:]:
                found = getattr(found, part, None)
            return found is not None
    return False


def _fits(output: str, shown: str) -> bool:
    """Tell whether output is what a page shows; `...` stands for what differs each time."""
    pattern = ""
    for line in shown.splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r" *\n"
    if shown.endswith(" ..."):
        pattern = pattern.removesuffix(r".* *\n") + r"(?s:.*)"
    return re.fullmatch(pattern, output + "\n" if output else "") is not None


def _refusal(expression: Any, document: Any) -> str:
    try:
        return f"no refusal: {expression(document)}"
    except TransformError as error:
        return str(error)


def _exchanged(text: str, ports: dict[str, str]) -> str:
    return re.sub(r"\b(" + "|".join(ports) + r")\b", lambda match: ports[match[1]], text)


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in titles}


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
