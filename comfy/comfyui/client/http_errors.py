"""Errors for HTTP answers that are refusals, in sentences for users. No sockets here.

Explain why a server can't be reached, from the errors of sockets, TLS and proxies.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from urllib3.exceptions import ConnectTimeoutError, ProxyError, ProxySchemeUnknown

from comfy.base.errors import PromptRejected, ServerError, ServerUnreachable, UploadRejected
from comfy.base.messages import message
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.protocol.execution_errors import without_folders
from comfy.comfyui.protocol.responses import rejection

CHECK = message(
    "Check that ComfyUI is running and that the address is right, including http:// or https://."
)
# The administrator's errors: only the sentence around these reasons is translated.
_PROXY_LOGIN = (
    "the proxy in front of it requires a sign-in",
    "Add the name and password to HTTP_PROXY or HTTPS_PROXY where this app was started.",
)
_CHECK_PROXY = "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY where this app was started."
_NOT_NOW = (
    "its certificate isn't valid now",
    "Renew it, or check the clocks of both machines.",
)
_ANOTHER = (
    "its certificate is for another address",
    "Use the host name that the certificate is for.",
)
# OpenSSL's X509_V_ERR_… -> (reason, hint)
_CERTIFICATE: Mapping[int, tuple[str, str]] = MappingProxyType(
    {9: _NOT_NOW, 10: _NOT_NOW, 62: _ANOTHER, 64: _ANOTHER}
)
_NOT_TRUSTED = (
    "its certificate is not trusted",
    "Name its CA certificate: --server-ca FILE.",
)
# OpenSSL's reasons if the peer doesn't speak TLS; the names differ between versions.
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_MIB = 1024 * 1024
_CHECK_LOGIN = "Check the values of --server, --server-token and --server-header."
_REDIRECT = ("it redirects to another address", "Set --server to the address it redirects to.")
_NO_WAY = ("the proxy in front of it cannot reach it", CHECK)
_LOGIN_REFUSED = ("it rejected the sign-in", _CHECK_LOGIN)
# status -> (reason, hint). 403: docs/comfyui.md#13.
_REASONS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        301: _REDIRECT,
        302: _REDIRECT,
        303: _REDIRECT,
        307: _REDIRECT,
        308: _REDIRECT,
        401: ("it requires a sign-in", _CHECK_LOGIN),
        403: (
            "it refuses requests from here",
            "A proxy in front of it may change the host or require a sign-in.",
        ),
        407: _PROXY_LOGIN,
        502: _NO_WAY,
        504: _NO_WAY,
    }
)
TOO_LARGE = (
    message("This is larger than the server accepts."),
    message("Send smaller files or shorter texts, or raise the server's --max-upload-size."),
)
# Handshake refusals that usually come from a proxy or the login, with a more specific message.
_OF_THE_WAY = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 502, 503, 504})
_MOST_WORDS = 1_000  # characters of a server's message about a prompt
_FILE_REFUSED = (
    message("The server rejected the file."),
    message("Use a simple file name without folders, and save the file as PNG or JPEG."),
)
UPLOAD_REFUSED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {400: _FILE_REFUSED, 403: _FILE_REFUSED, 413: TOO_LARGE}
)
# error.type of a refused prompt -> (sentence, hint). For other types, the server's own message is
# shown.
_REJECTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "prompt_outputs_failed_validation": (
            message("Some settings don't work on this server."),
            message("Check the highlighted fields."),
        ),
        "prompt_no_outputs": (
            message("This workflow has no node that saves or shows a result."),
            message("Add a node such as Save Image."),
        ),
        "no_prompt": (
            "The request holds no workflow.",
            "Save it again in API format.",
        ),
    }
)
_CANNOT_RUN_HINT = message("Ask the administrator, or use another workflow.")


def _not_reached(name: str, why: str) -> str:
    """Return the sentence that names the reason, in English, why the server can't be reached."""
    return message("{server} cannot be reached: {why}.", server=name, why=why)


