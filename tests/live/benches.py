"""Owns: `router bench` over a real broker, as a command.
Imports: nothing of the router.
Never: leaves a queue behind unseen.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.crash.processes import ROUTER
from tests.live.broker import Broker


def measured(name: str, at: Broker, *words: str | Path, work: Path | None = None) -> Any:
    """Return what a bench tells of one repeat; it leaves no queue."""
    done = subprocess.run(
        [ROUTER, "bench", name, "--broker", "env:B", "--repeats", "1", "--format", "json", *words],
        env={**os.environ, "B": at.address},
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
        timeout=1000,
    )
    assert done.returncode == 0, done.stderr
    assert at.ctl("list_queues", "name").strip() in ("", "name")
    return json.loads(done.stdout)
