"""Does a host have an address, does it answer, and is its certificate accepted?"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from indexer.model.check import Check, CheckName

TIMEOUT_S = 10.0
"""For the connection, and for each answer of the handshake."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where a system is, and what to do where it is not."""

    check: CheckName
    name: str
    port: int
    tls: Callable[[], ssl.SSLContext] | None
    """Makes what judges the certificate; None: the connection is plain."""
    setting: str
    """What to correct where it does not answer: a hint."""
    secure: str
    """How to encrypt a plain connection: a hint."""

    @property
    def about(self) -> str:
        """Host and port."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def host_of(url: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS is spoken, of an `http` or `https` URL. Raises ValueError."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return parts.hostname or "", parts.port or (443 if secure else 80), secure


def proxied(url: str) -> bool:
    """Does the environment send requests to this URL through a proxy?"""
    parts = urlsplit(url)
    proxies = getproxies()
    return bool({parts.scheme, "all"} & proxies.keys()) and not proxy_bypass(parts.netloc)


def through_proxy(check: CheckName, url: str) -> Check:
    """The host's check where a proxy stands between: what is behind it shows in the checks that follow."""
    host, port, _ = host_of(url)
    return Check(name=check, about=f"{host}:{port}", status="ok", detail="reached through a proxy")


def check_host(host: Host) -> Check:
    """Resolve, connect and shake hands, and send nothing."""
    try:
        addresses = _addresses(host)
    except (OSError, UnicodeError) as exc:
        return _error(host, f"the name does not resolve: {_reason(exc)}", host.setting)
    try:
        with socket.create_connection((host.name, host.port), TIMEOUT_S) as plain:
            return _greeted(host, plain) if host.tls else _plain(host, addresses)
    except OSError as exc:
        return _error(host, f"resolves to {addresses[0]}, and does not answer: {_reason(exc)}", host.setting)


def _addresses(host: Host) -> list[str]:
    found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _greeted(host: Host, plain: socket.socket) -> Check:
    """The handshake, and what the certificate is worth."""
    try:
        context = host.tls() if host.tls else ssl.create_default_context()
    except OSError as exc:  # an ssl.SSLError is one too
        return _error(host, f"the CA bundle cannot be used: {_reason(exc)}", host.setting)
    try:
        with context.wrap_socket(plain, server_hostname=host.name) as secured:
            version = secured.version()
    except ssl.SSLCertVerificationError as exc:
        hint = f"{host.setting} A certificate of a private CA needs that CA's bundle."
        return _error(host, f"its certificate is refused: {exc.verify_message}", hint)
    except OSError as exc:
        return _error(host, f"no TLS connection: {_reason(exc)}", host.setting)
    if context.verify_mode == ssl.CERT_NONE or not context.check_hostname:
        words = f"{version}, and its certificate is not checked in full"
        return Check(name=host.check, about=host.about, status="warning", detail=words, hint=host.secure)
    return Check(name=host.check, about=host.about, status="ok", detail=f"{version}, certificate accepted")


def _plain(host: Host, addresses: list[str]) -> Check:
    if all(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in addresses):
        return Check(name=host.check, about=host.about, status="ok", detail="a plain connection, on loopback")
    words = "the connection is not encrypted: passwords and metadata can be read on the way"
    return Check(name=host.check, about=host.about, status="warning", detail=words, hint=host.secure)


def _error(host: Host, detail: str, hint: str) -> Check:
    return Check(name=host.check, about=host.about, status="error", detail=detail, hint=hint)


def _reason(exc: Exception) -> str:
    """The system's words, without its number."""
    return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
