"""Start processes that commit to a session without end, one after the other; say what becomes of each.

The argument is the module whose `main` such a process runs. A line on standard input is the session to commit to. The
answers are "pid", its number, what the process itself says, and "gone" with how it ended. Forking one that is ready
costs a tenth of starting one.
"""

from __future__ import annotations

import importlib
import os
import sys


def main() -> None:
    """Serve until standard input ends."""
    work = importlib.import_module(sys.argv[1])
    importlib.import_module(
        "sqlite_utils"
    )  # The store loads it on first use: no child is to be killed meanwhile.
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.argv = [sys.argv[1], line.strip()]
            work.main()
        _say(f"pid {child}")
        _, status = os.waitpid(child, 0)
        _say(f"gone {os.waitstatus_to_exitcode(status)}")


def _say(line: str) -> None:
    """Write *line* whole and by itself: the process may be killed amid a line of its own."""
    os.write(sys.stdout.fileno(), f"\n{line}\n".encode())


if __name__ == "__main__":
    main()
