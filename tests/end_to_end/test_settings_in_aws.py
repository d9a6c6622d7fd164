"""Configuration from Parameter Store and credentials from Secrets Manager, as users run it: against moto's own."""

from __future__ import annotations

import json
import socket
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import create_backend_app
from test_secrets import PASSWORD, SPEECH, TOKEN, Denial, Denying, check, denying, silent, uri
from workbench import Workbench

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError, UsageError
from indexer.masking import masked
from indexer.runs.config_file import load_config
from indexer.runs.credentials import credentials_of
from indexer.systems.settings import secret_fields, settings_text
from indexer_sandbox.codeocean import CodeOceanServer
from indexer_sandbox.loopback import LoopbackServer

__all__ = ["Denial", "Denying", "denying"]

PARAMETER, DOCDB, CODEOCEAN = "/indexer/config", "indexer/docdb", "indexer/codeocean"
SETTINGS = """\
buckets = ["aind-open-data"]
[docdb]
secret = "indexer/docdb"
[docdb.v1]
[codeocean]
secret = "indexer/codeocean"
results_bucket = "codeocean-results"
"""
KEYS = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Aws:
    """moto's Parameter Store and Secrets Manager on loopback, and what they were asked."""

    env: dict[str, str] = field(default_factory=lambda: dict(KEYS))
    asked: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        """A client of our own."""
        variable = {"ssm": "AWS_ENDPOINT_URL_SSM", "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER"}[
            service
        ]
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.env[variable],
            aws_access_key_id="x",
            aws_secret_access_key="x",
            region_name="us-west-2",
        )

    def keep(self, name: str, text: str, kind: str = "SecureString") -> None:
        """Put a parameter."""
        with closing(self.client("ssm")) as ssm:
            ssm.put_parameter(Name=name, Value=text, Type=kind, Overwrite=True)
        self.asked.clear()

    def lock_up(self, name: str, value: Any) -> None:
        """Put a secret, as JSON where it is no text."""
        text = value if isinstance(value, str) else json.dumps(value)
        with closing(self.client("secretsmanager")) as secrets:
            secrets.create_secret(Name=name, SecretString=text)
        self.asked.clear()


def listening(aws: Aws, service: str) -> Callable[..., Iterable[bytes]]:
    """moto's application, each request told."""
    app = create_backend_app(service).wsgi_app

    def told(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        aws.asked.append(environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2])
        return app(environ, start_response)

    return told


@pytest.fixture
def aws() -> Iterator[Aws]:
    """Both services, empty."""
    from moto.secretsmanager.models import secretsmanager_backends
    from moto.ssm.models import ssm_backends

    made = Aws()
    servers = [LoopbackServer(name, listening(made, name)) for name in ("ssm", "secretsmanager")]
    made.env |= {
        "AWS_ENDPOINT_URL_SSM": servers[0].endpoint,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": servers[1].endpoint,
    }
    yield made
    for server in servers:
        server.close()
    ssm_backends.reset()
    secretsmanager_backends.reset()


