"""One asset's way through a plan: each door between two rooms that a call goes through, once.

    python tests/house/walk.py

A room is a package; nouns (`model`, errors) are no rooms, since everybody has them at hand. Doors that only open
connections, or look at clocks, are left out: they are on nobody's way. One asset that is out of step is planned on a
sandbox, in one thread.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import indexer
from indexer_sandbox import running
from indexer_sandbox.seed import seed

PACKAGE = Path(indexer.__file__).parent
ROOMS = ("cli", "runs", "planner", "systems", "render")
OPENING = ("runs/connect.py", "runs/cleartext.py", "runs/clock.py", "systems/pace.py")
Door = tuple[str, str]
"""Caller and called: `runs/plan.py plan`."""


class Walk:
    """Notes the doors while it is set as the profiler."""

    def __init__(self) -> None:
        self.doors: dict[Door, int] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """A call that leads from one room into another."""
        here = place(frame) if event == "call" else ""
        if not here:
            return
        above = frame.f_back
        while above is not None and not place(above):
            above = above.f_back
        there = place(above) if above else ""
        if there and there.split("/")[0] != here.split("/")[0]:
            door = (there, here)
            self.doors[door] = self.doors.get(door, 0) + 1


def place(frame: FrameType) -> str:
    """The function that runs there, by its module; empty where it is in none of the rooms."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(PACKAGE):
        return ""
    module = path.relative_to(PACKAGE).as_posix()
    return f"{module} {frame.f_code.co_name}" if module.split("/")[0] in ROOMS else ""


def walked() -> dict[Door, int]:
    """Plan one asset that is out of step, and tell the doors on its way."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as sandbox:
        scenario = seed(sandbox, assets=5).scenario("second-bucket-stale")
        os.environ |= sandbox.environment()
        file = Path(folder) / "indexer.toml"
        file.write_text(sandbox.config_toml(), encoding="utf-8")
        config, walk = indexer.load_config(str(file)), Walk()
        bucket = scenario.location.removeprefix("s3://").partition("/")[0]
        indexer.plan(config, [bucket], assets=[scenario.location], parallel=1)  # imports are on nobody's way
        threading.setprofile(walk)
        sys.setprofile(walk)
        planned = indexer.plan(config, [bucket], assets=[scenario.location], parallel=1)
        sys.setprofile(None)
        threading.setprofile(None)
    if len(planned.actions) != 1:
        raise AssertionError(f"{len(planned.actions)} actions: another asset was planned")
    return {
        door: count for door, count in walk.doors.items() if not any(one in " ".join(door) for one in OPENING)
    }


def main() -> None:
    """Print them, and how many there are."""
    doors = walked()
    for (there, here), count in doors.items():
        print(f"{there} → {here}: {count}")
    print(f"doors={len(doors)} calls={sum(doors.values())}")


if __name__ == "__main__":
    main()
