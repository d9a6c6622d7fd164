"""From the configuration to open systems: the only place where adapters are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.config import CollectionSettings, Config
from indexer.model.generation import GenerationName
from indexer.model.ports import Readers, Writers
from indexer.planner.rules import Collection, Rules

if TYPE_CHECKING:
    from indexer.systems.leases import Leases


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


def open_readers(config: Config, parallel: int) -> Readers:
    """Connect for reading."""
    return open_systems(config, parallel).readers


def open_systems(config: Config, parallel: int) -> Systems:
    """Connect. Raises SystemFaultError where DocDB does not answer, UsageError for unusable settings."""
    from indexer.systems.docdb import DocDBReader, DocDBWriter, connect
    from indexer.systems.s3 import S3Reader, S3Writer, s3_client

    places = {
        name: (place.database, place.collection) for name, place in rules_of(config).collections.items()
    }
    ca_file = str(config.docdb.tls_ca_file) if config.docdb.tls_ca_file else None
    docdb = connect(config.docdb.uri.get_secret_value(), ca_file, places, parallel)
    client = s3_client(parallel)
    data_asset_reader = data_asset_writer = None
    if config.codeocean is not None:
        from indexer.systems.codeocean import CodeOceanReader, CodeOceanWriter, codeocean_client

        codeocean = codeocean_client(config.codeocean.domain, config.codeocean.token.get_secret_value())
        data_asset_reader, data_asset_writer = CodeOceanReader(codeocean), CodeOceanWriter(codeocean)
    leases = None
    if config.docdb.lease_collection is not None:
        from indexer.systems.leases import Leases

        leases = Leases(docdb, config.docdb.v1.database, config.docdb.lease_collection)
    return Systems(
        Readers(S3Reader(client), DocDBReader(docdb), data_asset_reader),
        Writers(S3Writer(client), DocDBWriter(docdb), data_asset_writer),
        leases,
    )
