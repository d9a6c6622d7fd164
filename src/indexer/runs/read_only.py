"""Configurations that only read: whoever wants to write is told so before anything is opened."""

from __future__ import annotations

from indexer.config import Config
from indexer.errors import UsageError
from indexer.runs.workforce import Workforce

ONLY_READS = "This configuration only reads"
HINT = (
    "Hand the plan to whoever has credentials: the same plan is applied over the wire, with `docdb.uri`. "
    "Another configuration is named with --config."
)


def check_may_write(config: Config, command: str) -> None:
    """Raise UsageError where the configuration only reads; `command`: what wants to write."""
    if config.docdb.url is not None:
        raise UsageError(
            ONLY_READS,
            f"`{command}` writes, and `docdb.url` is DocDB's HTTP gateway, which has no conditional writes that we know of",
            HINT,
        )
    if config.s3.anonymous:
        raise UsageError(
            ONLY_READS,
            f"`{command}` writes, and `s3.anonymous` is set: unsigned requests write nothing",
            HINT,
        )


def check_polite(config: Config, workforce: Workforce) -> None:
    """Raise UsageError where many processes would ask the gateway, which everybody shares."""
    if config.docdb.url is None or workforce.may_be_alone:
        return
    dask = workforce.dask
    asked = f"--workers {workforce.workers}" if dask is None else f"--dask {dask}"
    raise UsageError(
        "A gateway is asked by one process",
        f"{asked}: each of its workers would ask {config.docdb.url} at the same time",
        f"Leave out {asked.split()[0]}; a plan asks for four things at a time.",
    )