@pytest.fixture
def here(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    """This process is pointed at them."""
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    return aws


@pytest.fixture
def bench(workbench: Workbench, aws: Aws) -> Iterator[Workbench]:
    """Systems with drift; no configuration but in AWS, no credential but in secrets."""
    (workbench.folder / "indexer.toml").unlink()
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    codeocean = CodeOceanServer(token=TOKEN)
    address = workbench.sandbox.docdb_uri.partition("://")[2].partition("/")[0]
    host, _, port = address.partition(":")
    aws.keep(PARAMETER, SETTINGS)
    aws.lock_up(DOCDB, {"engine": "mongo", "host": host, "port": int(port)})
    aws.lock_up(CODEOCEAN, {"domain": codeocean.domain, "token": TOKEN})
    workbench.env |= {name: value for name, value in aws.env.items() if "ENDPOINT" in name}
    yield workbench
    codeocean.close()


@pytest.mark.parametrize("speech", SPEECH[2:], ids=" ".join)
def test_a_whole_run_with_nothing_on_disk(bench: Workbench, aws: Aws, speech: tuple[str, ...]) -> None:
    """Plan, apply, and a plan that is empty: the secrets are used, and never come out."""
    config = ("--config", f"ssm:{PARAMETER}", *speech)
    for command, status in (
        (("plan", "--all", *config), 0),
        (("show", "plan.json"), 0),
        (("apply", "plan.json", "--results", "run", *config), 0),
        (("plan", "--all", "--out", "again.json", "--detailed-exitcode", *config), 0),
        (("drift", "--all", *config), 0),
    ):
        done = bench.run(*command)
        assert done.returncode == status, done.stderr
        check(done, bench.folder)
    plan = json.loads((bench.folder / "plan.json").read_text())
    assert plan["actions"]
    assert {row["system"] for row in plan["coverage"]} >= {"s3", "docdb", "codeocean"}
    assert aws.asked == 4 * ["GetParameter", "GetSecretValue", "GetSecretValue"]


def test_secrets_are_asked_for_only_to_connect(bench: Workbench, aws: Aws) -> None:
    """Not to show what is configured, nor where the command is wrong anyway."""
    config = ("--config", f"ssm:{PARAMETER}")
    shown = bench.run("config", "show", *config)
    assert shown.returncode == 0, shown.stderr
    assert tomllib.loads(shown.stdout)["docdb"]["secret"] == DOCDB
    assert bench.run("plan", "--bucket", "another", *config).returncode == 2
    assert bench.run("plan", "--all", "--out", "no/plan.json", *config).returncode == 1
    assert bench.run("schema", "config").returncode == 0
    assert set(aws.asked) == {"GetParameter"}


@pytest.mark.parametrize("speech", SPEECH, ids=" ".join)
def test_a_password_from_a_secret_is_never_said(
    bench: Workbench, aws: Aws, denying: int, speech: tuple[str, ...]
) -> None:
    """Sent to a DocDB that does not know the user; the words name the address only."""
    aws.lock_up("parts", {"username": "me", "password": PASSWORD, "host": "127.0.0.1", "port": str(denying)})
    aws.lock_up("whole", {"uri": uri(denying)})
    for name in ("parts", "whole"):
        aws.keep(PARAMETER, SETTINGS.replace(DOCDB, name))
        done = bench.run("plan", "--all", "--config", f"ssm:{PARAMETER}", *speech)
        assert done.returncode == 1
        assert "DocDB denies access" in done.stderr
        assert f"127.0.0.1:{denying}" in done.stderr
        check(done, bench.folder)


def test_the_doctor_reads_secrets_too(bench: Workbench, aws: Aws) -> None:
    """And one that is wrong stops only what rests on it."""
    config = ("--config", f"ssm:{PARAMETER}", "--format", "json")
    well = bench.run("doctor", *config)
    assert well.returncode == 0, well.stdout
    assert {"secrets": "ok", "docdb-connection": "ok"}.items() <= _statuses(well).items()
    assert _statuses(well)["codeocean-token"] == "warning", (
        well.stdout
    )  # it is taken, and shows no data asset
    check(well, bench.folder)
    aws.keep(PARAMETER, SETTINGS.replace(DOCDB, "gone"))
    ill = bench.run("doctor", *config)
    assert ill.returncode == 1, ill.stdout
    assert {"secrets": "error", "docdb-host": "not-tried", "s3-list": "ok"}.items() <= _statuses(ill).items()


def _statuses(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {row["name"]: row["status"] for row in json.loads(done.stdout)["checks"]}


def test_a_wrong_secret_is_said_by_the_command(bench: Workbench, aws: Aws) -> None:
    """Two lines, no trace, nothing of what is in it."""
    aws.lock_up("odd", {"host": f"{PASSWORD}@x", "password": PASSWORD})
    aws.lock_up("text", f"{PASSWORD} is no JSON")
    for name, says in (("odd", "its host"), ("text", "no JSON object"), ("gone", "no such secret")):
        aws.keep(PARAMETER, SETTINGS.replace(DOCDB, name))
        done = bench.run("plan", "--all", "--config", f"ssm:{PARAMETER}")
        assert done.returncode == 2, done.stderr
        first, hint = done.stderr.splitlines()
        assert says in first
        assert hint.startswith("→ ")
        check(done, bench.folder)


def test_the_environment_goes_over_a_parameter(here: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over a file; a credential of its own replaces a secret, which is not asked for then."""
    here.keep(PARAMETER, SETTINGS, kind="String")
    monkeypatch.setenv("INDEXER_LOOKBACK_DAYS", "3")
    monkeypatch.setenv("INDEXER_DOCDB__URI", "mongodb://127.0.0.1:1")
    monkeypatch.setenv("INDEXER_CODEOCEAN", '{"token": "t0ken", "domain": "https://codeocean.example.org"}')
    config = load_config(f"ssm:{PARAMETER}")
    assert (config.lookback_days, config.docdb.secret) == (3, None)
    credentials = credentials_of(config)
    assert credentials.docdb_uri == "mongodb://127.0.0.1:1"
    assert credentials.codeocean is not None
    assert credentials.codeocean.token == "t0ken"
    assert here.asked == ["GetParameter"]


def test_a_secret_of_the_environment_goes_over_a_uri(here: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way round."""
    here.keep(PARAMETER, 'buckets = ["one"]\ndocdb.uri = "mongodb://127.0.0.1:1"\ndocdb.v1 = {}\n')
    monkeypatch.setenv("INDEXER_DOCDB__SECRET", DOCDB)
    config = load_config(f"ssm:{PARAMETER}")
    assert (config.docdb.uri, config.docdb.secret) == (None, DOCDB)


def test_all_that_is_secret_is_hidden_before_it_is_used(here: Aws) -> None:
    """In the parameter when it is read, in secrets when they are; even where they turn out to be wrong."""
    here.keep(
        PARAMETER, 'buckets = ["one"]\ndocdb.uri = "mongodb://me:in-clear@127.0.0.1:1"\ndocdb.v1 = {}\n'
    )
    load_config(f"ssm:{PARAMETER}")
    assert masked("mongodb://me:in-clear@127.0.0.1:1, in-clear") == "***, ***"
    here.keep(PARAMETER, SETTINGS)
    here.lock_up(CODEOCEAN, {"domain": "https://codeocean.example.org", "token": TOKEN})
    here.lock_up(DOCDB, {"host": "a b", "username": "me", "password": PASSWORD})
    with pytest.raises(UsageError) as raised:
        credentials_of(load_config(f"ssm:{PARAMETER}"))
    assert masked(f"{TOKEN}, {PASSWORD}") == "***, ***"
    silent(str(raised.value))
    here.lock_up("other", {"host": "h", "username": "me", "password": PASSWORD})
    here.keep(PARAMETER, SETTINGS.replace(DOCDB, "other"))
    credentials = credentials_of(load_config(f"ssm:{PARAMETER}"))
    assert masked(credentials.docdb_uri) == "***"
    silent(repr(credentials))


def test_json_with_the_same_keys_is_the_same(here: Aws, tmp_path: Path) -> None:
    """TOML and JSON, parameter and file: one configuration, and one digest of it."""
    (tmp_path / "indexer.toml").write_text(SETTINGS)
    here.keep("toml", SETTINGS)
    here.keep("json", json.dumps(tomllib.loads(SETTINGS)))
    configs = [load_config(one) for one in ("ssm:toml", "ssm:json", None)]
    assert len({one.sha256 for one in configs}) == 1
    assert {one.docdb.secret for one in configs} == {DOCDB}


def test_the_digest_holds_the_names_of_secrets_and_no_secret(here: Aws) -> None:
    """Another entry is another configuration; another password is not."""
    digests = []
    for text in (
        SETTINGS,
        SETTINGS.replace(DOCDB, "other"),
        'buckets = ["one"]\ndocdb.uri = "mongodb://a:b@h"\ndocdb.v1 = {}\n',
        'buckets = ["one"]\ndocdb.uri = "mongodb://c:d@h"\ndocdb.v1 = {}\n',
    ):
        here.keep(PARAMETER, text)
        digests.append(load_config(f"ssm:{PARAMETER}").sha256)
    first, second, third, fourth = digests
    assert first != second
    assert third == fourth


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("buckets = [", "not valid TOML", "Correct it there"),
        ('{"buckets": ', "not valid JSON", "Correct it there"),
        ("hush", "not valid TOML", "Correct it there"),
        ("buckets = []", "buckets", "docs/configuration.md"),
        (f'{SETTINGS}\n[docdb.v2]\nuri = "hush"', "docdb.v2.uri", "docs/configuration.md"),
        (
            'buckets = ["one"]\n[docdb]\nlease_collection = "x"',
            "none of uri, secret and url",
            "configuration",
        ),
        ('buckets = ["one"]\n[docdb]\nuri = "hush"\nsecret = "x"', "uri and secret given", "configuration"),
        (
            SETTINGS.replace(f'"{CODEOCEAN}"', '"x"\ntoken = "hush"'),
            "both of token and secret",
            "configuration",
        ),
        (SETTINGS.replace(f'secret = "{CODEOCEAN}"', 'token = "hush"'), "domain is missing", "configuration"),
        ('{"s3_bucket": "b", "doc_db_password": "hush"}', "s3_bucket", f"migrate ssm:{PARAMETER}"),
    ],
)
def test_a_parameter_that_is_no_configuration(here: Aws, text: str, says: str, hint: str) -> None:
    """What is wrong, where, and the next step; never a value."""
    here.keep(PARAMETER, text)
    with pytest.raises(UsageError) as raised:
        load_config(f"ssm:{PARAMETER}")
    assert says in str(raised.value)
    assert f"ssm:{PARAMETER}" in str(raised.value)
    assert hint in raised.value.hint
    assert "hush" not in str(raised.value)


def test_what_is_not_there(here: Aws) -> None:
    """The name, the region, and what to check."""
    for name, read in (
        ("/no/such", lambda: settings_text("ssm:/no/such")),
        ("gone", lambda: secret_fields("gone")),
    ):
        with pytest.raises(UsageError, match="no such") as raised:
            read()
        assert name in raised.value.detail
        assert "us-west-2" in raised.value.detail
        assert "AWS_DEFAULT_REGION" in raised.value.hint
    with pytest.raises(UsageError, match="no name"):
        settings_text("ssm:")
    with pytest.raises(UsageError, match="not the name of a secret"):
        secret_fields("")


def test_a_secret_of_bytes_is_none(here: Aws) -> None:
    """Secrets Manager holds these too."""
    with closing(here.client("secretsmanager")) as secrets:
        secrets.create_secret(Name="bytes", SecretBinary=b"\x00hush")
    with pytest.raises(UsageError, match="no JSON object"):
        secret_fields("bytes")


@pytest.mark.parametrize(
    "read", [lambda: settings_text("ssm:x"), lambda: secret_fields("x")], ids=["ssm", "secret"]
)
@pytest.mark.parametrize(
    ("unset", "setting", "summary"),
    [
        ("AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", {}, "AWS needs credentials"),
        ("AWS_SECRET_ACCESS_KEY", {}, "AWS needs credentials"),
        ("", {"AWS_PROFILE": "nobody"}, "AWS needs credentials"),
        ("AWS_DEFAULT_REGION", {}, "AWS needs a region"),
        ("", {"AWS_ENDPOINT_URL_SSM": "nonsense", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "nonsense"}, "reached"),
    ],
)
def test_aws_that_is_not_set_up(
    here: Aws,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[], object],
    unset: str,
    setting: dict[str, str],
    summary: str,
) -> None:
    """Words, and the variables to set."""
    for name in unset.split():
        monkeypatch.delenv(name)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemFaultError) as raised:
        read()
    assert summary in raised.value.summary
    assert "AWS_" in raised.value.hint
    assert not here.asked


