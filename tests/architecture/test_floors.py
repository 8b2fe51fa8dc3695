"""Imports point down only: cli | api -> runtime -> engine | infra -> config -> core."""

from __future__ import annotations

import sys
from typing import Any

import router

#: floor -> the floors that it may import from, itself included
MAY_IMPORT = {
    "core": {"core"},
    "config": {"core", "config"},
    # engine and infra stand apart; infra does not even know the configuration
    "engine": {"core", "config", "engine"},
    "infra": {"core", "infra"},
    # the documented exception: runtime joins the two
    "runtime": {"core", "config", "engine", "infra", "runtime"},
    "api": {"core", "config", "engine", "infra", "runtime", "api"},
    # `router run` starts the application; the api knows no command
    "cli": {"core", "config", "engine", "infra", "runtime", "api", "cli"},
    # the package's own file: what it exports comes from below the runtime
    "": {"core", "config", "infra"},
}


def test_every_folder_of_the_engine_is_a_floor(sources: Any) -> None:
    assert {one.floor for one in sources if one.package == "router"} == set(MAY_IMPORT)


def test_imports_point_down(sources: Any) -> None:
    upward = []
    for source in sources:
        if source.package != "router":
            continue
        for module, names, line in source.imports:
            upward += [
                f"{source.path}:{line} {source.floor} imports {floor}"
                for floor in sorted(_floors_of(module, names) - MAY_IMPORT[source.floor])
            ]
    assert upward == []


def test_nothing_is_imported_relatively(sources: Any) -> None:
    assert [
        f"{source.path}:{line} {module}"
        for source in sources
        for module, _, line in source.imports
        if module.startswith(".")
    ] == []


def test_the_engine_never_imports_an_adapter(sources: Any) -> None:
    named = [
        f"{source.path}:{line} {module}"
        for source in sources
        if source.package == "router"
        for module, _, line in source.imports
        if module.split(".")[0] == "adapters"
    ]
    written = [
        source.path
        for source in sources
        if source.package == "router"
        and ('"adapters.' in source.text or "'adapters." in source.text)
    ]
    assert named + written == []


def test_adapters_import_only_what_the_engine_exports(sources: Any) -> None:
    exported = set(router.__all__)
    beyond = []
    for source in sources:
        if source.package != "adapters":
            continue
        for module, names, line in source.imports:
            if module == "router":
                extra = set(names) - exported if names else {"the module itself"}
                beyond += [f"{source.path}:{line} {name}" for name in sorted(extra)]
            elif module.split(".")[0] == "router":
                beyond.append(f"{source.path}:{line} {module}")
    assert beyond == []


def test_what_the_engine_exports_is_there() -> None:
    assert set(router.__all__) == set(router._HOMES)
    for name in router.__all__:
        assert getattr(router, name) is not None


def test_core_and_engine_use_no_other_package(sources: Any) -> None:
    allowed = {*sys.stdlib_module_names, "router"}
    assert [
        f"{source.path}:{line} {module}"
        for source in sources
        if source.floor in ("core", "engine")
        for module, _, line in source.imports
        if module.split(".")[0] not in allowed
    ] == []


def _floors_of(module: str, names: tuple[str, ...]) -> set[str]:
    parts = module.split(".")
    if parts[0] != "router":
        return set()
    if len(parts) > 1:
        return {parts[1]}
    return {name for name in names if name in MAY_IMPORT} or {"the package itself"}