def unreachable(error: BaseException, name: str) -> ServerUnreachable:
    """Return the error for an unanswered call. `name` is the server's name in the sentence."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code):
                why, hint = _CERTIFICATE.get(code, _NOT_TRUSTED)
                return ServerUnreachable(_not_reached(name, why), hint, passing=False)
            case ssl.SSLError(reason=str(reason)) if reason in _NO_TLS:
                sentence = _not_reached(name, "it does not speak TLS")
                return ServerUnreachable(sentence, CHECK, passing=False)
            case ProxySchemeUnknown():
                sentence = _not_reached(name, "the proxy in front of it has an unknown type")
                return ServerUnreachable(sentence, _CHECK_PROXY, passing=False)
            case OSError() if refused := _TUNNEL.search(str(cause)):
                return _refused_by_proxy(int(refused[1]), name)
    for cause in causes:
        match cause:
            case ProxyError():
                sentence = _not_reached(name, "nothing answers at the proxy in front of it")
                return ServerUnreachable(sentence, _CHECK_PROXY)
            case socket.gaierror():
                sentence = _not_reached(name, "there is no host of that name")
                return ServerUnreachable(sentence, CHECK)
            case ConnectionRefusedError():
                return ServerUnreachable(
                    message("Can't reach {server}: nothing responds at this address.", server=name),
                    CHECK,
                )
            case ConnectTimeoutError():
                return ServerUnreachable(
                    message("Can't reach {server}: nothing responds at this address.", server=name),
                    CHECK,
                )
            case TimeoutError():
                return ServerUnreachable(
                    message("{server} took too long to answer.", server=name),
                    message("Try again in a moment."),
                )
    return ServerUnreachable(message("Can't reach {server}.", server=name), CHECK)


def _refused_by_proxy(status: int, name: str) -> ServerUnreachable:
    if status == 407:
        why, hint = _PROXY_LOGIN
        return ServerUnreachable(_not_reached(name, why), hint, passing=False)
    sentence = _not_reached(name, f"the proxy in front of it refused the connection ({status})")
    return ServerUnreachable(sentence, _CHECK_PROXY, passing=status >= 500)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        cause = left.pop()
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            left += [cause.__context__, cause.__cause__]


def upload_too_large(size: int, most: int) -> UploadRejected:
    """Return the error for an upload of `size` bytes to a server with the limit `most`."""
    sentence = message(
        "This file is {size}\xa0MB. The maximum is {most}\xa0MB.",
        size=-(-size // _MIB),
        most=most // _MIB,
    )
    return UploadRejected(sentence, UPLOAD_REFUSED[413][1])


def unexpected(status: int, server: ServerAddress) -> ServerError:
    """Return the error for an HTTP answer that isn't a success. 413: docs/comfyui.md#23."""
    name = server.name
    if server.headers and status in (401, 403):
        why, hint = _LOGIN_REFUSED
        sentence = _not_reached(name, why)
    elif status in _REASONS:
        why, hint = _REASONS[status]
        sentence = _not_reached(name, why)
    elif status == 413:
        sentence, hint = TOO_LARGE
    elif status == 503:
        sentence = message("{server} is not ready.", server=name)
        hint = message("Try again in a moment.")
    else:
        sentence = message("{server} answered with error {status}.", server=name, status=status)
        hint = CHECK if status in (400, 404) else "Check the server's log and try again."
    return ServerError(sentence, hint, status=status)


def socket_refused(status: int, server: ServerAddress) -> ServerError:
    if status in _OF_THE_WAY:
        return unexpected(status, server)
    why = f"it refused the connection for progress and previews ({status})"
    hint = (
        "Check that this is a ComfyUI server, and that a proxy in front of it"
        " lets WebSockets through."
    )
    return ServerError(_not_reached(server.name, why), hint, status=status)


def rejected(answer: object) -> PromptRejected:
    """Return the error for the status 400 of `POST /prompt`."""
    type_, server_message, details, node_errors = rejection(answer)
    known = _REJECTED.get(type_)
    sentence, hint = known or (_cannot_run(server_message, details), _CANNOT_RUN_HINT)
    return PromptRejected(sentence, hint, node_errors=node_errors)


def _cannot_run(server_message: str, details: str) -> str:
    """Return a message with the server's own words, if it gave any."""
    server_message, details = server_message[:_MOST_WORDS].rstrip("."), details[:_MOST_WORDS]
    why = without_folders(
        f"{server_message} ({details})" if server_message and details else server_message or details
    )
    if why:
        return message("This workflow can't run here: {why}.", why=why)
    return message("This workflow can't run here.")
