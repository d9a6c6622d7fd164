"""The configuration: `indexer.toml`, environment variables over it, options over both."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from indexer.errors import UsageError
from indexer.model.plan import PolicyMode
from indexer.model.values import fingerprint
from indexer.systems.settings import settings_document

DEFAULT_FILE = "indexer.toml"
BucketName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")]
DOMAIN = r"^https?://[^/@]+/?$"
Hide = Callable[[str], None]
"""Is told a secret before it is used, so that nobody ever says it."""
CREDENTIALS = (("docdb", "uri"), ("codeocean", "token"))
"""Table and key; instead of each there may be `secret`, never beside it."""


class Section(BaseModel):
    """A table of `indexer.toml`: an unknown key is an error, since it would be a setting that does nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CollectionSettings(Section):
    """Where one generation's records are."""

    database: str = Field(min_length=1, description="The database that holds its records.")
    collection: str = Field(default="data_assets", min_length=1, description="The collection in it.")
    sync_to_s3: bool = Field(
        default=False,
        description="Its records rule the files in S3; where both generations hold an asset, v1 has its files. "
        "Links, registrations and the records of gone assets are kept in step either way.",
    )


class DocDBSettings(Section):
    """The connection to DocDB, and its collections."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["uri", "secret"]}})

    uri: SecretStr | None = Field(
        default=None,
        description="A `mongodb://` URI, with user and password where there are any; never shown. Either this or "
        "`docdb.secret` must be given.",
    )
    secret: str | None = Field(
        default=None,
        min_length=1,
        description="Name or ARN of an entry of AWS Secrets Manager that holds the URI, or its parts; its keys: "
        "docs/configuration.md.",
    )
    tls_ca_file: Path | None = Field(
        default=None,
        description="The CA bundle of the server, for Amazon DocumentDB `global-bundle.pem`. Turns TLS on.",
    )
    lease_collection: str | None = Field(
        default=None,
        min_length=1,
        description="A collection beside v1's in which `apply` takes an advisory lease on each bucket, so that two "
        "runs do not get in each other's way; unset: none are taken.",
    )
    v1: CollectionSettings = CollectionSettings(database="metadata_index", sync_to_s3=True)
    v2: CollectionSettings | None = Field(
        default=None, description="Not there (it may be empty): no second generation."
    )

    @model_validator(mode="after")
    def _one_way(self) -> DocDBSettings:
        if (self.uri is None) == (self.secret is None):
            raise ValueError(f"{'neither' if self.uri is None else 'both'} of uri and secret given: give one")
        return self

    @field_validator("v1", "v2", mode="before")
    @classmethod
    def _defaults(cls, value: Any, info: Any) -> Any:
        """Each generation has its usual database and switch."""
        if not isinstance(value, dict):
            return value
        usual = {"database": "metadata_index", "sync_to_s3": True}
        if info.field_name == "v2":
            usual = {"database": "metadata_index_v2", "sync_to_s3": False}
        return usual | value


class S3Settings(Section):
    """What is ours in a bucket; the connection follows boto3's own conventions."""

    originals_folder: str = Field(
        default="original_metadata",
        pattern=r"^[^/]+$",
        description="The folder of an asset that holds the originals.",
    )


