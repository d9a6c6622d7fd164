"""One golden case against the real command: plan, apply, plan again, apply again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from golden.case import LINKS, Case, same_records
from golden.judge import Judge, Times, of_plan
from golden.systems import CaseSystems
from shared.commands import Finished

WIDE_OPEN = ("--max-deletes", "100000", "--max-delete-percent", "100")


def run(case: Case, systems: CaseSystems, folder: Path) -> list[str]:
    """What does not hold, in words; `folder` is empty."""
    return _Run(case, systems, folder).problems()


def arguments_of(case: Case) -> list[str]:
    """Those of `plan`. Unless the case is about limits, they are wide open."""
    given = case["plan"]
    if case.get("limits") == "default" or {"--max-deletes", "--max-delete-percent"} & set(given):
        return list(given)
    return [*given, *WIDE_OPEN]


class _Run:
    """A case as it is carried out."""

    def __init__(self, case: Case, systems: CaseSystems, folder: Path) -> None:
        self._case, self._systems, self._folder = case, systems, folder
        self._incomplete = bool(case["expect"].get("incomplete"))
        self._problems: list[str] = []

    def problems(self) -> list[str]:
        """Carry it out."""
        systems, case = self._systems, self._case
        systems.load(case)
        systems.configure(case, self._folder)
        start = systems.snapshot()
        for generation in LINKS:
            assert same_records(start[generation], case[generation]), "the server changed what it was given"
        planned_at = datetime.now(UTC)
        plan = self._plan("plan", "plan.json", start)
        if plan is None:
            return self._problems
        self._problems += of_plan(case, plan)
        if self._applied(plan, start, planned_at) or not case["expect"]["empty_plan"]:
            self._again()
        return self._problems

    def _plan(self, what: str, name: str, before: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Plan; nothing may be written. None where there is no plan."""
        self._systems.forget_writes()
        done = self._systems.run(self._folder, "plan", *arguments_of(self._case), "--out", name)
        self._silent(what, before)
        if not self._ends(what, done, (0, 1) if self._incomplete else (0,)):
            return None
        plan: dict[str, Any] = json.loads((self._folder / name).read_text(encoding="utf-8"))
        return plan

    def _applied(self, plan: dict[str, Any], start: dict[str, Any], planned_at: datetime) -> int:
        """Apply, and judge the end; how many writes there were."""
        systems = self._systems
        systems.forget_writes()
        started_at = datetime.now(UTC)
        done = systems.run(self._folder, "apply", "plan.json")
        times = Times(planned_at, started_at, datetime.now(UTC))
        ended = self._ends("apply", done, (0, 1, 5) if self._incomplete else (0,))
        journal, written = systems.journal(), systems.docdb_writes()
        self._end = systems.snapshot()
        self._problems += Judge(self._case, start, self._end, times, systems.known_ids).verdict(journal)
        self._problems += [f"unexpected collection {one}" for one in systems.other_collections()]
        if ended and not self._incomplete:
            self._counted(plan, journal, written)
        return len(journal) + written

    def _counted(self, plan: dict[str, Any], journal: list[dict[str, Any]], in_docdb: int) -> None:
        """One write for each action."""
        kinds = [one["kind"] for one in plan["actions"]]
        planned = [
            sum(kind.endswith(what) for kind in kinds) for what in ("-object", "-record", "-data-asset")
        ]
        in_s3 = sum("key" in one for one in journal)
        written = [in_s3, in_docdb, len(journal) - in_s3]
        if planned != written:
            self._problems.append(
                f"planned {planned} writes of objects, records, data assets; made {written}"
            )

    def _again(self) -> None:
        """Nothing is left to do, and the first plan does nothing any more."""
        second = self._plan("the second plan", "second.json")
        if second and second["actions"]:
            self._problems.append(f"the second plan has {len(second['actions'])} actions")
        self._systems.forget_writes()
        done = self._systems.run(self._folder, "apply", "plan.json")
        self._ends("the second apply", done, (0, 1, 4, 5) if self._incomplete else (0, 4))
        self._silent("the second apply", self._end)

    def _ends(self, what: str, done: Finished, statuses: tuple[int, ...]) -> bool:
        if done.returncode in statuses:
            return True
        self._problems.append(f"{what} exits with {done.returncode}: {(done.stderr or done.stdout)[-300:]}")
        return False

    def _silent(self, what: str, before: dict[str, Any] | None) -> None:
        """Nothing was written, anywhere."""
        journal, in_docdb = self._systems.journal(), self._systems.docdb_writes()
        if journal:
            self._problems.append(f"{what} wrote to S3 or Code Ocean: {journal}")
        if in_docdb:
            self._problems.append(f"{what} wrote to DocDB")
        if before is not None:
            now = self._systems.all_records()
            if not all(same_records(now[generation], before[generation]) for generation in LINKS):
                self._problems.append(f"{what} changed DocDB")
