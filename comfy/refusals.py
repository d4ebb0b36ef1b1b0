"""HTTP answers that are refusals, in sentences for the person. No sockets here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from comfy.answers import rejection
from comfy.errors import PromptRejected, ServerError

__all__ = ["PROMPT_TOO_LARGE", "UPLOAD_REFUSED", "rejected", "unexpected"]

# status -> (sentence, hint)
_STATUS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        401: ("The server asks for a login.", "ComfyUI itself has none: something in front of it wants a password."),
        403: (
            "The server refuses requests from here.",
            "ComfyUI answers so when a proxy in front of it changes the host; or something in front asks for a login.",
        ),
        404: ("The server does not know this address.", "Check that this is the address of a ComfyUI server."),
        413: ("This is more than the server accepts at once.", "Send smaller files, or raise its --max-upload-size."),
        502: ("The proxy in front of the server cannot reach it.", "Check that ComfyUI is running; try again."),
        503: ("The server is not ready.", "Try again in a moment."),
        504: ("The proxy in front of the server got no answer from it.", "Try again in a moment."),
    }
)
PROMPT_TOO_LARGE = (
    "The workflow is larger than the server accepts.",
    "Make its texts shorter, or raise the server's --max-upload-size.",
)
UPLOAD_REFUSED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("The server did not accept the file.", "Give it a plain name and send it as PNG or JPEG."),
        403: ("The server did not allow a file to be kept there.", "Give it a plain name without folders."),
        413: ("The file is larger than the server accepts.", "Send a smaller one, or raise its --max-upload-size."),
    }
)


def unexpected(status: int, url: str) -> ServerError:
    """The error for an HTTP answer that is not a success."""
    sentence, hint = _STATUS.get(
        status, (f"The server at {url} answered with error {status}.", "Look into the server's log; try again.")
    )
    return ServerError(sentence, hint, status=status)


# error.type of a refused prompt -> (sentence, hint); where it is not here the server's own message is shown.
_REJECTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "prompt_outputs_failed_validation": (
            "The server did not accept some values of this workflow.",
            "Correct the marked fields.",
        ),
        "prompt_no_outputs": (
            "This workflow makes nothing: it has no node that saves or shows a result.",
            "Add a node such as Save Image.",
        ),
        "no_prompt": ("There is no workflow in the request.", "Save it again in API format."),
    }
)


def rejected(answer: object) -> PromptRejected:
    """The error for the 400 of ``POST /prompt``."""
    type_, message, details, node_errors = rejection(answer)
    sentence, hint = _REJECTED.get(type_, ("", ""))
    if not sentence:
        told = message.rstrip(".") or "no reason given"
        sentence = f"The server did not accept this workflow: {told}{f' ({details})' if details else ''}."
        hint = "Install what is missing on the server, or use another workflow."
    return PromptRejected(sentence, hint, node_errors=node_errors)
