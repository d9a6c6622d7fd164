"""The configuration: every setting, its type, its default and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from indexer.config_approvals import ApprovalSettings
from indexer.config_tables import (
    BucketName,
    CodeOceanSettings,
    DocDBSettings,
    PlanSettings,
    PolicySettings,
    S3Settings,
)
from indexer.masking import hide
from indexer.model.values import fingerprint


class EnvironmentFirst(BaseSettings):
    """Settings out of a file, with our variables of the environment over it."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="INDEXER_", env_nested_delimiter="__", env_ignore_empty=True
    )

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


class Config(EnvironmentFirst):
    """Everything that `indexer.toml` may hold."""

    buckets: tuple[BucketName, ...] = Field(
        min_length=1,
        description="The managed buckets, by their own names; not access points, since records are located by the "
        'bucket. In the environment a JSON list: `["one", "two"]`.',
    )
    lookback_days: int | None = Field(
        default=None,
        ge=0,
        description="Only records modified within this many days are synced to S3; unset: records of any age. A record "
        "without a modification time counts as recent. The lookback does not apply to links and results.",
    )
    docdb: DocDBSettings
    s3: S3Settings = S3Settings()
    codeocean: CodeOceanSettings | None = None
    policy: PolicySettings = PolicySettings()
    approvals: ApprovalSettings | None = None
    plan: PlanSettings = PlanSettings()
    _source: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _distinct_buckets(self) -> Config:
        for name in self.every_bucket:
            if self.every_bucket.count(name) > 1:
                raise ValueError(
                    f"the bucket {name} is named twice: a bucket is managed, or it holds results"
                )
        return self

    @property
    def results_bucket(self) -> str | None:
        """Code Ocean's own bucket, where one is configured."""
        return self.codeocean.results_bucket if self.codeocean else None

    @property
    def every_bucket(self) -> tuple[str, ...]:
        """The managed ones, and the results bucket where there is one."""
        return (*self.buckets, self.results_bucket) if self.results_bucket else self.buckets

    @property
    def source(self) -> str | None:
        """The file (its whole path) or `ssm:NAME` that it was read from; None: none, the environment alone."""
        return self._source

    def hide(self, secret: str) -> None:
        """Keep this out of everything that is said; for what is read later than the configuration itself."""
        hide(secret)

    @property
    def sha256(self) -> str:
        """Digest of what decides on a plan, without the secrets; the name of an entry that holds one counts."""
        # Nothing is planned otherwise for approvals or for how plans are made, and who plans need not know who approves.
        secret: dict[str, Any] = {"approvals": True, "plan": True}
        for *tables, key in secret_paths():
            table = secret
            for name in tables:
                table = table.setdefault(name, {})
            table[key] = True
        return fingerprint(self.model_dump(mode="json", exclude=secret))

    def secrets(self) -> dict[tuple[str, ...], str]:
        """The secrets that stand in it, by their paths."""
        found: dict[tuple[str, ...], str] = {}
        for path in secret_paths():
            held: Any = self
            for name in path:
                held = held and getattr(held, name)
            if held:
                found[path] = held.get_secret_value()
        return found


def setting_paths(table: type[BaseModel] = Config, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every table and every key that there may be."""
    for name in table.model_fields:
        path = (*above, name)
        yield path
        if (nested := nested_table(table, name)) is not None:
            yield from setting_paths(nested, path)


def secret_paths() -> Iterator[tuple[str, ...]]:
    """The path of every setting that is a secret itself, by its type."""
    return (path for path in setting_paths() if SecretStr in _types(table_at(path[:-1]), path[-1]))


def table_at(path: Iterable[Any]) -> type[BaseModel]:
    """The table at this path."""
    model: type[BaseModel] = Config
    for part in path:
        model = cast("type[BaseModel]", nested_table(model, str(part)))
    return model


def nested_table(table: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The table that stands under a name, where what stands there is one."""
    types = _types(table, name)
    return next((one for one in types if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _types(table: type[BaseModel], name: str) -> Iterator[Any]:
    """What may stand under a name: its type, and each of a union's, without what is annotated to it."""
    annotation = table.model_fields[name].annotation
    for one in (annotation, *getattr(annotation, "__args__", ())):
        yield getattr(one, "__origin__", one)
