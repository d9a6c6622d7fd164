"""The command on a disk of which each flush takes so many milliseconds more, and how many there were.

python -m bench.slow_disk MILLISECONDS COUNT-FILE ARGUMENT…
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from threading import Lock

if __name__ == "__main__":
    delay_s, file, arguments = float(sys.argv[1]) / 1_000, Path(sys.argv[2]), sys.argv[3:]
    flush, lock, count = os.fsync, Lock(), [0]

    def slow(descriptor: int) -> None:
        """As the system's own, later."""
        with lock:
            count[0] += 1
        time.sleep(delay_s)
        flush(descriptor)

    os.fsync = slow  # type: ignore[assignment]
    from indexer.cli import main

    try:
        main(arguments)
    finally:
        file.write_text(str(count[0]))
