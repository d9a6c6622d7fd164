"""The tables of the configuration: every setting in them, its type, its default and what it means."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from indexer.model.approval import PERSON
from indexer.model.generation import CORE_FIELDS, METADATA_FILE, core_file
from indexer.model.location import ACCESS_POINT_NAME, names_access_point
from indexer.model.settings import (
    ROUTE,
    CollectionSettings,
    MetadataFile,
    OnMissing,
    PolicyMode,
    SettingsTable,
)

BUCKET = r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$"
DOMAIN = r"^https?://[^/@]+/?$"
GATEWAY = r"^https?://[^/@?#\s]+(/[^@?#\s]*)?$"
FOLDER = r"^[^/]+$"


def _trimmed(value: Any) -> Any:
    """Without white space at its end: a file of one secret ends with a newline."""
    return value.rstrip() if isinstance(value, str) else value


def _no_access_point(name: str) -> str:
    if names_access_point(name):
        raise ValueError(f"should be {WANTED[BUCKET]}")
    return name


BucketName = Annotated[
    str,
    Field(pattern=BUCKET, json_schema_extra={"not": {"pattern": ACCESS_POINT_NAME}}),
    AfterValidator(_no_access_point),
]
Secret = Annotated[SecretStr, BeforeValidator(_trimmed)]
"""The type alone says that a setting is one: nothing else may list them."""
WANTED = {
    BUCKET: "a bucket's own name, without s3:// and a prefix, and no access point's ARN or alias",
    DOMAIN: "https:// and a host, without a path or credentials",
    GATEWAY: "https:// and a host, with a path at most, and without user, password or query",
    ROUTE: "a version and a database, as in v2/metadata_index",
    FOLDER: "the name of one folder, without a slash",
    PERSON: "a name of letters, digits and . _ @ + -, with a letter or a digit first",
}
"""What each pattern asks for, for people."""
USUAL: dict[str, dict[str, Any]] = {
    "v1": {"database": "metadata_index", "sync_to_s3": True},
    "v2": {"database": "metadata_index_v2", "sync_to_s3": False},
}
"""Where a generation's records usually are, and whether they rule the files."""
USUAL_ROUTES = {"metadata_index_v2": "v2/metadata_index"}
"""The public client's: under the API's second version, a database has the name that v1's has."""
NO_ORIGINALS_FOLDER = (".", "..", METADATA_FILE, *map(core_file, CORE_FIELDS))
"""Keys with dots as a part of their own are resolved by clients; the others are files of the asset itself."""


WAYS = ("uri", "secret", "url")
"""To DocDB: exactly one of them is given."""


class DocDBSettings(SettingsTable):
    """The connection to DocDB, and its collections."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"anyOf": [{"required": list(two)} for two in combinations(WAYS, 2)]}}
    )

    uri: Secret | None = Field(
        default=None,
        description="A `mongodb://` URI, with user and password if there are any; never shown. Its options "
        "hold, timeouts too, all but `retryWrites`, which is always off. This, `docdb.secret` or `docdb.url` must be given.",
    )
    secret: str | None = Field(
        default=None,
        min_length=1,
        description="Name or ARN of an entry of AWS Secrets Manager that holds the URI, or its parts; "
        "docs/configuration.md lists its keys.",
    )
    url: Annotated[str, Field(pattern=GATEWAY)] | None = Field(
        default=None,
        description="The URL of DocDB's HTTP gateway, which is read without credentials, instead of `docdb.uri`. Such a "
        "configuration only reads: `plan`, `show`, `drift` and `doctor` work, `apply` and `undo` are refused.",
    )
    tls_ca_file: Path | None = Field(
        default=None,
        description="The CA bundle of the server, for Amazon DocumentDB `global-bundle.pem`; of the gateway, if `docdb.url` is "
        "given. Turns TLS on for `docdb.uri`.",
    )
    whole_values: bool | None = Field(
        default=None,
        description="Whether the conditions of writes include objects and lists, which not every server can compare. Then even a "
        "change that leaves the last-modified field alone is noticed, up to the moment of the write. Unset: only on Amazon DocumentDB.",
    )
    lease_collection: str | None = Field(
        default=None,
        min_length=1,
        description="A separate collection, in the database of the first configured generation, in which `apply` "
        "takes an advisory lease on each bucket, so that two runs do not get in each other's way; unset: no leases are taken.",
    )
    v1: CollectionSettings | None = Field(
        default=None,
        description="The first generation's records. The table may be empty; leave it out if there are none.",
    )
    v2: CollectionSettings | None = Field(
        default=None, description="The second generation's records. v1, v2 or both must be given."
    )

    @model_validator(mode="after")
    def _one_way(self) -> DocDBSettings:
        given = [name for name in WAYS if getattr(self, name) is not None]
        if not given:
            raise ValueError("none of uri, secret and url given: give one")
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} given: give one")
        if self.url is not None and self.lease_collection is not None:
            raise ValueError("url only reads, and leases are written: leave lease_collection out")
        return self

    @model_validator(mode="after")
    def _some_generation(self) -> DocDBSettings:
        if self.v1 is None and self.v2 is None:
            raise ValueError(
                "neither v1 nor v2 given: give [docdb.v1], [docdb.v2] or both; each may be empty"
            )
        return self

    @model_validator(mode="after")
    def _apart(self) -> DocDBSettings:
        """Each collection holds one thing: a record read as both generations would be written as both."""
        places: dict[tuple[str, str], str] = {}
        for name, held in (("v1", self.v1), ("v2", self.v2)):
            if held is None:
                continue
            place = (held.database, held.collection)
            if place in places:
                raise ValueError(f"v1 and v2 name the same collection, {'.'.join(place)}: each has its own")
            places[place] = name
        lease = (next(iter(places))[0], self.lease_collection)
        if lease in places:
            raise ValueError(
                f"lease_collection is {places[lease]}'s collection of records, {self.lease_collection}: leases need their own"
            )
        return self

    @field_validator("v1", "v2", mode="before")
    @classmethod
    def _defaults(cls, value: Any, info: Any) -> Any:
        """Each generation has its usual database and switch."""
        if not isinstance(value, dict):
            return value
        return USUAL[info.field_name] | value


class S3Settings(SettingsTable):
    """What is ours in a bucket; the connection follows boto3's own conventions."""

    originals_folder: str = Field(
        default="original_metadata",
        pattern=FOLDER,
        description="The folder of an asset that holds the originals: no core file's name, and not `metadata.nd.json`.",
        json_schema_extra={"not": {"enum": list(NO_ORIGINALS_FOLDER)}},
    )

    largest_file_mb: int = Field(
        default=64,
        ge=1,
        description="A root file or an original that is larger is not read: it gets a finding, and is left alone.",
    )
    metadata_file: MetadataFile = Field(
        default="sync",
        description="What to do with `metadata.nd.json`. `sync`: it holds the whole record; `leave`: it is neither written nor deleted; "
        "`remove`: it is deleted, within the limits for deletions.",
    )

    anonymous: bool = Field(
        default=False,
        description="Requests are unsigned, for buckets that are open to everyone: no credentials are looked for. Such a "
        "configuration only reads: `apply` and `undo` are refused.",
    )
    trust_conditions: bool = Field(
        default=False,
        description="This server is known to refuse writes whose condition does not hold, so `apply` does not ask it for proof. "
        "Amazon's own S3 is never asked.",
    )

    @field_validator("originals_folder")
    @classmethod
    def _own_folder(cls, value: str) -> str:
        if value in NO_ORIGINALS_FOLDER:
            raise ValueError("should be the name of a folder, neither of dots nor of a file of the asset")
        return value


