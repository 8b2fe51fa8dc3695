"""`router docs`: pages that lead somewhere, tell no secret, and stay when nothing has changed."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest

from router.config.atlas.pages import NOTE, pages_of
from router.config.project import load_project
from router.runtime.installed import installed_adapters
from tests.unit.tools.conftest import ROOT, Command
from tests.unit.tools.test_graph import LINE

LINK = re.compile(r"\]\(([^)#]+)\)")
#: a line of the picture of a workflow's steps
NAME = r"[a-z_.]+(?:/[a-z_]+)?"
WORDS = rf'"[a-z_]+<br/>{NAME}(?:\ or\ {NAME})*(?:<br/>each\ of\ [a-z_]+)?"'
STEP = re.compile(
    rf"""flowchart\ TD
    | \ \ \w+(?:\(\[{WORDS}\]\)|\[{WORDS}\]|\{{\{{{WORDS}\}}\}})
    | \ \ s_\w+\ -\.?->\ s_\w+
    | \ \ classDef\ pivot\ stroke-width:4px
    | \ \ class\ \w+(?:,\w+)*\ pivot""",
    re.VERBOSE,
)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages of the shipped landscape."""
    return pages_of(load_project(ROOT, installed_adapters())[0])


def test_everything_declared_has_a_page_and_is_on_the_first(pages: dict[str, str]) -> None:
    project = load_project(ROOT, installed_adapters())[0]
    wanted = {f"channels/{name}.md" for name in project.channels}
    wanted |= {f"flows/{name.removeprefix('flow:')}.md" for name in project.flows}
    wanted |= {f"systems/{name}.md" for name in project.systems}
    wanted |= {f"workflows/{name}.md" for name in project.workflows}
    wanted |= {f"contracts/{name}.md" for name in project.contracts.versions}
    wanted |= {f"tables/{name}.md" for name in project.tables}
    wanted |= {f"environments/{name}.md" for name in project.environments}
    assert set(pages) == wanted | {"README.md"}
    assert wanted <= set(LINK.findall(pages["README.md"]))


