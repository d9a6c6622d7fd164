"""`plan` from beginning to end: what is asked for, the readers, the clocks, and the planner."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from indexer import __version__
from indexer.config import Config
from indexer.errors import IndexerError, SystemFaultError, UsageError
from indexer.model.clock import CLOCK_HINT
from indexer.model.observer import NOBODY, Observer
from indexer.model.place import Place, S3Place, parse_place
from indexer.model.plan import Plan, Scope
from indexer.model.ports import Readers
from indexer.model.settings import PolicyMode
from indexer.model.snapshot import SystemName
from indexer.planner.assemble import Identity
from indexer.planner.asset_planner import PlanAssets, plan_here
from indexer.planner.memo import Memo
from indexer.planner.plan import Planned, plan_snapshot
from indexer.runs.clock import check_clock, now
from indexer.runs.connect import open_readers, rules_of
from indexer.runs.cores import plan_on_cores
from indexer.runs.memo_file import memo_file
from indexer.runs.read_only import check_polite
from indexer.runs.workforce import Workforce
from indexer.systems.pace import at_most

REQUESTS = logging.getLogger("indexer.s3")
"""It tells of every request to S3 that this process sends."""


def scope_of(config: Config, buckets: Sequence[str] | None, **asked: object) -> Scope:
    """What is asked for, over what is configured; None is not asked for. Raises UsageError for a bucket that is not ours.

    `buckets` None: every configured one.
    """
    configured, limits = config.every_bucket, config.policy
    wanted = configured if buckets is None else tuple(buckets)
    unknown = [name for name in wanted if name not in configured]
    if unknown:
        detail = f"{', '.join(unknown)}; configured: {', '.join(configured)}"
        raise UsageError("The bucket is not configured", detail, "Add it to `buckets` in indexer.toml.")
    if not wanted:
        raise UsageError(
            "No bucket is named", "", "Name one with --bucket, or give --all for every configured one."
        )
    own = {
        "lookback_days": config.lookback_days,
        "policy": limits.mode,
        "max_deletes": limits.max_deletes,
        "max_delete_percent": limits.max_delete_percent,
    }
    try:
        return Scope(
            buckets=tuple(sorted(set(wanted))),
            config_sha256=config.sha256,
            kept_in_step=tuple(sorted(configured)),
            **{**own, **{name: value for name, value in asked.items() if value is not None}},
        )
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        detail = f"{first['loc'][0]}: {first['msg']}"
        raise UsageError(
            "The scope is not valid", detail, "`help(indexer.plan)` says what it takes."
        ) from None


class UnreadError(SystemFaultError):
    """A system could not be read at all, and nothing else is planned. `plan`: what there is to tell nevertheless."""

    def __init__(self, fault: SystemFaultError, plan: Plan) -> None:
        super().__init__(fault.summary, fault.detail, fault.hint)
        self.plan = plan


def plan(
    config: Config,
    buckets: Sequence[str] | None = None,
    *,
    assets: Sequence[str] = (),
    exclude: Sequence[str] = (),
    lookback_days: int | None = None,
    policy: PolicyMode | None = None,
    max_deletes: int | None = None,
    max_delete_percent: float | None = None,
    allow_empty: Sequence[SystemName] = (),
    history: Sequence[Place | str] | Place | str = (),
    parallel: int | None = None,
    workers: int | None = None,
    dask: str | None = None,
    dask_cleartext: bool = False,
    memo: bool = True,
    observer: Observer = NOBODY,
    plan_id: str | None = None,
) -> Plan:
    """Read the three systems and plan; writes nothing.

    - `buckets`: names, or one name; None: every configured bucket. `assets`: globs, or one glob; `exclude`: of assets
      that are not looked at.
    - `lookback_days`, `policy`, `max_deletes`, `max_delete_percent`: override the configuration.
    - `history`: places of past runs, or one. What a run has written already and somebody else has undone is a finding.
    - `parallel`: requests at a time; None: as many as S3 answers quickly.
    - `workers`: processes of this machine that read and plan assets; 1: this one. None: as many as its cores and the
      number of assets make worth it; this one with a memo, or over the gateway.
    - `dask`: the address of a scheduler on whose workers assets are read and planned. `dask_cleartext` permits an address
      that is not `tls://`.
    - `memo`: False: the configured memo is neither read nor written. It changes nothing in the plan; workers use none.
    - `observer` is told how far the run is, and what a person should know. `plan_id`: by default a new one.

    Raises UsageError for what is not configured; SystemFaultError if DocDB does not answer; IndexerError if a lookback is
    set and this machine's clock is wrong; MissingBucketError if the only bucket is not there; UnreadError if a read
    failed and nothing else is planned.
    """
    workforce = Workforce(parallel, workers, dask, dask_cleartext)
    check_polite(config, workforce)
    scope = scope_of(
        config,
        None if buckets is None else _each(buckets),
        assets=tuple(_each(assets)),
        exclude=tuple(_each(exclude)),
        lookback_days=lookback_days,
        policy=policy,
        max_deletes=max_deletes,
        max_delete_percent=max_delete_percent,
        allow_empty=tuple(sorted(set(allow_empty))),
    )
    identity = Identity(plan_id or uuid.uuid4().hex, now(), __version__)
    memory = memo_file(config, observer) if memo and workforce.may_be_alone else None
    # A memo's marks and a log of every request are this process's, and a gateway is everybody's.
    if memory is not None or config.docdb.url is not None or REQUESTS.isEnabledFor(logging.DEBUG):
        workforce = workforce.alone()
    with (
        _planner_of_assets(config, workforce, observer) as planner_of_assets,
        open_readers(config, parallel, observer) as readers,
    ):
        look_at_clocks(readers, scope, observer)

        def planned_with(held: Memo | None) -> Planned:
            """The plan, with what is remembered of earlier ones."""
            assets = planner_of_assets(readers, held)
            return plan_snapshot(
                readers, rules_of(config), scope, config.results_bucket, identity, assets, observer
            )

        planned = planned_with(None) if memory is None else memory.used(identity.plan_id, planned_with)
    if planned.fault is not None:
        raise UnreadError(planned.fault, planned.plan) from planned.fault
    places = [history] if isinstance(history, str | Path | S3Place) else history
    return (
        _with_fights(planned.plan, [parse_place(one) for one in places], observer) if places else planned.plan
    )


@contextmanager
def _planner_of_assets(
    config: Config, workforce: Workforce, observer: Observer
) -> Iterator[Callable[[Readers, Memo | None], PlanAssets]]:
    """Who plans assets: this process, others of this machine, or a cluster's, which most runs need not even import."""
    if workforce.dask is not None:
        from indexer.runs.cluster import open_cluster
        from indexer.runs.shards import Sender, plan_there
        from indexer.runs.worker_config import WorkerConfig

        with open_cluster(workforce.dask, cleartext=workforce.dask_cleartext, observer=observer) as cluster:
            there = plan_there(cluster, Sender(WorkerConfig.like(config), workforce.parallel))
            yield lambda *_: there
    elif workforce.workers == 1:
        yield lambda readers, memo: plan_here(readers, at_most(workforce.parallel), memo)
    else:
        with plan_on_cores(config, workforce) as planner:
            yield lambda readers, _: planner(readers)


def _with_fights(plan: Plan, places: Sequence[Place], observer: Observer) -> Plan:
    from indexer.planner.fights import note_fights
    from indexer.runs.written import past_writes

    return note_fights(plan, past_writes(places, observer))


def look_at_clocks(
    readers: Readers,
    scope: Scope,
    observer: Observer,
    clock: Callable[[], datetime] = now,
) -> None:
    """With a lookback a wrong clock makes a bucket look in step. Without one it is for people to know."""
    try:
        check_clock(readers, scope.buckets, "Or plan without a lookback.", clock)
    except IndexerError as exc:
        if scope.lookback_days is not None:
            raise
        observer.warn(f"{exc.what} {CLOCK_HINT}")


def _each(names: Sequence[str]) -> Sequence[str]:
    """One name alone is a name, not its letters."""
    return (names,) if isinstance(names, str) else names
