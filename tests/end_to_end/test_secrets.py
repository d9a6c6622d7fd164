"""No secret comes out: not in a plan, a result, a journal, an archive, on stdout or on stderr."""

from __future__ import annotations

import html
import json
import random
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from subprocess import CompletedProcess
from urllib.parse import quote

import bson
import pytest
from workbench import BUCKET, Workbench

from indexer.errors import IndexerError, UsageError
from indexer.runs.config_file import load_config
from indexer.systems.docdb_connection import connect
from indexer_sandbox.codeocean import CodeOceanServer

PASSWORD = "pä55/w:rd@%&\"'\\ hush"
USER = "indexer-user"
TOKEN = "cop_t0ken\"'\\+/=&%41hush"
AWS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYhushSECRET"
SESSION = "IQoJb3JpZ2luX2VjEhushSESSION"
PLAIN = f'buckets = ["b"]\ndocdb.uri = "mongodb://{USER}:hush@127.0.0.1:1"\ndocdb.v1 = {{}}\n'
SPEECH: tuple[tuple[str, ...], ...] = (
    (),
    ("--verbose",),
    ("--log-format", "json"),
    ("--verbose", "--log-format", "json"),
)
MARK = "hush"
"""Every secret holds it, in whatever form it comes: percent-encoded, as JSON, as repr, or cut short."""


class Denial(BaseRequestHandler):
    """A DocDB that knows no user: it answers a hello, and refuses every other command."""

    def handle(self) -> None:
        """OP_MSG in, OP_MSG out; an OP_QUERY is answered with an OP_REPLY."""
        while header := self._read(16):
            size, request, _, opcode = (int.from_bytes(header[at : at + 4], "little") for at in (0, 4, 8, 12))
            body = self._read(size - 16)
            hello = (
                b"ismaster" in body
                or b"isMaster" in body
                or b"\x10hello\x00" in body
                or b"\x08hello\x00" in body
            )
            answer = {"ok": 1.0, "isWritablePrimary": True, "ismaster": True, "helloOk": True}
            answer |= {"minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 16 << 20}
            answer |= {"maxMessageSizeBytes": 48 << 20, "maxWriteBatchSize": 1000, "readOnly": False}
            answer |= {"saslSupportedMechs": ["SCRAM-SHA-256"]}
            if not hello:
                answer = {
                    "ok": 0.0,
                    "errmsg": "Authentication failed.",
                    "code": 18,
                    "codeName": "AuthenticationFailed",
                }
            document = bson.encode(answer)
            if opcode == 2004:
                code, reply = 1, bytes(4) + bytes(8) + bytes(4) + (1).to_bytes(4, "little") + document
            else:
                code, reply = 2013, bytes(4) + b"\0" + document
            head = [16 + len(reply), 1, request, code]
            self.request.sendall(b"".join(one.to_bytes(4, "little") for one in head) + reply)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self.request.recv(size - len(data))):
            data += more
        return data if len(data) == size else b""


class Denying(ThreadingTCPServer):
    """A server of its own thread for each connection."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


@pytest.fixture
def denying() -> Iterator[int]:
    """The port of a DocDB that refuses every user."""
    server = Denying(("127.0.0.1", 0), Denial)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def uri(port: int, *, encoded: bool = True, query: str = "") -> str:
    """A DocDB with a user and a password."""
    password = quote(PASSWORD, safe="") if encoded else PASSWORD
    options = "directConnection=true&retryWrites=false&serverSelectionTimeoutMS=1000"
    return f"mongodb://{USER}:{password}@127.0.0.1:{port}/?{options}{query}"


def secrets() -> set[str]:
    """What must not come out, in every form that it may take on the way."""
    plain = {PASSWORD, TOKEN, AWS_KEY, SESSION}
    forms = {
        form
        for one in plain
        for form in (quote(one, safe=""), quote(one), json.dumps(one)[1:-1], repr(one)[1:-1])
    }
    return plain | forms | {json.dumps(PASSWORD, ensure_ascii=False)[1:-1], MARK}


def silent(said: str) -> None:
    """These words hold no secret."""
    assert not [one for one in secrets() if one in said], said


def check(done: CompletedProcess[str], *folders: Path) -> None:
    """Neither what was said nor what was written holds any."""
    silent(done.stdout + done.stderr)
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and file.suffix != ".toml":
                held = file.read_bytes()
                assert not [one for one in secrets() if one.encode() in held], file


@pytest.fixture
def seeded(workbench: Workbench) -> Iterator[Workbench]:
    """Systems with drift of several kinds, reached with secrets."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.insert_in_step("linked", external_links={"Code Ocean": ["gone"]})
    codeocean = CodeOceanServer(token=TOKEN)
    codeocean.put(
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "created": 1,
            "name": "asset",
            "mount": "asset",
            "last_used": 0,
            "owner": "o",
            "state": "ready",
            "tags": [],
            "type": "dataset",
            "source_bucket": {"origin": "aws", "bucket": BUCKET, "prefix": "asset", "external": True},
        }
    )
    workbench.env |= {
        "INDEXER_CODEOCEAN__TOKEN": TOKEN,
        "INDEXER_CODEOCEAN__DOMAIN": codeocean.domain,
        "AWS_SECRET_ACCESS_KEY": AWS_KEY,
        "AWS_SESSION_TOKEN": SESSION,
    }
    yield workbench
    codeocean.close()


