"""A collector: takes what an OTLP exporter sends over HTTP, and decodes it by the protocol's own definitions."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(ThreadingHTTPServer):
    """Answers 200 to everything, unless `status` says otherwise; a stuck one answers nothing until it is closed."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *, status: int = 200, stuck: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.stuck, self.closed = status, stuck, threading.Event()
        self.bodies: list[tuple[str, bytes]] = []

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def raw(self) -> bytes:
        """Everything that was sent."""
        return b"".join(body for _, body in self.bodies)

    def spans(self) -> list[Span]:
        """In the order in which they ended."""
        requests = [
            ExportTraceServiceRequest.FromString(body) for path, body in self.bodies if "traces" in path
        ]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resources(self) -> list[dict[str, Any]]:
        """The attributes of whoever sent the spans."""
        requests = [
            ExportTraceServiceRequest.FromString(body) for path, body in self.bodies if "traces" in path
        ]
        return [attributes(one.resource.attributes) for request in requests for one in request.resource_spans]

    def metrics(self) -> dict[str, Metric]:
        """By name."""
        requests = [
            ExportMetricsServiceRequest.FromString(body) for path, body in self.bodies if "metrics" in path
        ]
        return {
            metric.name: metric
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def counts(self, name: str) -> dict[str, int]:
        """A counter's sums, by the value of its first attribute in alphabetical order."""
        found: dict[str, int] = {}
        for point in self.metrics()[name].sum.data_points:
            key = str(min(attributes(point.attributes).items())[1])
            found[key] = found.get(key, 0) + point.as_int
        return found


def attributes(pairs: Iterator[KeyValue] | Any) -> dict[str, Any]:
    """Attributes as Python has them."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return (
        [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)
    )


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.bodies.append((self.path, body))
        if self.server.stuck:
            self.server.closed.wait()
            return
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collecting(*, status: int = 200, stuck: bool = False) -> Iterator[Collector]:
    """A collector that listens, as long as it is needed."""
    server = Collector(status=status, stuck=stuck)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.closed.set()
        server.shutdown()
        thread.join()
        server.server_close()
