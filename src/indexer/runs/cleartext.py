"""What crosses a network unencrypted, said before it does."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from indexer.runs.credentials import Credentials

LOCAL = ("localhost", "ip6-localhost", "localhost.localdomain")
ENCRYPTED = ("tls", "ssl")


def cleartext(
    credentials: Credentials, tls_ca_file: str | None, s3_endpoint: str, gateway: str | None = None
) -> Iterator[str]:
    """A warning for each system that is asked in the clear and is not on this machine."""
    from indexer.systems.checks_network import host_of

    if credentials.docdb_uri is not None:
        yield from _docdb_in_the_clear(credentials.docdb_uri, tls_ca_file)
    web = [("S3", "what is read and written, and a session's token", s3_endpoint, "its endpoint")]
    if gateway is not None:
        web.append(("DocDB's gateway", "and changes records", gateway, "`docdb.url`"))
    if credentials.codeocean is not None:
        domain = credentials.codeocean.domain
        web.append(("Code Ocean", "the token", domain, "`codeocean.domain`"))
    for system, what, url, setting in web:
        host, _, secure = host_of(url)
        if not secure and not _here(host):
            yield f"{system} at {host} is asked in the clear: whoever is on the way reads {what}. Write https:// in {setting}."


def _docdb_in_the_clear(uri: str, tls_ca_file: str | None) -> Iterator[str]:
    from indexer.systems.docdb_uri import parsed_uri

    parsed = parsed_uri(uri)
    encrypted = tls_ca_file is not None or any(
        str(parsed["options"].get(one)).lower() == "true" for one in ENCRYPTED
    )
    hosts = [str(host) for host, _ in parsed["nodelist"]]
    if not encrypted and (away := [one for one in hosts if not _here(one)]):
        hint = "Set `docdb.tls_ca_file`, or tls=true in its URI."
        yield f"DocDB at {away[0]} is asked without TLS: whoever is on the way reads and changes records. {hint}"


def _here(host: str) -> bool:
    """Is it this machine, by an address or a usual name, or by a socket's path?"""
    if host in LOCAL or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
