"""An S3 server on loopback: moto's, with the conditions that moto leaves out and a request log."""

from __future__ import annotations

from datetime import datetime

from indexer_sandbox.faults import FaultList
from indexer_sandbox.loopback import LoopbackServer, WSGIApp, missing_extra
from indexer_sandbox.requestlog import RequestLog, S3Request
from indexer_sandbox.s3_gate import Gate
from indexer_sandbox.s3_state import REGION as REGION
from indexer_sandbox.s3_state import State

ACCESS_KEY_ID = "sandbox"
SECRET_ACCESS_KEY = "sandbox-secret"  # noqa: S105 - nothing is behind it


class S3Server:
    """Moto's S3 on 127.0.0.1, without a bucket at the start, gone after `close`.

    Several may run in one process; none sees another's buckets. `log` holds every request, `faults` makes
    chosen requests fail. Raises IndexerError when the port is taken or moto is not installed.
    """

    def __init__(self, port: int = 0) -> None:
        app = _moto_app()
        self.log: RequestLog[S3Request] = RequestLog()
        self.faults = FaultList()
        self._state = State()
        self._gate = Gate(app, self._state.account_id, self._state.etag, self.log, self.faults)
        self._server = LoopbackServer("s3", self._gate, port)

    @property
    def endpoint(self) -> str:
        """The value for boto3's `endpoint_url`."""
        return self._server.endpoint

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    def create_bucket(self, bucket: str, *, versioned: bool = False, private: bool = False) -> None:
        """Make an empty bucket, without a request. Unless it is private, whoever does not sign may read it."""
        self._state.create_bucket(bucket, versioned=versioned)
        if private:
            self._gate.private.add(bucket)

    def put(self, bucket: str, key: str, body: bytes, last_modified_at: datetime | None = None) -> None:
        """Store an object without a request, some 100 times as fast; as old as it is said to be."""
        self._state.put(bucket, key, body, last_modified_at)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Every object of a bucket as it stands now, by key, without a request."""
        return self._state.objects(bucket)

    def close(self) -> None:
        """Stop the server and forget its buckets; a second call does nothing."""
        self._server.close()
        self._state.forget()


def _moto_app() -> WSGIApp:
    """Moto's S3 as a WSGI application, with keys taken as they come."""
    try:
        from moto.moto_server.werkzeug_app import create_backend_app
    except ImportError as exc:
        raise missing_extra("moto") from exc
    app = create_backend_app("s3")
    app.debug = False
    app.url_map.merge_slashes = False  # a key may hold "//"
    return app.wsgi_app
