"""Look at everything that a run needs: one check after the other, each of its own."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from indexer.config import Config
from indexer.errors import IndexerError
from indexer.model.check import Check, CheckName, failed, not_tried
from indexer.model.counting import counted
from indexer.runs.approvals import approvers
from indexer.runs.config_file import secrets_in
from indexer.runs.connect import opened_gateway, places_of
from indexer.runs.credentials import Credentials, credentials_of
from indexer.systems.settings import settings_document
from indexer.systems.ssh_signatures import KEY_TYPES, has_ssh_keygen

UNCONFIGURED: tuple[CheckName, ...] = ("docdb-host", "codeocean-host", "s3-endpoint")
ONCE_MORE_S = 0.6
"""Of patience: the gateway is asked twice, as any other system is here."""
OTHERS = stat.S_IRGRP | stat.S_IROTH
WITHOUT_SECRETS: tuple[CheckName, ...] = ("docdb-host", "codeocean-host")


def examine(load: Callable[[], Config], source: str, *, probe: bool) -> Iterator[Check]:
    """Every check, as soon as it is made. `load` reads the configuration from `source`; `probe`: write, too.

    Nothing is written but what `probe` asks for. A failed check stops only those that rest on it.
    """
    try:
        config = load()
    except IndexerError as exc:
        detail = exc.detail.removeprefix(f"{source}: ")  # which the check is about
        yield failed("configuration", source, IndexerError(exc.summary, detail, exc.hint))
        for name in UNCONFIGURED:
            yield not_tried(name, "", "there is no configuration")
        return
    yield Check(name="configuration", about=source, status="ok", detail=_described(config))
    yield from _approvals(config)
    yield from _readable(config)
    try:
        credentials = credentials_of(config)
    except IndexerError as exc:
        yield failed("secrets", "", exc)
        for name in WITHOUT_SECRETS:
            yield not_tried(name, "", "its secret could not be read")
    else:
        if config.docdb.secret or (config.codeocean and config.codeocean.secret):
            yield Check(name="secrets", status="ok", detail="read from AWS Secrets Manager")
        yield from _docdb(config, credentials)
        yield from _codeocean(credentials)
    # Even without secrets: S3's credentials are the machine's, and rest on none of ours.
    yield from _s3(config, probe=probe)


def _readable(config: Config) -> Iterator[Check]:
    """A warning where others may read a file that holds a secret."""
    file = config.source
    if file is None or not Path(file).is_file() or not Path(file).stat().st_mode & OTHERS:
        return
    if secret := next(secrets_in(settings_document(file)), None):
        yield Check(
            name="secrets",
            about=file,
            status="warning",
            detail=f"other users may read it, and it holds {secret}",
            hint=f"chmod 600 {shlex.quote(file)}, or keep the secret in the environment or in AWS Secrets Manager",
        )


def _approvals(config: Config) -> Iterator[Check]:
    """Can every key that is configured verify a signature here, and is known who applies where that matters?"""
    settings = config.approvals
    if settings is None:
        return
    try:
        keys = approvers(settings)
    except IndexerError as exc:
        yield failed("approvals", "", exc)
        return
    people, needed = len(settings.people), f"deletions need {settings.deletions}, changes {settings.changes}"
    told = f"{counted(people, 'person', 'people')} with {counted(len(keys), 'key')}; {needed}"
    told += "" if settings.required else "; not required"
    problem, hint = "", ""
    if any(one.text.startswith(KEY_TYPES) for _, one in keys.values()) and not has_ssh_keygen():
        problem, hint = (
            "; ssh-keygen is not here, which verifies SSH keys",
            "install OpenSSH's client where `apply` runs",
        )
    elif not settings.applier_counts and settings.applier is None:
        problem, hint = "; nobody says who applies", "set INDEXER_APPROVALS__APPLIER where `apply` runs"
    yield Check(name="approvals", status="warning" if problem else "ok", detail=f"{told}{problem}", hint=hint)


def _described(config: Config) -> str:
    count = len(config.buckets)
    parts = [f"{count} managed bucket{'' if count == 1 else 's'}", " and ".join(places_of(config))]
    if config.codeocean is None:
        parts.append("no Code Ocean: links and results are left alone")
    elif config.results_bucket is None:
        parts.append("no results bucket: results are left alone")
    return ", ".join(parts)


def _docdb(config: Config, credentials: Credentials) -> Iterator[Check]:
    ca_file = str(config.docdb.tls_ca_file) if config.docdb.tls_ca_file else None
    if credentials.docdb_uri is None:
        yield from _gateway(config, ca_file)
        return
    from indexer.systems.checks_docdb import docdb_checks

    yield from docdb_checks(credentials.docdb_uri, ca_file, places_of(config))


def _gateway(config: Config, ca_file: str | None) -> Iterator[Check]:
    from indexer.systems.checks_gateway import gateway_checks

    try:
        gateway = replace(opened_gateway(config, 1), patience_s=ONCE_MORE_S)
    except IndexerError as exc:
        yield failed("docdb-host", "", exc)
        return
    names = {name: ".".join(place) for name, place in places_of(config).items()}
    yield from gateway_checks(gateway, ca_file, names)
    gateway.pool.clear()


def _codeocean(credentials: Credentials) -> Iterator[Check]:
    if credentials.codeocean is None:
        return
    from indexer.systems.checks_codeocean import codeocean_checks

    yield from codeocean_checks(credentials.codeocean.domain, credentials.codeocean.token)


def _s3(config: Config, *, probe: bool) -> Iterator[Check]:
    from indexer.systems.checks_s3 import s3_checks

    yield from s3_checks(config.buckets, config.results_bucket, probe=probe, anonymous=config.s3.anonymous)