@pytest.mark.parametrize("speech", SPEECH[1:3], ids=" ".join)
def test_a_whole_run_lets_no_secret_out(seeded: Workbench, speech: tuple[str, ...]) -> None:
    """Plan, show, apply, undo, with a token and an AWS key that work."""
    for command, status in (
        (("plan", "--all"), 0),
        (("show", "plan.json"), 0),
        (("apply", "plan.json", "--results", "run"), 0),
        (("undo", "run", "--out", "back.json"), 0),
    ):
        done = seeded.run(*command, *speech)
        assert done.returncode == status, done.stderr
        check(done, seeded.folder)
    assert list((seeded.folder / "run" / "archive").iterdir())


def test_no_fault_lets_a_secret_out(seeded: Workbench, denying: int) -> None:
    """A wrong token, an unknown user, nobody there, and settings that cannot be read: the real command."""
    unencoded = f"mongodb://{USER}:{PASSWORD}@127.0.0.1:{denying}/"
    for (fault, status, words), speech in zip(
        (
            ({"INDEXER_DOCDB__URI": uri(denying)}, 1, "DocDB denies access"),
            ({"INDEXER_DOCDB__URI": uri(denying)}, 1, "DocDB denies access"),
            ({"INDEXER_DOCDB__URI": unencoded}, 2, "percent-encoded"),
            ({"INDEXER_CODEOCEAN__TOKEN": f"{TOKEN}-hush"}, 1, "Renew the token"),
            ({"INDEXER_CODEOCEAN__TOKEN": f"{TOKEN}-hush"}, 1, "Renew the token"),
            ({"INDEXER_DOCDB": uri(denying)}, 2, "INDEXER_DOCDB is not JSON"),
            ({"INDEXER_POLICY__MODE": TOKEN}, 2, "INDEXER_POLICY__MODE: should be"),
        ),
        cycle(SPEECH[::3]),
        strict=False,
    ):
        done = seeded.run("plan", "--bucket", "codeocean-results", *speech, **fault)
        assert done.returncode == status, done.stderr
        assert words in done.stderr
        assert "Internal error" not in done.stderr
        check(done, seeded.folder)


def test_no_docdb_uri_is_repeated() -> None:
    """Passwords that were not encoded, or stand where none belong, look like hosts, ports, databases, options."""
    password = quote(PASSWORD, safe="")
    for one in (
        uri(1, encoded=False),
        uri(1, query=f"&retryReads={password}"),
        uri(1, query=f"&authMechanism={password}"),
        uri(1, query=f"&{password}"),
        uri(1, query=f"&{PASSWORD}=1"),
        f"mongodb://{USER}:{PASSWORD}",
        f"mongodb://{USER}:{password}@",
        f"mongodb://{USER}:{password}@127.0.0.1:port",
        f"mongodb://127.0.0.1:1/?password={password}",
        f"mongodb://127.0.0.1:1/{PASSWORD}",
        f"mongodb://{PASSWORD}",
        f"mongodb://{USER}:p@hush/w@127.0.0.1:1",
        f"{USER}:{PASSWORD}@127.0.0.1",
        f"postgres://{USER}:{PASSWORD}@127.0.0.1/db",
        f"mongodb+srv://{USER}:{password}@127.0.0.1:5",
        TOKEN,
    ):
        with pytest.raises(UsageError) as raised:
            connect(one, None, {}, 1)
        silent(str(raised.value))


