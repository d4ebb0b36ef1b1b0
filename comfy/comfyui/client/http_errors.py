"""HTTP answers that are refusals, in sentences for the person. No sockets here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from comfy.base.errors import PromptRejected, ServerError, UploadRejected
from comfy.base.messages import message
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.protocol.execution_errors import without_folders
from comfy.comfyui.protocol.responses import rejection

_MIB = 1024 * 1024
_Refusal = tuple[Callable[[str], str], str]

_LOGIN_HINT = message(
    "Start this app with --server-token, --server-header, or a name and password in --server."
)
_OTHER_LOGIN_HINT = message("Check what --server, --server-token and --server-header give.")
_REDIRECT: _Refusal = (
    lambda name: message("{server} sends us to another address.", server=name),
    message("Give --server the address to which it leads."),
)

# status -> (message for a server's name, hint). 403: docs/comfyui.md#13, 413: docs/comfyui.md#23.
_STATUS: Mapping[int, _Refusal] = MappingProxyType(
    {
        301: _REDIRECT,
        302: _REDIRECT,
        303: _REDIRECT,
        307: _REDIRECT,
        308: _REDIRECT,
        400: (
            lambda name: message("{server} didn't understand the request.", server=name),
            message("If it wants TLS, write its address with https://."),
        ),
        401: (
            lambda name: message("{server} asks for a user name and password.", server=name),
            _LOGIN_HINT,
        ),
        403: (
            lambda name: message("{server} refuses requests from here.", server=name),
            message(
                "ComfyUI answers so when a proxy before it changes the host. If that asks for a"
                " login: {hint}",
                hint=_LOGIN_HINT,
            ),
        ),
        404: (
            lambda name: message("{server} doesn't know this address.", server=name),
            message("Check that this is the address of a ComfyUI server."),
        ),
        407: (
            lambda name: message("The proxy before {server} asks for a login.", server=name),
            message("Put name and password into HTTP_PROXY or HTTPS_PROXY."),
        ),
        413: (
            lambda name: message("That's more than {server} accepts.", server=name),
            message("Send smaller files, or raise its --max-upload-size."),
        ),
        502: (
            lambda name: message("The proxy in front of {server} cannot reach it.", server=name),
            message("Check that ComfyUI is running; try again."),
        ),
        503: (
            lambda name: message("{server} is not ready.", server=name),
            message("Try again in a moment."),
        ),
        504: (
            lambda name: message(
                "The proxy in front of {server} got no answer from it.", server=name
            ),
            message("Try again in a moment."),
        ),
    }
)
# With a login sent along.
_LOGIN_REFUSED: Mapping[int, _Refusal] = MappingProxyType(
    {
        401: (
            lambda name: message("{server} rejected the login.", server=name),
            _OTHER_LOGIN_HINT,
        ),
        403: (
            lambda name: message("{server} doesn't allow this with that login.", server=name),
            _OTHER_LOGIN_HINT,
        ),
    }
)
# Handshake refusals by a proxy with a more specific message.
_OF_THE_WAY = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 502, 503, 504})
_MOST_WORDS = 1_000  # characters of what a server says of a prompt
PROMPT_TOO_LARGE = (
    message("The workflow is larger than the server accepts."),
    message("Make its texts shorter, or raise the server's --max-upload-size."),
)
UPLOAD_REFUSED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: (
            message("The server rejected the file."),
            message("Give it a plain name and send it as PNG or JPEG."),
        ),
        403: (
            message("The server doesn't allow files there."),
            message("Give it a plain name without folders."),
        ),
        413: (
            message("The file is larger than the server accepts."),
            message("Send a smaller one, or raise its --max-upload-size."),
        ),
    }
)


def upload_too_large(size: int, most: int) -> UploadRejected:
    """The error for an upload of `size` bytes to a server that takes `most`."""
    said = message(
        "This file has {size}\xa0MB. The server accepts {most}\xa0MB.",
        size=-(-size // _MIB),
        most=most // _MIB,
    )
    return UploadRejected(said, UPLOAD_REFUSED[413][1])


def unexpected(status: int, server: ServerAddress) -> ServerError:
    """The error for an HTTP answer that is not a success."""
    otherwise: _Refusal = (
        lambda name: message("{server} answered with error {status}.", server=name, status=status),
        message("Check the server's log and try again."),
    )
    said, hint = _STATUS.get(status, otherwise)
    if server.headers:
        said, hint = _LOGIN_REFUSED.get(status, (said, hint))
    return ServerError(said(server.name), hint, status=status)


def socket_refused(status: int, server: ServerAddress) -> ServerError:
    """The error for the answer to a WebSocket handshake that opens none."""
    if status in _OF_THE_WAY:
        return unexpected(status, server)
    return ServerError(
        message(
            "{server} refused the connection for progress and previews ({status}).",
            server=server.name,
            status=status,
        ),
        message(
            "Check that this is a ComfyUI server, and that a proxy in front of it"
            " lets WebSockets through."
        ),
        status=status,
    )


# error.type of a refused prompt -> (sentence, hint); where it is not here the server's own message
# is shown.
_REJECTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "prompt_outputs_failed_validation": (
            message("The server rejected some settings."),
            message("Fix the highlighted fields."),
        ),
        "prompt_no_outputs": (
            message("This workflow has no node that saves or shows a result."),
            message("Add a node such as Save Image."),
        ),
        "no_prompt": (
            message("The request holds no workflow."),
            message("Save it again in API format."),
        ),
    }
)


_CANNOT_RUN_HINT = message("Install the missing parts on the server, or use another workflow.")


def rejected(answer: object) -> PromptRejected:
    """The error for the 400 of `POST /prompt`."""
    type_, told, details, node_errors = rejection(answer)
    known = _REJECTED.get(type_)
    sentence, hint = known or (_cannot_run(told, details), _CANNOT_RUN_HINT)
    return PromptRejected(sentence, hint, node_errors=node_errors)


def _cannot_run(told: str, details: str) -> str:
    """With the server's own words, as far as it has any."""
    told, details = told[:_MOST_WORDS].rstrip("."), details[:_MOST_WORDS]
    why = without_folders(f"{told} ({details})" if told and details else told or details)
    if why:
        return message("This workflow can't run here: {why}.", why=why)
    return message("This workflow can't run here, and the server gave no reason.")
