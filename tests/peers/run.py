"""`make peers`: the whole story and every golden case on S3 servers that nobody here wrote; writes docs/servers.md's table.

Fails where a server on which everything should hold does not, and where on any of them something was lost. What cannot be
had here (radosgw, where neither it nor apt-get is there) is left out, in words, and its column stays as it is.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1]))

from indexer_sandbox.s3 import S3Server  # noqa: E402
from peers.golden_on_peer import CASES, CaseOutcome, run, systems_on  # noqa: E402
from peers.servers import CEPH, PACKAGES, PYTHON, MissingServerError, PeerS3, ministack, radosgw  # noqa: E402
from peers.story import Outcomes, tell  # noqa: E402

PAGE = HERE.parents[2] / "docs" / "servers.md"
TABLE = re.compile(r"(<!-- written by: make peers -->\n).*?(<!-- end -->)", re.DOTALL)
HOLDS = {
    "`apply`": "0:",
    "`plan` again": "0: 0 actions",
    "`drift`": "0",
    "`undo`": "0:",
    "`apply` of it": "0:",
}
"""What the story must come to where everything should hold."""


@dataclass(frozen=True)
class Server:
    """One column of the table."""

    version: Callable[[], str]
    start: Callable[[Path], AbstractContextManager[S3Server | PeerS3]]
    should_hold: bool


@contextmanager
def _sandbox(_: Path) -> Iterator[S3Server]:
    server = S3Server()
    try:
        yield server
    finally:
        server.close()


def _of_peers(package: str) -> str:
    asked = f"import importlib.metadata as m; print(m.version({package!r}))"
    return _output([str(PYTHON), "-c", asked])


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as exc:
        raise MissingServerError(f"{command[0]}: {exc}") from exc


SERVERS = {
    "the sandbox": Server(lambda: f"moto {importlib.metadata.version('moto')}", _sandbox, should_hold=True),
    "ministack": Server(lambda: _of_peers("ministack"), ministack, should_hold=True),
    "Ceph radosgw": Server(lambda: _output(["radosgw", "--version"]).split()[2], radosgw, should_hold=False),
}


def main(names: list[str]) -> int:
    """Try the servers of these names, or all."""
    _install_ceph()
    columns = _columns(PAGE.read_text(encoding="utf-8"))
    wrong: list[str] = []
    for name in names or SERVERS:
        print(f"{name} …", flush=True)
        try:
            column, faults = _tried(SERVERS[name])
        except MissingServerError as exc:
            print(f"{name} is left out: {exc}", flush=True)
            continue
        columns[name] = column
        wrong += [f"{name}: {one}" for one in faults]
        print(f"  golden cases: {column['golden cases']}", flush=True)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda found: f"{found[1]}{_table(columns)}{found[2]}", text), encoding="utf-8")
    print("\n".join(wrong) or "On every server that was tried, all came out as it must.")
    return 1 if wrong else 0


def _tried(server: Server) -> tuple[Outcomes, list[str]]:
    """One server's column, and what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="indexer-peers-") as folder:
        found: Outcomes = {"version": server.version()}
        with server.start(Path(folder) / "told") as running:
            found |= tell(running, Path(folder))
        for tried, outcome in found.items():
            print(f"  {tried}: {outcome}", flush=True)
        with server.start(Path(folder) / "golden") as running:  # a new one, without the story's buckets
            cases = _golden(running) if isinstance(running, PeerS3) else []
    found["golden cases"] = _counted(cases) if cases else "in `make test`"
    if server.should_hold:
        wrong = [
            f"{step}: {found[step]}"
            for step, start in HOLDS.items()
            if not found.get(step, "").startswith(start)
        ]
        bad = [one for one in cases if not one.holds and not one.left_out]
    else:
        wrong = []
        bad = [one for one in cases if not one.holds and not one.left_out and not one.stopped_safely]
    return found, wrong + [f"{one.name}: {'; '.join(one.problems)}" for one in bad]


def _golden(peer: PeerS3) -> list[CaseOutcome]:
    with systems_on(peer) as systems:
        return [run(name, systems) for name in sorted(CASES)]


def _counted(cases: list[CaseOutcome]) -> str:
    """How many hold, stop short of what the server does not allow, and cannot be tried on it."""
    counts = Counter(
        "hold"
        if one.holds
        else "left out"
        if one.left_out
        else "stop safely"
        if one.stopped_safely
        else "fail"
        for one in cases
    )
    return ", ".join(
        f"{counts[kind]} {kind}" for kind in ("hold", "stop safely", "fail", "left out") if counts[kind]
    )


def _columns(page: str) -> dict[str, Outcomes]:
    """What the table says now: a server that cannot be tried here keeps its column."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|---" not in line]
    if not cells or cells[0][0] != "tried":
        return {}
    return {
        name: {row[0]: row[column] for row in cells[1:] if len(row) == len(cells[0]) and row[column] != "—"}
        for column, name in enumerate(cells[0])
        if column
    }


def _table(columns: dict[str, Outcomes]) -> str:
    names = [name for name in SERVERS if name in columns]
    rows = list(dict.fromkeys(tried for name in names for tried in columns[name]))
    lines = ["| tried | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [
        f"| {row} | " + " | ".join(columns[name].get(row, "—") for name in names) + " |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def _install_ceph() -> None:
    """Ask apt for radosgw, where it is missing and there is an apt."""
    if all(shutil.which(one) for one in CEPH) or not shutil.which("apt-get"):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *PACKAGES],
    ):
        done = subprocess.run(
            [*as_root, *command], env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, check=False
        )
        if done.returncode:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
