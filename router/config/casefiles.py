"""Owns: the files that tests name: bodies that are given, golden files.
Imports: config.cases.
Never: reads them (runtime.cases does).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from router.config.cases import Case, CaseFile, Expected
from router.core.diagnostics import Place, Report


def check_files(cases: Mapping[str, CaseFile], report: Report) -> None:
    """Report files out of the project. `cases` are tests by the path of their file."""
    for path, case in _each(cases):
        for name, place in (*_given(case), *_golden(case)):
            full = _full(path, name)
            if full.startswith(("/", "../")) or full == "..":
                report.error("E140", place, f"{name} lies out of the project", "fixtures/NAME.json")


def given_files(cases: Mapping[str, CaseFile]) -> frozenset[str]:
    """Return the files that tests are given, by their path in the project."""
    return frozenset(_full(path, name) for path, case in _each(cases) for name, _ in _given(case))


def _each(cases: Mapping[str, CaseFile]) -> Iterator[tuple[str, Case]]:
    for path, file in cases.items():
        for case in file.tests:
            yield path, case


def _full(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def _given(case: Case) -> Iterator[tuple[str, Place]]:
    if case.given.body_file:
        yield case.given.body_file, case.given.place
    for mocks in case.mocks.values():
        for mock in mocks:
            if mock.body_file:
                yield mock.body_file, mock.place


def _golden(case: Case) -> Iterator[tuple[str, Place]]:
    expect = case.expect
    found: list[Expected | None] = [expect.result]
    found += [one.payload for one in expect.produced or ()]
    found += [one.payload for one in expect.sent or ()]
    found += [one.payload for one in expect.signalled or ()]
    for one in found:
        if one is not None and one.file:
            yield one.file, one.place
