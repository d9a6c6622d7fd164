"""Plan and apply in this process: a second quicker than the command, and its readers can be wrapped."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from indexer.disk import DiskFolder
from indexer.model.observer import NOBODY
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.model.ports import Readers, Writers
from indexer.planner.assemble import Identity
from indexer.planner.asset_planner import plan_here
from indexer.planner.plan import plan_snapshot
from indexer.runs.allowed import bounds_of
from indexer.runs.apply import RunOptions, apply_plan
from indexer.runs.config_file import load_config
from indexer.runs.connect import Systems, rules_of
from indexer.runs.files import save_plan
from indexer.runs.loading import load_plan
from indexer.runs.plan import scope_of
from indexer.systems.codeocean import CodeOceanReader, CodeOceanWriter
from indexer.systems.codeocean_client import codeocean_client
from indexer.systems.docdb import DocDBReader, DocDBWriter
from indexer.systems.docdb_connection import connect
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import open_s3
from indexer.systems.s3_writer import S3Writer
from indexer_sandbox.stack import Sandbox

PARALLEL = 4


@contextmanager
def opened(sandbox: Sandbox, folder: Path) -> Iterator[Systems]:
    """The three systems, closed again at the end."""
    config = load_config(folder / "indexer.toml")
    places = {name: (one.database, one.collection) for name, one in rules_of(config).collections.items()}
    docdb = connect(sandbox.docdb_uri, None, places, PARALLEL)
    codeocean = codeocean_client(sandbox.codeocean_domain, sandbox.token)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.environment().items():
            patch.setenv(name, value)
        s3 = open_s3(PARALLEL)
    try:
        yield Systems(
            Readers(S3Reader(s3), DocDBReader(docdb), CodeOceanReader(codeocean)),
            Writers(S3Writer(s3), DocDBWriter(docdb), CodeOceanWriter(codeocean)),
        )
    finally:
        codeocean.session.close()
        s3.close()
        docdb.client.close()


def plan_inside(systems: Systems, folder: Path, name: str) -> Plan:
    """What `indexer plan --all --out NAME` does."""
    config = load_config(folder / "indexer.toml")
    identity = Identity(uuid.uuid4().hex, datetime.now(UTC), "test")
    scope = scope_of(config, None)
    plan_assets = plan_here(systems.readers, PARALLEL)
    planned = plan_snapshot(
        systems.readers, rules_of(config), scope, config.results_bucket, identity, plan_assets, NOBODY
    )
    assert planned.fault is None
    save_plan(planned.plan, folder / name)
    return planned.plan


def apply_inside(systems: Systems, folder: Path, name: str, run: str, *, stop: bool = False) -> Result:
    """Carry out a plan; its journal and result go to the folder `run`. `stop`: it was told to stop already."""
    stopped = Event()
    if stop:
        stopped.set()
    reviewed = load_plan(folder / name)
    bounds = bounds_of(load_config(folder / "indexer.toml"))
    return apply_plan(reviewed, systems, bounds, DiskFolder(folder / run), RunOptions(PARALLEL, stop=stopped))
