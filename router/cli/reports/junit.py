"""Owns: results as JUnit XML, as Jenkins, GitLab, CircleCI and Azure read it.
Imports: cli.render.
Never: writes a character that XML 1.0 does not have, a second failure in one case.

Source: the schema that Jenkins publishes (junit-10.xsd); `file` and `line` as pytest writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from router.cli.render import visible

#: what is no character of XML 1.0 and what `visible` leaves as it is
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCase:
    """One case. `failure` is what is told of it, its first line as the summary; empty = passed."""

    __test__ = False

    name: str
    file: str
    line: int = 1
    seconds: float = 0.0
    kind: str = "failed"
    failure: str = ""
    #: what is told although it did not fail
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Cases under one name."""

    name: str
    cases: tuple[TestCase, ...]


def junit(suites: Iterable[Suite], name: str) -> str:
    """Return the document; `name` is what ran."""
    listed = list(suites)
    root = ET.Element("testsuites", {"name": name, **_counts(*listed)})
    for suite in listed:
        at = ET.SubElement(root, "testsuite", {"name": _text(suite.name), **_counts(suite)})
        for case in suite.cases:
            _add(at, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _add(suite: ET.Element, case: TestCase) -> None:
    said = {
        "name": _text(case.name),
        # Jenkins and GitLab group by class: the file without the points that they cut it at
        "classname": _text(case.file.replace(".", "_")),
        "file": _text(case.file),
        "line": str(case.line),
        "time": f"{case.seconds:.3f}",
    }
    at = ET.SubElement(suite, "testcase", said)
    if case.failure:
        summary = case.failure.split("\n", 1)[0]
        told = {"message": _text(summary), "type": case.kind}
        ET.SubElement(at, "failure", told).text = _text(case.failure)
    if case.output:
        ET.SubElement(at, "system-out").text = _text(case.output)


def _counts(*suites: Suite) -> dict[str, str]:
    cases = [case for suite in suites for case in suite.cases]
    return {
        "tests": str(len(cases)),
        "failures": str(sum(bool(case.failure) for case in cases)),
        "errors": "0",
        "skipped": "0",
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }


def _text(text: str) -> str:
    return _NO_CHARACTER.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
