"""What the applier's own configuration lets a plan write, and what it permits."""

from __future__ import annotations

from indexer.applier.bounds import Bounds
from indexer.applier.permitted import Permissions
from indexer.config import Config
from indexer.model.limits import Limits
from indexer.model.settings import PolicyMode
from indexer.runs.connect import places_of, rules_of


def bounds_of(config: Config) -> Bounds:
    """What this configuration lets a plan write."""
    return Bounds(
        buckets=frozenset(config.buckets),
        results_bucket=config.results_bucket,
        collections=places_of(config),
        originals_folder=config.s3.originals_folder,
        codeocean=config.codeocean is not None,
    )


def permissions_of(
    config: Config,
    policy: PolicyMode | None = None,
    max_deletes: int | None = None,
    max_delete_percent: float | None = None,
) -> Permissions:
    """What this configuration permits a plan, options over it."""
    rules, own = rules_of(config), config.policy
    return Permissions(
        limits=Limits(
            mode=policy or own.mode,
            max_deletes=own.max_deletes if max_deletes is None else max_deletes,
            max_delete_percent=own.max_delete_percent if max_delete_percent is None else max_delete_percent,
        ),
        enforce_limits=own.enforce_at_apply,
        codeocean=config.codeocean is not None,
        on_missing=rules.on_missing,
        register_data_assets=rules.register_data_assets,
        synced=frozenset(rules.synced()),
        metadata_file=rules.metadata_file,
        config_sha256=config.sha256,
    )
