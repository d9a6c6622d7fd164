"""What may be configured and is asked for in more than one room: where records are, and what is done with what is left."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

OnMissing = Literal["archive", "delete", "keep"]
"""What becomes of the data assets that mount an asset that is gone from S3."""
MetadataFile = Literal["sync", "leave", "remove"]
"""What becomes of the metadata file: kept in step, left alone, or retired."""
PolicyMode = Literal["sync", "upsert-only", "create-only"]
"""What a plan may do: its meaning stands in `model.policies`."""


ROUTE = r"^[^/?#\s]+/[^/?#\s]+$"


class SettingsTable(BaseModel):
    """A table of `indexer.toml`: an unknown key is an error, since it would be a setting that does nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CollectionSettings(SettingsTable):
    """Where one generation's records are."""

    database: str = Field(min_length=1, description="The database that holds its records.")
    collection: str = Field(default="data_assets", min_length=1, description="The collection in it.")
    route: str | None = Field(
        default=None,
        pattern=ROUTE,
        description="Under `docdb.url`: the version of the API and the database's name there. Unset: the generation and the "
        "database; for `metadata_index_v2`, `v2/metadata_index`, as the public client has it.",
    )
    sync_to_s3: bool = Field(
        default=False,
        description="Its records rule the files in S3; if both generations hold an asset, v1 rules its files. "
        "Links, registrations and the records of gone assets are kept in step either way.",
    )
