"""Look at everything that a run needs: one check after the other, each of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from indexer.config import Config
from indexer.errors import UsageError
from indexer.model.check import Check, CheckName, failed, not_tried
from indexer.runs.connect import places_of

UNCONFIGURED: tuple[CheckName, ...] = ("docdb-host", "codeocean-host", "s3-endpoint")


def examine(load: Callable[[], Config], source: str, *, probe: bool) -> Iterator[Check]:
    """Every check, as soon as it is made. `load` reads the configuration from `source`; `probe`: write, too.

    Nothing is written but what `probe` asks for. A failed check stops only those that rest on it.
    """
    try:
        config = load()
    except UsageError as exc:
        yield failed("configuration", source, exc)
        for name in UNCONFIGURED:
            yield not_tried(name, "", "there is no configuration")
        return
    yield Check(name="configuration", about=source, status="ok", detail=_described(config))
    yield from _docdb(config)
    yield from _codeocean(config)
    yield from _s3(config, probe=probe)


def _described(config: Config) -> str:
    count = len(config.buckets)
    parts = [f"{count} managed bucket{'' if count == 1 else 's'}", " and ".join(places_of(config))]
    if config.codeocean is None:
        parts.append("no Code Ocean: links and results are left alone")
    elif config.results_bucket is None:
        parts.append("no results bucket: results are left alone")
    return ", ".join(parts)


def _docdb(config: Config) -> Iterator[Check]:
    from indexer.systems.checks_docdb import docdb_checks

    ca_file = str(config.docdb.tls_ca_file) if config.docdb.tls_ca_file else None
    yield from docdb_checks(config.docdb.uri.get_secret_value(), ca_file, places_of(config))


def _codeocean(config: Config) -> Iterator[Check]:
    if config.codeocean is None:
        return
    from indexer.systems.checks_codeocean import codeocean_checks

    yield from codeocean_checks(config.codeocean.domain, config.codeocean.token.get_secret_value())


def _s3(config: Config, *, probe: bool) -> Iterator[Check]:
    from indexer.systems.checks_s3 import s3_checks

    yield from s3_checks(config.buckets, config.results_bucket, probe=probe)
