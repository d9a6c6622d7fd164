"""What a deletion takes away, so that a reviewer sees it before it is gone."""

from __future__ import annotations

from pydantic import Field

from indexer.model.content import FileModel


class Loses(FileModel):
    """What a deletion takes away, in short: for people. `apply` does not read it, and no program may take it for the whole.

    What was not known when the plan was made is absent; that says nothing about the target.
    """

    name: str | None = Field(
        default=None, description="The name of a record or a data asset, shortened. For people only."
    )
    size: int | None = Field(
        default=None,
        description="Bytes: of a file, or of a record as BSON. For people, and for sums over a plan.",
    )
    modified: str | None = Field(
        default=None,
        description="When it was changed last: as the record has it, shortened, or by S3's clock. For people only.",
    )
    fields: int | None = Field(
        default=None, description="How many fields the record has. For people, and for sums over a plan."
    )
    linked: tuple[str, ...] | None = Field(
        default=None,
        description="The first ids of data assets that mount the record's location or that it links to, sorted and "
        "shortened; empty: there are none. For people only.",
    )
    linked_omitted: int | None = Field(default=None, description="How many more there are. For people only.")
    mount: str | None = Field(
        default=None, description="What a data asset mounts: `bucket/prefix`. For people only."
    )
