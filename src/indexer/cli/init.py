"""`indexer init`: a commented configuration from options or answers, then the doctor."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from indexer.cli import doctor
from indexer.cli.options import STDOUT, new_file
from indexer.cli.talk import Talk, data
from indexer.errors import UsageError

SUMMARY = "Write a commented configuration, and check it."
DOCDB_VARIABLE = "INDEXER_DOCDB__URI"
TOKEN_VARIABLE = "INDEXER_CODEOCEAN__TOKEN"  # noqa: S105 - the name of a variable

DEFAULT = "indexer.toml"
GENERATIONS = ("v1", "v2")
PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")
"""A user and a password in a URI."""

Which = Literal["v1", "v2", "both"]
Managed = Annotated[
    list[str] | None, typer.Option("--bucket", metavar="NAME", help="A bucket to manage; repeatable.")
]
DocDBUri = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help=f"DocDB's URI, without a password; one that has a password goes into {DOCDB_VARIABLE}.",
    ),
]
DocDBUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The URL of DocDB's HTTP gateway, which is read without credentials; nothing is applied over it.",
    ),
]
Anonymous = Annotated[
    bool, typer.Option("--anonymous", help="Read S3 without credentials: buckets that are open to everyone.")
]
DocDBSecret = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The entry of AWS Secrets Manager that holds the URI or its parts."),
]
CaFile = Annotated[
    str | None, typer.Option("--tls-ca-file", metavar="PATH", help="The CA bundle of DocDB; turns TLS on.")
]
Generations = Annotated[
    Which | None, typer.Option("--generation", help="Which generations of records there are.")
]
Domain = Annotated[
    str | None,
    typer.Option(
        "--codeocean-domain",
        metavar="URL",
        help=f"Code Ocean's URL; its token goes into {TOKEN_VARIABLE}, or is named by --codeocean-secret.",
    ),
]
CodeOceanSecret = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The entry of AWS Secrets Manager that holds Code Ocean's token."),
]
ResultsBucket = Annotated[str | None, typer.Option(metavar="NAME", help="Code Ocean's own bucket.")]
Recent = Annotated[
    int | None,
    typer.Option("--lookback-days", metavar="N", min=0, help="Sync only records changed within N days."),
]
Out = Annotated[str, typer.Option("--out", "-o", metavar="PATH", help="Where to write it; - is stdout.")]
NoDoctor = Annotated[bool, typer.Option("--no-doctor", help="Do not check it afterwards.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an institute's configuration differs in. Without an answer: as the configuration has it."""

    bucket: Managed = None
    docdb_uri: DocDBUri = None
    docdb_secret: DocDBSecret = None
    docdb_url: DocDBUrl = None
    tls_ca_file: CaFile = None
    generation: Generations = None
    codeocean_domain: Domain = None
    codeocean_secret: CodeOceanSecret = None
    results_bucket: ResultsBucket = None
    lookback_days: Recent = None
    anonymous: Anonymous = False


def command(talk: Talk, wanted: Wanted, out: Out = DEFAULT, no_doctor: NoDoctor = False) -> None:
    """Write a commented indexer.toml from options, or from answers on a terminal, and check it as the doctor does.

    No secret is written: a password or a token stays in the environment or in AWS Secrets Manager.
    """
    from indexer.runs.config_template import checked_template

    if out != STDOUT and Path(out).exists():
        raise UsageError("It is there already", out, "Name another file with --out, or edit this one.")
    asks = wanted == Wanted() and sys.stdin.isatty() and talk.on_terminal
    text = checked_template(document(answers(typer.prompt) if asks else wanted), out)
    if out == STDOUT:
        data(text)
        return
    new_file(Path(out), text, "The configuration is not written")
    talk.say(f"Written: {out}. Every setting is in it, with what it means.", "bold")
    if not no_doctor:
        doctor.command(talk, config=out)


def document(wanted: Wanted) -> dict[str, Any]:
    """The settings that are not left as they are. Raises UsageError where one that must be there is missing."""
    if not wanted.bucket:
        raise UsageError(
            "No bucket is named", "", "Say which with --bucket NAME; on a terminal, `indexer init` asks."
        )
    docdb = _given(
        uri=_without_password(wanted.docdb_uri),
        secret=wanted.docdb_secret,
        url=wanted.docdb_url,
        tls_ca_file=wanted.tls_ca_file,
    )
    if not {"uri", "secret", "url"} & docdb.keys() and not os.environ.get(DOCDB_VARIABLE):
        hint = f"Use --docdb-uri, --docdb-secret, --docdb-url, or set {DOCDB_VARIABLE}."
        raise UsageError("It is not said where DocDB is", "", hint)
    generations = GENERATIONS if wanted.generation in (None, "both") else (wanted.generation,)
    codeocean = _given(
        domain=wanted.codeocean_domain, secret=wanted.codeocean_secret, results_bucket=wanted.results_bucket
    )
    return _given(
        buckets=list(wanted.bucket),
        lookback_days=wanted.lookback_days,
        docdb=docdb | {one: {} for one in generations},
        s3={"anonymous": True} if wanted.anonymous else None,
        codeocean=codeocean or None,
    )


def answers(ask: Callable[..., Any]) -> Wanted:
    """What somebody on a terminal says; an empty answer leaves a thing out. Raises UsageError where nothing more comes."""

    def one(question: str, default: str = "") -> str:
        return str(ask(question, default=default, show_default=bool(default), err=True)).strip()

    try:
        buckets = one("Buckets to manage, separated by commas")
        uri = secret = None
        if not os.environ.get(DOCDB_VARIABLE):
            uri = one(
                f"DocDB's URI, without a password (empty: in AWS Secrets Manager, or later in {DOCDB_VARIABLE})"
            )
            secret = None if uri else one("The entry of AWS Secrets Manager that has it")
        ca_file = one("The CA bundle of DocDB, for Amazon DocumentDB global-bundle.pem (empty: no TLS)")
        generation = one("Generations of records: v1, v2 or both", "both")
        domain = one("Code Ocean's URL (empty: links and results are left alone)")
        codeocean_secret = results = ""
        if domain:
            codeocean_secret = one(
                f"The entry of AWS Secrets Manager with its token (empty: {TOKEN_VARIABLE})"
            )
            results = one("Code Ocean's own bucket, of results (empty: results are left alone)")
        days = one("Sync only records changed within so many days (empty: all)")
    except typer.Abort:
        raise UsageError(
            "No configuration is written", "there was no answer", "Use options: `indexer init --help`."
        ) from None
    if generation not in ("v1", "v2", "both") or not (days.isdecimal() or not days):
        wrong = days if generation in ("v1", "v2", "both") else generation
        raise UsageError(
            "An answer is not understood", wrong, "Generations are v1, v2 or both; days are a number."
        )
    return Wanted(
        bucket=[name.strip() for name in buckets.split(",") if name.strip()],
        docdb_uri=uri or None,
        docdb_secret=secret or None,
        tls_ca_file=ca_file or None,
        generation=generation,  # type: ignore[arg-type] # looked at above
        codeocean_domain=domain or None,
        codeocean_secret=codeocean_secret or None,
        results_bucket=results or None,
        lookback_days=int(days) if days else None,
    )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _without_password(uri: str | None) -> str | None:
    """The URI; a password does not belong in a file that is committed. Raises UsageError, which does not quote it."""
    if uri is not None and PASSWORD.search(uri):
        hint = f"Set {DOCDB_VARIABLE} to the whole URI, or keep it in AWS Secrets Manager and use --docdb-secret."
        raise UsageError("A password is not written into a file", "the URI of DocDB has one", hint)
    return uri
