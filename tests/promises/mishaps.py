"""What happens to one call of a driver, and a run of the applier on drivers to which it happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NoReturn

from indexer.disk import DiskFolder
from indexer.errors import SystemFaultError
from indexer.model.outcome import Result
from indexer.runs.allowed import bounds_of
from indexer.runs.apply import RunOptions, apply_plan
from indexer.runs.config_file import load_config
from indexer.runs.connect import Systems
from indexer.runs.loading import load_plan
from resilience.arena import BUCKET, Arena

Call = Callable[[], Any]
Strike = Callable[[Call], Any]


class Died(BaseException):
    """The process is gone: nothing of ours runs after it."""


def dies_before(_: Call) -> NoReturn:
    """It is never sent."""
    raise Died


def dies_after(call: Call) -> NoReturn:
    """It is carried out, and nobody hears of it."""
    call()
    raise Died


def loses_the_answer(call: Call) -> NoReturn:
    """It is carried out, and the connection breaks."""
    call()
    raise SystemFaultError("The connection broke", "while it was waited for the answer")


def fails(_: Call) -> NoReturn:
    """It does not get through."""
    raise SystemFaultError("The connection broke", "before the request got through")


class Struck:
    """A port, to whose calls of a method something happens: the n-th, and with `from_then_on` all after it."""

    def __init__(
        self,
        port: Any,
        method: str,
        act: Strike,
        *,
        nth: int = 1,
        from_then_on: bool = False,
        where: str = "",
    ) -> None:
        """`where`: counts only calls with an argument that holds this text."""
        self._port, self._method, self._act, self._where = port, method, act, where
        self._nth, self._from_then_on, self._seen = nth, from_then_on, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return self._strike(method) if name == self._method else method

    def _strike(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            if self._where not in " ".join(map(str, arguments)):
                return method(*arguments, **named)
            self._seen += 1
            if self._seen == self._nth or (self._from_then_on and self._seen > self._nth):
                return self._act(lambda: method(*arguments, **named))
            return method(*arguments, **named)

        return called


def striking(systems: Systems, port: str, method: str, act: Strike, **how: Any) -> Systems:
    """The same systems; `port` is `writers.objects`, `readers.data_assets` and their like."""
    side, name = port.split(".")
    ports: Any = getattr(systems, side)
    struck: Any = replace(ports, **{name: Struck(getattr(ports, name), method, act, **how)})
    return replace(systems, **{side: struck})


def carry_out(world: Arena, systems: Systems, run: str, name: str = "plan.json", **how: Any) -> Result:
    """Apply a plan of the world's folder on these systems; the run's files go to the folder `run`.

    `how`: of `RunOptions` (`archive`, `clock`, `pause`).
    """
    bounds = bounds_of(load_config(world.folder / "indexer.toml"))
    how = {"clock": lambda: datetime.now(UTC), "pause": lambda _: None} | how
    return apply_plan(
        load_plan(world.folder / name),
        systems,
        bounds,
        DiskFolder(world.folder / run),
        RunOptions(1, **how),
    )


def status_of(result: Result, plan: dict[str, Any], kind: str, ending: str = "") -> str:
    """What came of the one action of a kind whose target ends so."""
    found = [one["id"] for one in plan["actions"] if one["kind"] == kind and target_of(one).endswith(ending)]
    (action_id,) = found
    return next(one.status for one in result.outcomes if one.action_id == action_id)


def target_of(action: dict[str, Any]) -> str:
    """Key, or asset."""
    return str(action["target"].get("key") or action["location"])


def kinds(plan: dict[str, Any]) -> list[str]:
    """Of its actions, in order."""
    return [action["kind"] for action in plan["actions"]]


def mount(world: Arena, data_asset_id: str, prefix: str, **more: Any) -> None:
    """Somebody has made a data asset that mounts an asset."""
    world.sandbox.codeocean.put(
        {
            "id": data_asset_id,
            "created": 0,
            "name": prefix,
            "mount": prefix,
            "last_used": 0,
            "owner": "somebody",
            "state": "ready",
            "type": "dataset",
            "tags": [],
            "source_bucket": {"origin": "aws", "bucket": BUCKET, "prefix": prefix, "external": True},
            **more,
        }
    )


def result_of(data_asset_id: str, **more: Any) -> dict[str, Any]:
    """A result that is wanted: what Code Ocean keeps of it."""
    return {
        "id": data_asset_id,
        "created": 0,
        "name": f"result {data_asset_id}",
        "mount": data_asset_id,
        "last_used": 0,
        "owner": "somebody",
        "state": "ready",
        "type": "result",
        "tags": ["derived"],
        "provenance": {"computation": "c-1"},
        **more,
    }


def journal_of(world: Arena, run: str) -> list[dict[str, Any]]:
    """The lines of a run's journal."""
    text = (world.folder / run / "journal.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]
