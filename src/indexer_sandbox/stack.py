"""The three servers together, from start to stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from indexer_sandbox.codeocean import CodeOceanServer
from indexer_sandbox.docdb import DocDBServer
from indexer_sandbox.gateway import GatewayServer
from indexer_sandbox.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, S3Server

OPEN_BUCKET = "aind-open-data"
MANAGED_BUCKETS = (OPEN_BUCKET, "aind-private-data")
RESULTS_BUCKET = "codeocean-results"
DATABASE_V1 = "metadata_index"
DATABASE_V2 = "metadata_index_v2"
COLLECTION = "data_assets"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Three servers that run; empty until something is put into them."""

    s3: S3Server
    docdb: DocDBServer
    codeocean: CodeOceanServer
    gateway: GatewayServer | None = None
    """In front of that DocDB, where one is asked for."""

    @property
    def s3_endpoint(self) -> str:
        """The value for boto3's `endpoint_url`."""
        return self.s3.endpoint

    @property
    def docdb_uri(self) -> str:
        """The value for pymongo's `MongoClient`."""
        return self.docdb.uri

    @property
    def codeocean_domain(self) -> str:
        """The value for the Code Ocean SDK's `domain`."""
        return self.codeocean.domain

    @property
    def token(self) -> str:
        """The token that the Code Ocean server takes."""
        return self.codeocean.token

    def environment(self) -> dict[str, str]:
        """The variables that lead boto3 to this sandbox and nowhere else."""
        return {
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def config_toml(self) -> str:
        """An `indexer.toml` for this sandbox as it is seeded."""
        return f"""\
buckets = {_toml(list(MANAGED_BUCKETS))}

[docdb]
uri = {_toml(self.docdb_uri)}

[docdb.v1]
database = {_toml(DATABASE_V1)}
collection = {_toml(COLLECTION)}
sync_to_s3 = true

[docdb.v2]
database = {_toml(DATABASE_V2)}
collection = {_toml(COLLECTION)}
sync_to_s3 = false

[codeocean]
domain = {_toml(self.codeocean_domain)}
token = {_toml(self.token)}
results_bucket = {_toml(RESULTS_BUCKET)}
"""

    def gateway_toml(self) -> str:
        """The configuration of somebody who has no credentials: DocDB over its gateway, and the bucket that is open."""
        url = self.gateway.url if self.gateway is not None else ""
        return f"""\
buckets = {_toml([OPEN_BUCKET])}

[docdb]
url = {_toml(url)}

[docdb.v1]
[docdb.v2]

[s3]
anonymous = true
"""


@contextmanager
def running(
    directory: Path,
    *,
    s3_port: int = 0,
    docdb_port: int = 0,
    codeocean_port: int = 0,
    gateway: bool = False,
    gateway_port: int = 0,
) -> Iterator[Sandbox]:
    """Start the three servers, and a gateway where one is asked for; stop them and delete their files however the block is left.

    `directory` must be there and gets a temporary folder while the sandbox runs. A port of 0 is any free
    one. Several sandboxes may run in one process. Raises IndexerError when a port is taken, when the
    `sandbox` extra is not installed, and when a server does not come up.
    """
    with ExitStack() as stack:
        s3 = S3Server(s3_port)
        stack.callback(s3.close)
        docdb = DocDBServer(directory, docdb_port)
        stack.callback(docdb.close)
        codeocean = CodeOceanServer(codeocean_port)
        stack.callback(codeocean.close)
        front = None
        if gateway:
            front = GatewayServer(docdb.uri, gateway_port)
            stack.callback(front.close)
        yield Sandbox(s3=s3, docdb=docdb, codeocean=codeocean, gateway=front)


def _toml(value: object) -> str:
    """A string or a list of strings, whose JSON form is TOML too."""
    return json.dumps(value)