class CodeOceanSettings(Section):
    """The connection to Code Ocean, and what is done there."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["token", "secret"]}})

    domain: str | None = Field(
        default=None,
        pattern=DOMAIN,
        description="Its URL, without credentials; the secret may hold it instead. Without a table `[codeocean]` "
        "links and results are left alone, and data assets of gone assets are kept.",
    )
    token: SecretStr | None = Field(
        default=None,
        description="An access token; what it must be allowed to do: docs/permissions.md. Either this or "
        "`codeocean.secret` must be given.",
    )
    secret: str | None = Field(
        default=None,
        min_length=1,
        description="Name or ARN of an entry of AWS Secrets Manager that holds the token, and the domain where that "
        "is not given here; its keys: docs/configuration.md.",
    )
    results_bucket: BucketName | None = Field(
        default=None, description="Code Ocean's own bucket, never written to; unset: results are left alone."
    )
    register_assets: bool = Field(
        default=False,
        description="Create an external data asset for each derived asset that is registered and has none.",
    )
    on_missing: Literal["archive", "delete", "keep"] = Field(
        default="archive",
        description="What becomes of the data assets that mount an asset that is gone from S3. Archiving can be "
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


class PolicySettings(Section):
    """What a plan may do without being asked."""

    mode: PolicyMode = Field(
        default="sync",
        description="`upsert-only`: nothing is deleted or archived. `create-only`: nothing that exists is changed "
        "either.",
    )
    max_deletes: int = Field(
        default=100, ge=0, description="Over this number in a plan, deletions are withheld."
    )
    max_delete_percent: float = Field(
        default=10,
        ge=0,
        le=100,
        description="Over this share of a bucket's records in scope, and over 5 of them, its deletions are withheld.",
    )


class Config(BaseSettings):
    """Everything that `indexer.toml` may hold."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="INDEXER_", env_nested_delimiter="__", env_ignore_empty=True
    )

    buckets: tuple[BucketName, ...] = Field(
        min_length=1, description='The managed buckets. In the environment a JSON list: `["one", "two"]`.'
    )
    lookback_days: int | None = Field(
        default=None,
        ge=0,
        description="Only records modified within so many days are synced to S3; unset: records of any age. A record "
        "without a modification time counts as recent. Links and results know no lookback.",
    )
    docdb: DocDBSettings
    s3: S3Settings = S3Settings()
    codeocean: CodeOceanSettings | None = None
    policy: PolicySettings = PolicySettings()
    _hide: Hide | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _distinct_buckets(self) -> Config:
        names = [*self.buckets, *filter(None, [self.results_bucket])]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the bucket {name} stands there twice: each is managed, or holds results")
        return self

    @property
    def results_bucket(self) -> str | None:
        """Code Ocean's own bucket, where one is configured."""
        return self.codeocean.results_bucket if self.codeocean else None

    def hide(self, secret: str) -> None:
        """Keep this out of everything that is said; for what is read later than the configuration itself."""
        if self._hide is not None:
            self._hide(secret)

    def alone(self) -> Config:
        """The same, tied to nobody who is told of secrets: it may go to another process."""
        copied = self.model_copy()
        copied._hide = None
        return copied

    @property
    def sha256(self) -> str:
        """Digest of what is no secret; the name of one is none."""
        return fingerprint(self.model_dump(mode="json", exclude={"docdb": {"uri"}, "codeocean": {"token"}}))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment over the file (which comes as init settings)."""
        return env_settings, init_settings


def load_config(source: Path | str | None = None, hide: Hide | None = None) -> Config:
    """Read the configuration: a file, or `ssm:NAME`. Raises UsageError, which names the key and the way out.

    `hide` is told every secret in it, and those that are read for it later. Raises SystemFaultError where AWS fails.
    """
    named = source or DEFAULT_FILE
    document: dict[str, Any] = {}
    if source is not None or Path(DEFAULT_FILE).exists():
        document = settings_document(named)
    where = str(named) if document else "the environment"
    _check_names(document, where)
    try:
        config = Config(**_beneath(document, EnvSettingsSource(Config)()))
    except SettingsError as exc:
        # Its words name the field and the kind of source; what stands in the variable is behind them.
        hint = (
            "A whole section or list in the environment is JSON; of one setting write INDEXER_SECTION__KEY."
        )
        raise UsageError("A variable of the environment is not valid", str(exc), hint) from None
    except ValidationError as exc:
        problems = "; ".join(_problem(error) for error in exc.errors(include_input=False, include_url=False))
        if not document and source is None:
            raise UsageError(
                f"There is no {DEFAULT_FILE} here", f"{Path.cwd()}: {problems}", _hint({}, where)
            ) from None
        hint = _hint(document, where)
        raise UsageError(f"The configuration in {where} is not valid", problems, hint) from None
    config._hide = hide
    for secret in (config.docdb.uri, config.codeocean and config.codeocean.token):
        if secret:
            config.hide(secret.get_secret_value())
    return config


def _beneath(document: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """The document without the one way to a credential where the environment gives the other."""
    kept = dict(document)
    for table, key in CREDENTIALS:
        held, given = kept.get(table), environment.get(table)
        if isinstance(held, dict) and isinstance(given, dict):
            ways = {key: "secret", "secret": key}
            overruled = {ways[one] for one in given if one in ways}
            kept[table] = {name: value for name, value in held.items() if name not in overruled}
    return kept


def _check_names(document: dict[str, Any], source: str) -> None:
    """Raise UsageError for names that would be switches of pydantic's own (`_env_file`, `_cli_parse_args`)."""
    odd = [name for name in document if name.startswith("_")]
    if odd:
        detail = f"there is no setting {odd[0][:80]}"
        raise UsageError(f"The configuration in {source} is not valid", detail, _hint(document, source))


def _hint(document: Mapping[str, Any], source: str) -> str:
    if any(name.startswith(("s3_bucket", "doc_db_")) for name in document):
        return (
            f"These are the predecessor's settings: `indexer config migrate {source}` prints ours for them."
        )
    if document:
        return "docs/configuration.md lists every key."
    return f"Write {DEFAULT_FILE} here, or name one with --config; `indexer sandbox` prints one to try."


def _problem(error: Any) -> str:
    """One fault of the configuration, with what was probably meant; never with the value."""
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = difflib.get_close_matches(
            str(error["loc"][-1]), table_at(error["loc"][:-1]).model_fields, n=1
        )
        return f"there is no setting {path}" + (f" (did you mean {known[0]}?)" if known else "")
    if error["type"] == "missing":
        return f"{path} is missing"
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{path}: {said}" if path else said


def table_at(path: Iterable[Any]) -> type[BaseModel]:
    """The table at this path."""
    model: Any = Config
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        options = [annotation, *getattr(annotation, "__args__", ())]
        model = next(one for one in options if isinstance(one, type) and issubclass(one, BaseModel))
    return cast("type[BaseModel]", model)
