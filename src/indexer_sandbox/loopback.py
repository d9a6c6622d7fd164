"""Serve a WSGI application on 127.0.0.1, in threads of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from indexer.errors import IndexerError

if TYPE_CHECKING:
    from werkzeug.serving import ThreadedWSGIServer

HOST = "127.0.0.1"

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

MISSING_EXTRA_HINT = "Install it with `pip install 'data-asset-indexer[sandbox]'`."


class LoopbackServer:
    """One application behind one port of 127.0.0.1, from the constructor until `close`.

    Each connection gets a thread of its own. `close` cuts the connections that clients keep alive, so
    that nobody talks to a server that is gone. Raises IndexerError when the port is taken or when the
    sandbox's packages are not installed.
    """

    def __init__(self, name: str, app: WSGIApp, port: int = 0) -> None:
        listener = _listen(name, port)
        try:
            self._server, self._connections = _threaded_server(app, listener)
        finally:
            listener.close()
        self.port: int = self._server.port
        self._closed = False
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name=f"sandbox-{name}",
            daemon=True,
        )
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """The server's address, for example `http://127.0.0.1:40123`, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    def close(self) -> None:
        """Stop listening and cut every connection; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._server.shutdown()
        self._thread.join()
        self._connections.cut()


class _Connections:
    """The sockets that are open just now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def discard(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def cut(self) -> None:
        """Shut every open socket down; its own thread then closes it."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was quicker


def _listen(name: str, port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1, or an IndexerError that names the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as exc:
        listener.close()
        raise IndexerError(
            "The sandbox could not listen",
            f"{name} on {HOST}:{port}: {exc.strerror}.",
            "Choose another port, or 0 for any free one.",
        ) from exc
    return listener


def _threaded_server(app: WSGIApp, listener: socket.socket) -> tuple[ThreadedWSGIServer, _Connections]:
    """werkzeug's threaded server on a socket that listens already, quiet and with its connections known."""
    try:
        from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
    except ImportError as exc:
        raise missing_extra("werkzeug") from exc

    connections = _Connections()

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
            """Say nothing: the request log is the record."""

        def connection_dropped(self, error: BaseException, environ: Environ | None = None) -> None:
            """A client that went away is no event."""

    class Server(ThreadedWSGIServer):
        def process_request(self, request: Any, client_address: Any) -> None:
            connections.add(request)
            super().process_request(request, client_address)

        def shutdown_request(self, request: Any) -> None:
            connections.discard(request)
            super().shutdown_request(request)

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Nothing: the connection broke outside the application."""

    host, port = listener.getsockname()[:2]
    return Server(host, port, app, Handler, fd=listener.fileno()), connections


def missing_extra(package: str) -> IndexerError:
    """The error for a package of the `sandbox` extra that is not installed."""
    return IndexerError("The sandbox is not installed", f"{package} is missing.", MISSING_EXTRA_HINT)