class Echo(BaseHTTPRequestHandler):
    """A Code Ocean, or a proxy before it, that quotes the request in its error, in every way that it can."""

    def do_POST(self) -> None:
        """Searches are posts; nothing is found, and much is said."""
        header = self.headers.get("Authorization", "")
        token = b64decode(header.removeprefix("Basic ")).decode().removesuffix(":")
        said = [
            header,
            token,
            quote(token, safe=""),
            quote(token).lower(),
            json.dumps(token),
            repr(token),
            html.escape(token),
        ]
        said += [b64encode(token.encode()).decode(), "x" * 200 + token]
        random.Random(self.path).shuffle(said)
        body = json.dumps({"message": " | ".join(said)}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """The same."""
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def echoing() -> Iterator[str]:
    """The domain of a Code Ocean that quotes what it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_quotes_requests_gives_no_token_away(seeded: Workbench, echoing: str) -> None:
    """Neither in what is said nor in a plan, its events, its pages, a journal or a result; in no encoding."""
    planned = seeded.run("plan", "--bucket", BUCKET, "--events", "plan.jsonl")
    assert planned.returncode == 0, planned.stderr
    told = seeded.run(
        "plan", "--all", "--out", "told.json", "--events", "told.jsonl", INDEXER_CODEOCEAN__DOMAIN=echoing
    )
    assert "***" in (seeded.folder / "told.json").read_text() + told.stderr
    for form in ("text", "markdown", "html", "json"):
        shown = seeded.run("show", "told.json", "--format", form)
        (seeded.folder / f"told.{form}.out").write_text(shown.stdout)
    applied = seeded.run(
        "apply", "plan.json", "--results", "run", "--events", "apply.jsonl", INDEXER_CODEOCEAN__DOMAIN=echoing
    )
    assert applied.returncode == 4, applied.stderr
    for done in (planned, told, applied):
        check(done, seeded.folder)
    sent = {b64encode(one.encode()).decode().rstrip("=") for one in (f"{TOKEN}:", TOKEN)}
    everything = told.stderr + applied.stderr
    everything += "".join(
        file.read_text() for file in seeded.folder.rglob("*") if file.is_file() and file.suffix != ".toml"
    )
    assert not [one for one in sent if one in everything]


def test_plan_and_apply_say_that_the_token_goes_in_the_clear(seeded: Workbench) -> None:
    """Before it is sent."""
    seeded.plan(name="plan.json")
    for command in (("plan", "--bucket", BUCKET, "--out", "-"), ("apply", "plan.json")):
        done = seeded.run(*command, INDEXER_CODEOCEAN__DOMAIN="http://codeocean.invalid")
        assert "Code Ocean at codeocean.invalid is asked in the clear" in done.stderr
        silent(done.stdout + done.stderr)


@pytest.mark.parametrize("password", ["p℀x-hush", "pa[ss-hush"])
def test_a_password_that_no_url_parser_takes(workbench: Workbench, password: str) -> None:
    """Nothing quotes it; and where the driver takes it, the connection is tried."""
    address = f"mongodb://{USER}:{password}@127.0.0.1:1/?serverSelectionTimeoutMS=200"
    done = workbench.run("plan", "--bucket", BUCKET, INDEXER_DOCDB__URI=address)
    assert done.returncode == 1, done.stderr
    assert "DocDB cannot be reached" in done.stderr
    assert "Internal error" not in done.stderr
    silent(done.stdout + done.stderr)


@pytest.mark.parametrize(
    "quoted", ["http://user:hush@host:1/b/k", "mongodb://hush@host/", "x http://a:hush@h y"]
)
def test_no_error_repeats_the_credentials_of_a_uri(quoted: str) -> None:
    """A vendor's words may quote the endpoint as it was configured; a place in S3 stays as it is."""
    silent(str(IndexerError("S3 cannot be reached", quoted)))
    assert "s3://b/a@b.json" in str(IndexerError("S3 cannot be reached", "s3://b/a@b.json"))


SETTINGS = {
    "CODEOCEAN__DOMAIN": (f"https://{USER}:hush@127.0.0.1:1", TOKEN),
    "CODEOCEAN__ON_MISSING": (TOKEN,),
    "CODEOCEAN": (TOKEN, json.dumps([TOKEN]), json.dumps({"tokn": TOKEN})),
    "CODEOCEAN__RESULTS_BUCKET": (TOKEN,),
    "DOCDB": (uri(1), json.dumps(uri(1)), json.dumps({"url": uri(1)})),
    "DOCDB__V1": (uri(1),),
    "DOCDB__URI__X": (PASSWORD,),
    "BUCKETS": (f'["{AWS_KEY}"]', TOKEN),
    "LOOKBACK_DAYS": (TOKEN,),
    "POLICY__MODE": (TOKEN,),
    "S3__ORIGINALS_FOLDER": (f"{AWS_KEY}",),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_no_variable_is_repeated(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in the wrong variable, or in one that is read as JSON."""
    file = tmp_path / "indexer.toml"
    file.write_text(PLAIN)
    for value in SETTINGS[name]:
        monkeypatch.setenv(f"INDEXER_{name}", value)
        with pytest.raises(UsageError) as raised:
            load_config(file)
        silent(str(raised.value))


@pytest.mark.parametrize(
    "line",
    [
        f"codeocean.tokne = {json.dumps(TOKEN)}",
        f"docdb.v3.uri = {json.dumps(TOKEN)}",
        f"token = {json.dumps(TOKEN)}",
        f"a = {json.dumps(TOKEN)}\na = {json.dumps(TOKEN)}",
        f'broken = "{TOKEN}',
        f"broken = {TOKEN}",
        f"[broken.{json.dumps(TOKEN)}",
        f"{TOKEN} = 1",
        f"policy.mode = {json.dumps(TOKEN)}\npolicy.max_deletes = {json.dumps(TOKEN)}",
        f"s3.originals_folder = [{json.dumps(TOKEN)}]",
        f"lookback_days = {json.dumps(TOKEN)}",
    ],
)
def test_no_line_of_a_wrong_configuration_is_repeated(line: str, tmp_path: Path) -> None:
    """A typing mistake beside a secret, or in it: the message names the key, never what stands there."""
    file = tmp_path / "indexer.toml"
    file.write_text(f"{line}\n{PLAIN}")
    with pytest.raises(UsageError) as raised:
        load_config(file)
    silent(str(raised.value))
