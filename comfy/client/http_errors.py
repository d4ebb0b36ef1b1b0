"""HTTP answers that are refusals, in sentences for the person. No sockets here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from comfy.client.address import ServerAddress
from comfy.errors import PromptRejected, ServerError
from comfy.protocol.execution_errors import without_folders
from comfy.protocol.responses import rejection

_LOGIN_HINT = (
    "Start this app with --server-token, --server-header, or a name and password in --server."
)
_OTHER_LOGIN_HINT = "Check what --server, --server-token and --server-header give."
_REDIRECT = ("{name} sends us to another address.", "Give --server the address to which it leads.")

# status -> (sentence, hint); what stands in braces is what a sentence calls the server.
# 403: docs/comfyui.md#13, 413: docs/comfyui.md#23.
_STATUS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        301: _REDIRECT,
        302: _REDIRECT,
        303: _REDIRECT,
        307: _REDIRECT,
        308: _REDIRECT,
        400: (
            "{name} didn't understand the request.",
            "If it wants TLS, write its address with https://.",
        ),
        401: ("{name} asks for a login.", _LOGIN_HINT),
        403: (
            "{name} refuses requests from here.",
            (
                "ComfyUI answers so when a proxy before it changes the host. If that asks for a"
                f" login: {_LOGIN_HINT}"
            ),
        ),
        404: (
            "{name} doesn't know this address.",
            "Check that this is the address of a ComfyUI server.",
        ),
        407: (
            "The proxy before {name} asks for a login.",
            "Put name and password into HTTP_PROXY or HTTPS_PROXY.",
        ),
        413: (
            "That's more than {name} accepts.",
            "Send smaller files, or raise its --max-upload-size.",
        ),
        502: (
            "The proxy in front of {name} cannot reach it.",
            "Check that ComfyUI is running; try again.",
        ),
        503: ("{name} is not ready.", "Try again in a moment."),
        504: ("The proxy in front of {name} got no answer from it.", "Try again in a moment."),
    }
)
# With a login sent along.
_LOGIN_REFUSED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        401: ("{name} rejected the login.", _OTHER_LOGIN_HINT),
        403: ("{name} doesn't allow this with that login.", _OTHER_LOGIN_HINT),
    }
)
# What a handshake is refused with by a proxy that has something else to say than that it is one.
_OF_THE_WAY = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 502, 503, 504})
PROMPT_TOO_LARGE = (
    "The workflow is larger than the server accepts.",
    "Make its texts shorter, or raise the server's --max-upload-size.",
)
UPLOAD_REFUSED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: (
            "The server rejected the file.",
            "Give it a plain name and send it as PNG or JPEG.",
        ),
        403: (
            "The server doesn't allow files there.",
            "Give it a plain name without folders.",
        ),
        413: (
            "The file is larger than the server accepts.",
            "Send a smaller one, or raise its --max-upload-size.",
        ),
    }
)


def unexpected(status: int, server: ServerAddress) -> ServerError:
    """The error for an HTTP answer that is not a success."""
    otherwise = (
        f"{{name}} answered with error {status}.",
        "Check the server's log and try again.",
    )
    sentence, hint = _STATUS.get(status, otherwise)
    if server.headers:
        sentence, hint = _LOGIN_REFUSED.get(status, (sentence, hint))
    return ServerError(sentence.format(name=server.name), hint, status=status)


def socket_refused(status: int, server: ServerAddress) -> ServerError:
    """The error for the answer to a WebSocket handshake that opens none."""
    if status in _OF_THE_WAY:
        return unexpected(status, server)
    return ServerError(
        f"{server.name} refused the connection for progress and previews ({status}).",
        "Check that this is a ComfyUI server, and that a proxy in front of it lets WebSockets"
        " through.",
        status=status,
    )


# error.type of a refused prompt -> (sentence, hint); where it is not here the server's own message
# is shown.
_REJECTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "prompt_outputs_failed_validation": (
            "The server rejected some settings.",
            "Fix the highlighted fields.",
        ),
        "prompt_no_outputs": (
            "This workflow has no node that saves or shows a result.",
            "Add a node such as Save Image.",
        ),
        "no_prompt": ("The request holds no workflow.", "Save it again in API format."),
    }
)


def rejected(answer: object) -> PromptRejected:
    """The error for the 400 of `POST /prompt`."""
    type_, message, details, node_errors = rejection(answer)
    sentence, hint = _REJECTED.get(type_, ("", ""))
    if not sentence:
        told = message.rstrip(".") or "no reason given"
        told = without_folders(f"{told}{f' ({details})' if details else ''}")
        sentence = f"This workflow can't run here: {told}."
        hint = "Install what is missing on the server, or use another workflow."
    return PromptRejected(sentence, hint, node_errors=node_errors)
