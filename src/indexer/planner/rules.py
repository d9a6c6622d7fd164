"""What the planner must know beside the snapshot: the configuration's share, and what can be relied on.

Beside it the rule of what in an asset's folder concerns us.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indexer.model.content import RecordTarget
from indexer.model.generation import (
    CORE_FIELDS,
    GENERATIONS,
    METADATA_FILE,
    Generation,
    GenerationName,
    core_file,
)
from indexer.model.ids import id_in_plan
from indexer.model.location import Location
from indexer.model.settings import CollectionSettings, MetadataFile, OnMissing
from indexer.model.snapshot import Folder, Listing, ObjectInfo

ROOT_FILES = frozenset({METADATA_FILE, *map(core_file, CORE_FIELDS)})
"""Of millions of objects in an asset's folder these alone are ours, beside the originals."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The configuration, as far as it decides what is desired."""

    collections: Mapping[GenerationName, CollectionSettings]
    """The configured generations, v1 first."""
    originals_folder: str = "original_metadata"
    metadata_file: MetadataFile = "sync"
    largest_file_mb: int = 64
    """Files that are larger are not read."""
    links: bool = False
    """Links to Code Ocean are kept in step: it is configured, and its search came back whole."""
    register_data_assets: bool = False
    on_missing: OnMissing = "archive"

    def may_have_originals(self, root: Listing) -> bool:
        """Are the originals worth a listing? Their folder is directly in the asset's: a root without it has none."""
        return self.originals_folder in root.folders

    def synced(self) -> tuple[GenerationName, ...]:
        """The generations whose records rule the files, the first one that holds an asset having it."""
        return tuple(name for name, collection in self.collections.items() if collection.sync_to_s3)

    def target(self, generation: GenerationName, record_id: object) -> RecordTarget:
        """A record, as a plan names it."""
        place = self.collections[generation]
        return RecordTarget(
            generation=generation,
            database=place.database,
            collection=place.collection,
            record_id=id_in_plan(record_id),
        )

    def generation_of(self, schema_version: object) -> Generation | None:
        """Where a new asset is registered: v2 from major 2 on where it is configured, else v1; None where that is not."""
        if _is_newer(schema_version) and "v2" in self.collections:
            return GENERATIONS["v2"]
        return GENERATIONS["v1"] if "v1" in self.collections else None


def _is_newer(schema_version: object) -> bool:
    """Is it text whose part before the first dot is ASCII digits, worth 2 or more?"""
    if not isinstance(schema_version, str):
        return False
    major = schema_version.split(".", 1)[0]
    # Of any length: int() refuses what has thousands of digits. It takes digits of other scripts, too.
    return major.isascii() and major.isdigit() and major.lstrip("0") not in ("", "1")


@dataclass(frozen=True, slots=True)
class WholeReads:
    """Which reads of a bucket's scope are whole: what rests on the others is not planned."""

    listing: bool = True
    """S3: the bucket's prefixes."""
    unread: frozenset[GenerationName] = frozenset()
    """DocDB: generations whose rows could not all be read."""
    empty: frozenset[GenerationName] = frozenset()
    """DocDB: generations without a single record, in any bucket. A mistyped or retired database looks so."""
    data_assets: bool = True
    """Code Ocean: the search (True where nothing rests on it)."""

    @property
    def may_delete(self) -> bool:
        """A gone asset's records, and the data assets that mount it."""
        return self.listing and not self.unread and self.data_assets

    @property
    def may_register(self) -> bool:
        """An asset without a record: is there none indeed, in any generation?"""
        return self.listing and not self.unread and not self.empty


def folder_of(location: Location, root: Listing, originals: Iterable[ObjectInfo]) -> Folder:
    """What S3 holds of one asset, from the listing of its root and that of its folder of originals."""
    base = location.key("")
    named = ((info.key.removeprefix(base), info) for info in root.objects)
    return Folder(
        exists=not root.empty,
        # What else is there decides whether the folder would be gone with its last file.
        lone=len(root.objects) + len(root.folders) == 1,
        files={name: info for name, info in named if name in ROOT_FILES},
        originals={info.key.removeprefix(base): info for info in originals},
    )