def test_every_link_leads_to_a_page(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        for target in LINK.findall(text):
            there = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            assert there in pages, (path, target)


def test_every_table_has_as_many_cells_in_each_row(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        assert_tables(path, text)


def test_every_picture_is_mermaid(pages: dict[str, str]) -> None:
    drawn = 0
    for path, text in pages.items():
        for block in re.findall(r"```mermaid\n(.*?)\n```", text, re.DOTALL):
            drawn += 1
            line_of = STEP if block.startswith("flowchart TD") else LINE
            assert [line for line in block.splitlines() if not line_of.fullmatch(line)] == [], path
    assert drawn > 10


def test_the_same_project_gives_the_same_pages(pages: dict[str, str]) -> None:
    assert pages == pages_of(load_project(ROOT, installed_adapters())[0])


def test_a_page_says_what_operations_want_to_know(pages: dict[str, str]) -> None:
    channel = pages["channels/shopify.md"]
    assert "| `http path` | `/in/shopify` |" in channel
    assert "[`refund_event@1`](../contracts/refund_event.md)" in channel
    assert "| every other kind | dead letter: unknown_kind |" in channel
    system = pages["systems/ledger.md"]
    assert "| `idempotency kind` | `lookup` |" in system
    assert "| everything else | **unknown** |  |" in system
    assert "Retries by policy `patient`: after `[5s, 30s, 5m, 30m, 2h]`" in system
    used = "[`posting_to_ledger`](../flows/posting_to_ledger.md), "
    flows = "[`retail_return`](../workflows/retail_return.md), "
    flows += "[`return_to_vendor`](../workflows/return_to_vendor.md)"
    assert f"Used by {used}{flows}." in system
    contract = pages["contracts/refund_event.md"]
    assert "| `payment.processor` | string | yes | Who moved the money; `cash`" in contract
    assert "| `components[].amount` | `types/unsigned_money@1.0.0` | yes |" in contract
    takers = "[`refund_to_ledger`](../flows/refund_to_ledger.md), "
    assert f"taken by {takers}[`refunds_to_workflow`](../flows/refunds_to_workflow.md)." in contract
    assert "- choose" in pages["flows/refund_to_ledger.md"]


def test_no_value_of_an_environment_that_may_be_a_secret_is_shown(base: Path) -> None:
    path = base / "routes/environments/test.yaml"
    path.write_text(path.read_text() + "values: {token: sesame-4711, region: eu}\n")
    made = pages_of(load_project(base, installed_adapters())[0])
    assert not [name for name, text in made.items() if "sesame" in text]
    assert "| `values` | `token, region` |" in made["environments/test.md"]


def test_what_authors_write_breaks_no_table(base: Path) -> None:
    path = base / "routes/channels/inbox.yaml"
    text = path.read_text()
    text = re.sub(r"owner: .*", r'owner: "a|b *c*\\n<d> `e`"', text, count=1)
    text = text.replace("routes:\n", 'routes:\n  "a|b`c": {discard: "x | y"}\n')
    path.write_text(text)
    project, found = load_project(base, installed_adapters())
    assert found == []
    made = pages_of(project)
    for name, page in made.items():
        assert_tables(name, page)
    assert "x \\| y" in made["channels/inbox.md"]


def test_an_operation_of_several_calls_names_them(base: Path) -> None:
    path = base / "routes/systems/archive.yaml"
    path.write_text(path.read_text() + "  both: {accept: task@1, calls: [put]}\n")
    flow = base / "routes/flows/file_task.yaml"
    flow.write_text(flow.read_text().replace("archive.put", "archive.both"))
    project, found = load_project(base, installed_adapters())
    assert found == []
    page = pages_of(project)["systems/archive.md"]
    assert "makes these calls in order: `put`." in page
    assert page.count("Used by [`file_task`](../flows/file_task.md).") == 1


@pytest.mark.parametrize("template", ["minimal", "returns"])
def test_a_fresh_project_has_pages_a_graph_schemas_and_a_topology(
    template: str, command: Command
) -> None:
    assert command("init", "fresh", "--template", template).exit_code == 0
    for words in (
        ("docs", "--out", "pages"),
        ("graph",),
        ("schema", "--write", "s"),
        ("topology",),
    ):
        assert command(*words, "-p", "fresh").exit_code == 0, words
    for path in Path("pages").rglob("*.md"):
        assert_tables(str(path), path.read_text())


def test_pages_are_written_once_and_again_when_the_landscape_changes(
    command: Command, base: Path
) -> None:
    assert command("docs", "--out", "pages", "--check", "-p", base).exit_code == 1
    done = command("docs", "--out", "pages", "-p", base)
    assert done.stdout.splitlines()[-1] == "9 pages in pages/, 9 written"
    assert command("docs", "--out", "pages", "-p", base).stdout == "9 pages in pages/, 0 written\n"
    assert command("docs", "--out", "pages", "--check", "-p", base).exit_code == 0
    policy = base / "routes/policies/patient.yaml"
    policy.write_text(policy.read_text().replace("5s", "6s"))
    done = command("docs", "--out", "pages", "--check", "-p", base)
    assert (done.exit_code, done.stdout) == (1, "out of date: pages/systems/archive.md\n")
    assert command("docs", "--out", "pages", "-p", base).stdout.endswith("1 written\n")


def test_a_page_of_what_is_no_more_goes(command: Command, base: Path) -> None:
    command("docs", "--out", "pages", "-p", base)
    left = Path("pages/flows/left.md")
    left.write_text(f"{NOTE}\n\n# Flow `left`\n")
    own = Path("pages/flows/notes.md")
    own.write_text("# Our own notes\n")
    assert command("docs", "--out", "pages", "--check", "-p", base).exit_code == 1
    assert "gone: pages/flows/left.md" in command("docs", "--out", "pages", "-p", base).stdout
    assert not left.exists()
    assert own.exists()


def test_a_page_of_somebody_else_is_left_alone(command: Command, base: Path) -> None:
    Path("pages").mkdir()
    Path("pages/README.md").write_text("# Ours\n")
    done = command("docs", "--out", "pages", "-p", base)
    assert done.exit_code == 2
    assert "was not written by router docs" in done.stderr
    assert sorted(path.name for path in Path("pages").iterdir()) == ["README.md"]


def test_a_project_with_mistakes_writes_nothing(command: Command, base: Path) -> None:
    (base / "routes/flows/file_task.yaml").write_text("flow: [")
    assert command("docs", "--out", "pages", "-p", base).exit_code == 1
    assert not Path("pages").exists()


def assert_tables(path: str, text: str) -> None:
    """Each run of lines with bars has one number of cells."""
    width = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("| ") else 0
        assert cells in (width, 0) or width == 0, (path, line)
        width = cells
