"""Requests to download hosts. Each redirect is checked, and each connection goes to an address that
was checked before, so that a changed DNS answer can't redirect it."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urljoin

import certifi
import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import SSLError as TLSError

from .hosts import HUGGING_FACE, AllowedHosts, HostOrigin, split_address
from .problems import DownloadProblem, DownloadRefused, HostUnreachable

_CONNECT_SECONDS, _SILENT_SECONDS = 10.0, 30.0
_MOST_REDIRECTS = 6
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_PAUSE = 300.0  # seconds
_AGENT = "comfyforms"


@contextmanager
def open_download(
    method: str, url: str, hosts: AllowedHosts, *, token: str = "", headers: Mapping[str, str]
) -> Iterator[tuple[urllib3.BaseHTTPResponse, Mapping[str, str]]]:
    """Yield the final response, its body unread, and the headers of all responses: Hugging Face
    describes the file in a redirect. `token`: sent to Hugging Face only, and not to its storage
    hosts.

    Raises DownloadRefused for a forbidden address, HostUnreachable for temporary failures, and
    DownloadProblem for other answers than a success.
    """
    described: dict[str, str] = {}
    for count in range(_MOST_REDIRECTS + 1):
        origin = hosts.check(url, redirected=count > 0)
        sent = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
        if token and origin == HostOrigin("https", HUGGING_FACE, 443):
            sent["Authorization"] = f"Bearer {token}"
        with _asked(method, url, origin, hosts, sent) as response:
            described |= {name.lower(): value for name, value in response.headers.items()}
            if response.status not in _REDIRECTS:
                _check(response, origin)
                yield response, described
                return
            url = urljoin(url, response.headers.get("location", ""))
    raise DownloadRefused("The download is redirected too often.")


@contextmanager
def _asked(
    method: str, url: str, origin: HostOrigin, hosts: AllowedHosts, headers: Mapping[str, str]
) -> Iterator[urllib3.BaseHTTPResponse]:
    _, path = split_address(url)
    with _translated(origin):
        pool = _pool(origin, _checked_address(origin, hosts))
        try:
            response = pool.urlopen(
                method,
                path,
                headers={**headers, "Host": origin.host_header},
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                yield response
            finally:
                response.close()
        finally:
            pool.close()


@contextmanager
def _translated(origin: HostOrigin) -> Iterator[None]:
    """Convert the errors of connections to HostUnreachable."""
    try:
        yield
    except (HTTPError, ssl.SSLError, ConnectionError, TimeoutError) as error:
        is_tls = isinstance(error, ssl.SSLError | TLSError)
        why = "Its certificate isn't valid." if is_tls else "The connection failed."
        raise HostUnreachable(f"Can't download from {origin.host}. {why}") from error


def _checked_address(origin: HostOrigin, hosts: AllowedHosts) -> str:
    """Return the first address of a host that a connection may use. Raises DownloadRefused, and
    HostUnreachable if the name is unknown."""
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostUnreachable(f"The name {origin.host} is unknown to this server.") from error
    addresses = [str(sockaddr[0]) for *_, sockaddr in found]
    usable = [address for address in addresses if hosts.usable(origin, address)]
    if not usable:
        raise DownloadRefused(f"{origin.host} is an address of a private network.")
    # Prefer IPv4: there is no fallback, and many servers have no route for IPv6.
    return min(usable, key=lambda address: ":" in address)


def _pool(origin: HostOrigin, address: str) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_SILENT_SECONDS)
    if origin.scheme == "http":
        return urllib3.HTTPConnectionPool(
            address, origin.port, timeout=timeout, retries=False, maxsize=1
        )
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
    return urllib3.HTTPSConnectionPool(
        address,
        origin.port,
        timeout=timeout,
        retries=False,
        maxsize=1,
        ssl_context=context,
        server_hostname=origin.host,
        assert_hostname=origin.host,
    )


def _check(response: urllib3.BaseHTTPResponse, origin: HostOrigin) -> None:
    """Raise the error for an answer that isn't a success."""
    status = response.status
    if status in (200, 206, 416):
        return
    if status in _LATER:
        raise HostUnreachable(
            f"{origin.host} is overloaded or has an internal error (status {status}).",
            _pause(response.headers.get("retry-after", "")),
        )
    if status in (401, 403):
        raise DownloadProblem(
            f"{origin.host} requires permission for this file. Accept its license on the license"
            " page, and set COMFYFORMS_HUGGINGFACE_TOKEN to a token of that account."
            if origin.host == HUGGING_FACE
            else f"{origin.host} requires permission for this file. Download it yourself."
        )
    if status in (404, 410):
        raise DownloadProblem(f"{origin.host} doesn't have this file anymore.")
    raise DownloadProblem(f"{origin.host} answered with status {status}.")


def _pause(text: str) -> float:
    return min(float(text), _LONGEST_PAUSE) if text.isascii() and text.isdigit() else 0.0
