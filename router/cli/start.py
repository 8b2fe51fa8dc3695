"""Owns: the first moment of the process: until a command has begun, Ctrl-C ends it without a word.
Imports: router.cli.main and runtime.memory, when it is ready for them.
Never: changes what a process does that only imports the router.
"""

from __future__ import annotations

import signal


def start() -> None:
    """Run the command line of this process."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not deaf: no background job
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from router.runtime.memory import begin_memory  # noqa: PLC0415

    begin_memory()
    from router.cli.main import main  # noqa: PLC0415

    main()