class CodeOceanSettings(SettingsTable):
    """The connection to Code Ocean, and what is done there."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["token", "secret"]}})

    domain: Annotated[str, BeforeValidator(_trimmed), Field(pattern=DOMAIN)] | None = Field(
        default=None,
        description="Its URL, without credentials; the secret may hold it instead. Without a table `[codeocean]`, "
        "links and results are left alone, and data assets of gone assets are kept.",
    )
    token: Secret | None = Field(
        default=None,
        description="An access token; docs/permissions.md says what it must be allowed to do. Either this or "
        "`codeocean.secret` must be given.",
    )
    secret: str | None = Field(
        default=None,
        min_length=1,
        description="Name or ARN of an entry of AWS Secrets Manager that holds the token, and the domain if that "
        "is not given here; docs/configuration.md lists its keys.",
    )
    results_bucket: BucketName | None = Field(
        default=None, description="Code Ocean's own bucket, never written to; unset: results are left alone."
    )
    register_assets: bool = Field(
        default=False,
        description="Create an external data asset for each derived asset that is registered and has none.",
    )
    on_missing: OnMissing = Field(
        default="archive",
        description="What to do with the data assets that mount an asset that is gone from S3. Archiving can be "
        "undone in Code Ocean, deleting cannot.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> CodeOceanSettings:
        if (self.token is None) == (self.secret is None):
            raise ValueError(
                f"{'neither' if self.token is None else 'both'} of token and secret given: give one"
            )
        if self.token is not None and self.domain is None:
            raise ValueError("domain is missing")
        return self


class PolicySettings(SettingsTable):
    """What a plan may do without being asked."""

    mode: PolicyMode = Field(
        default="sync",
        description="`upsert-only`: nothing is deleted or archived. `create-only`: nothing that exists is changed "
        "either.",
    )
    max_deletes: int = Field(
        default=100,
        ge=0,
        description="If a plan has more than this, deletions are withheld, and so are updates that remove links.",
    )
    max_delete_percent: float = Field(
        default=10,
        ge=0,
        le=100,
        description="A bucket's deletions are withheld if they are more than 5 and more than this share: of its records in scope, "
        "of its assets (if root files are deleted), of its records with links (if links are removed). 100: no limit.",
    )
    enforce_at_apply: bool = Field(
        default=False,
        description="`apply` refuses a plan whose own limits are wider than these; otherwise it says so and goes on.",
    )


class PlanSettings(SettingsTable):
    """How plans are made; nothing of it changes what is in one."""

    memo: str | None = Field(
        default=None,
        min_length=1,
        description="Where to remember which assets were in step, and as what they were seen, so that the same need not be decided "
        "again: a path, or `s3://BUCKET/KEY`. Listings and records are read as ever. Unset: everything is decided each time.",
    )
