"""From the configuration to open systems: the only place where adapters are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.config import CollectionSettings, Config
from indexer.model.generation import GenerationName
from indexer.model.ports import Readers, Writers
from indexer.planner.rules import Collection, Rules

if TYPE_CHECKING:
    from codeocean import CodeOcean

    from indexer.systems.docdb import DocDB
    from indexer.systems.leases import Leases
    from indexer.systems.s3 import S3


@dataclass(frozen=True, slots=True)
class Systems:
    """What a run of the applier holds; the planner is handed the readers only."""

    readers: Readers
    writers: Writers
    leases: Leases | None = None
    """None where no collection is configured for them."""


def rules_of(config: Config) -> Rules:
    """The configuration's share in what is desired."""
    configured: tuple[tuple[GenerationName, CollectionSettings | None], ...] = (
        ("v1", config.docdb.v1),
        ("v2", config.docdb.v2),
    )
    collections = {
        name: Collection(settings.database, settings.collection, settings.sync_to_s3)
        for name, settings in configured
        if settings is not None
    }
    return Rules(
        collections=collections,
        originals_folder=config.s3.originals_folder,
        links=config.codeocean is not None,
        register_data_assets=config.codeocean is not None and config.codeocean.register_assets,
        on_missing=config.codeocean.on_missing if config.codeocean else "keep",
    )


def places_of(config: Config) -> dict[GenerationName, tuple[str, str]]:
    """Database and collection of each configured generation."""
    return {name: (place.database, place.collection) for name, place in rules_of(config).collections.items()}


@dataclass(frozen=True, slots=True)
class _Clients:
    """Open connections."""

    s3: S3
    docdb: DocDB
    codeocean: CodeOcean | None


def _connect(config: Config, parallel: int | None) -> _Clients:
    from indexer.systems.docdb import connect
    from indexer.systems.pace import at_most
    from indexer.systems.s3 import open_s3

    ca_file = str(config.docdb.tls_ca_file) if config.docdb.tls_ca_file else None
    docdb = connect(config.docdb.uri.get_secret_value(), ca_file, places_of(config), at_most(parallel))
    codeocean = None
    if config.codeocean is not None:
        from indexer.systems.codeocean import codeocean_client

        codeocean = codeocean_client(config.codeocean.domain, config.codeocean.token.get_secret_value())
    return _Clients(open_s3(parallel), docdb, codeocean)


def _readers(clients: _Clients) -> Readers:
    from indexer.systems.docdb import DocDBReader
    from indexer.systems.s3 import S3Reader

    data_assets = None
    if clients.codeocean is not None:
        from indexer.systems.codeocean import CodeOceanReader

        data_assets = CodeOceanReader(clients.codeocean)
    return Readers(S3Reader(clients.s3), DocDBReader(clients.docdb), data_assets)


def open_readers(config: Config, parallel: int | None) -> Readers:
    """Connect for reading: no writer is made. Raises as `open_systems` does."""
    return _readers(_connect(config, parallel))


def open_systems(config: Config, parallel: int | None) -> Systems:
    """Connect. Raises SystemFaultError where DocDB does not answer, UsageError for unusable settings."""
    from indexer.systems.docdb import DocDBWriter
    from indexer.systems.s3 import S3Writer

    clients = _connect(config, parallel)
    data_assets = leases = None
    if clients.codeocean is not None:
        from indexer.systems.codeocean import CodeOceanWriter

        data_assets = CodeOceanWriter(clients.codeocean)
    if config.docdb.lease_collection is not None:
        from indexer.systems.leases import Leases

        leases = Leases(clients.docdb, config.docdb.v1.database, config.docdb.lease_collection)
    writers = Writers(S3Writer(clients.s3), DocDBWriter(clients.docdb), data_assets)
    return Systems(_readers(clients), writers, leases)