def test_nobody_answers(here: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port at which nobody listens: an error of the network, in words."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SystemFaultError, match="AWS cannot be reached") as raised:
        settings_text("ssm:x")
    assert "AWS_ENDPOINT_URL_SSM" in raised.value.hint


def answering(status: str, body: bytes) -> Callable[..., Iterable[bytes]]:
    """A service that says the same to everybody."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(
            status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        )
        return [body]

    return answer


@pytest.mark.parametrize(
    ("code", "kind", "summary", "hint"),
    [
        ("AccessDeniedException", AccessDeniedError, "AWS denies access", "docs/permissions.md"),
        ("UnrecognizedClientException", OutageError, "AWS does not know this access key", "configure list"),
        ("ExpiredTokenException", OutageError, "The credentials have expired", "aws sso login"),
        ("InvalidSignatureException", OutageError, "secret access key is wrong", "AWS_SECRET_ACCESS_KEY"),
        ("DecryptionFailure", SystemFaultError, "answered with an error", "decrypted"),
        ("ResourceNotFoundException", UsageError, "There is no such secret", "Check the name"),
    ],
)
def test_a_refusal(
    here: Aws, monkeypatch: pytest.MonkeyPatch, code: str, kind: type, summary: str, hint: str
) -> None:
    """Each in words of its own, with AWS's."""
    body = json.dumps({"__type": code, "Message": "so said AWS"}).encode()
    server = LoopbackServer("refusing", answering("400 Bad Request", body))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.endpoint)
    try:
        with pytest.raises(kind) as raised:
            secret_fields("x")
    finally:
        server.close()
    assert summary in raised.value.summary
    assert "so said AWS" in raised.value.detail
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    "said",
    ["Signature expired: 1 is now earlier than 2", "Signature not yet current: 2 is still later than 1"],
)
def test_a_clock_that_is_off(here: Aws, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """These services have the code of a wrong key for it."""
    body = json.dumps({"__type": "InvalidSignatureException", "message": said}).encode()
    server = LoopbackServer("refusing", answering("400 Bad Request", body))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.endpoint)
    try:
        with pytest.raises(OutageError, match="clock is off") as raised:
            settings_text("ssm:x")
    finally:
        server.close()
    assert said in raised.value.detail
    assert "AWS's time" in raised.value.hint


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>hush</html>", b'{"Parameter": 5}', b"[]"])
def test_an_answer_that_is_none(here: Aws, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """A proxy in between, for example."""
    server = LoopbackServer("odd", answering("200 OK", body))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.endpoint)
    try:
        with pytest.raises(SystemFaultError) as raised:
            settings_text("ssm:x")
    finally:
        server.close()
    assert "AWS_ENDPOINT_URL_SSM" in raised.value.hint


def test_the_predecessors_settings_are_migrated_where_they_are(bench: Workbench, aws: Aws) -> None:
    """From parameters to a configuration that plans, with the secrets that they name."""
    aws.keep("/aind/buckets", json.dumps({"s3_buckets": ["aind-open-data"], "doc_db_secret_name": DOCDB}))
    aws.keep(
        "/aind/codeocean", json.dumps({"s3_bucket": "codeocean-results", "codeocean_secret_name": CODEOCEAN})
    )
    done = bench.run("config", "migrate", "ssm:/aind/buckets", "ssm:/aind/codeocean")
    assert done.returncode == 0, done.stderr
    (bench.folder / "indexer.toml").write_text(done.stdout)
    planned = bench.run("plan", "--all")
    assert planned.returncode == 0, planned.stderr
    assert json.loads((bench.folder / "plan.json").read_text())["actions"]
