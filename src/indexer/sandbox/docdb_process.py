"""The DocDB server's process: nx-27017, tied to the life of the process that started it.

Run as `python -m indexer.sandbox.docdb_process DIRECTORY PORT` with a pipe on standard input. When the pipe
closes, for whatever reason the parent ended, the process deletes DIRECTORY and exits.
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
import threading
from pathlib import Path

from indexer.sandbox.loopback import HOST


def main(directory: Path, port: int) -> None:
    """Serve until the parent closes the pipe or kills the process."""
    threading.Thread(target=_exit_with_parent, args=(directory,), daemon=True).start()
    sys.argv = ["nx-27017", "--host", HOST, "-p", str(port), "--data-dir", str(directory / "data")]
    sys.argv += ["--pid-file", str(directory / "pid"), "--log-file", str(directory / "log")]
    runpy.run_module("nx_27017.nx_27017", run_name="__main__")


def _exit_with_parent(directory: Path) -> None:
    sys.stdin.buffer.read()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
