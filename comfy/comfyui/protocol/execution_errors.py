"""Explain execution errors to users: convert exception type and message (docs/comfyui.md#21) to a
sentence and a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from comfy.base.messages import message

# An absolute path, with spaces only between quotes. Excludes URLs, markup and a single name after a
# slash.
_ROOT = r"""(?:/[^\s'"/<>]+/|[A-Za-z]:[\\/]|\\\\)"""
_PATH = re.compile(
    rf"""(?<=['"]){_ROOT}[^'"<>\n]*(?=['"])""" rf"""|(?<![\w/:.\\<]){_ROOT}[^\s'",;)<>]*"""
)
_OTHERWISE = message("A step in the workflow failed.")
_OTHERWISE_HINT = message("Check its settings, or send the technical details to the administrator.")
# Maximum lengths of an error that is read and stored: it may repeat any text that a visitor sent.
_MOST_READ, _MOST_KEPT = 2_000, 4_000  # characters


@dataclass(frozen=True, slots=True)
class _Rule:
    """Sentence and hint for errors with one of these phrases. Each phrase is a sequence of parts in
    this order, in lower case. `of_file`: the cause is a file or model that the node has read."""

    phrases: tuple[tuple[str, ...], ...]
    sentence: str
    hint: str
    of_file: bool = False

    def fits(self, lowered: str) -> bool:
        return any(_has(lowered, parts) for parts in self.phrases)


def _rule(phrases: str, sentence: str, hint: str, *, of_file: bool = False) -> _Rule:
    """Return a rule. `phrases`: one per line; `…` stands for any text between two parts."""
    lines = (line.lstrip() for line in phrases.strip("\n").splitlines())
    parts = tuple(tuple(line.split("…")) for line in lines if line)
    return _Rule(parts, sentence, hint, of_file)


# Checked in this order against "exception_type: exception_message" in lower case. Not regular
# expressions, since visitors, nodes and the server control that text.
_RULES = (
    _rule(
        """
        payment required
        add credits
        insufficient credits
        not enough credits
        """,
        message("This workflow uses a paid node and the server's account is out of credits."),
        message("Ask the administrator, or use another workflow."),
    ),
    _rule(
        """
        unauthorized: please login
        unauthorized: please log in
        please login first
        please log in first
        """,
        message(
            "This workflow uses a paid node and the server isn't signed in to a Comfy account."
        ),
        message("Ask the administrator, or use another workflow."),
    ),
    _rule(
        """
        rate limit exceeded
        too many requests
        """,
        message("A service this workflow uses is over its request limit."),
        message("Try again later."),
    ),
    _rule(
        """
        outofmemory
        out of memory
        cudnn_status_alloc_failed
        not enough memory
        defaultcpuallocator
        """,
        message("The server ran out of memory."),
        message("Try a smaller size, fewer images per run or a smaller model."),
    ),
    _rule(
        """
        safetensorerror
        deserializing header
        is not a checkpoint
        unpicklingerror
        invalid load key
        pytorchstreamreader
        central directory
        """,
        message("The model file on the server is damaged or isn't a model."),
        message("Choose another model, or ask the administrator to download it again."),
        of_file=True,
    ),
    _rule(
        """
        could not detect model type
        error: …checkpoint… invalid
        error: …unet… invalid
        error: …clip… invalid
        error: …vae… invalid
        clip input is invalid
        """,
        message("The model file doesn't contain what this workflow needs."),
        message(
            "Choose a model made for this workflow. Some checkpoints don't include a text"
            " encoder or VAE."
        ),
        of_file=True,
    ),
    _rule(
        """
        unidentifiedimageerror
        cannot identify image
        image file is truncated
        decompressionbomb
        broken data stream
        """,
        message("The server couldn't read the image."),
        message("Save it as PNG or JPEG and try again."),
        of_file=True,
    ),
    _rule(
        """
        no space left
        errno 28
        disk quota
        """,
        message("The server's disk is full."),
        message("Tell the administrator, then try again."),
    ),
    _rule(
        """
        permissionerror
        errno 13
        """,
        message("The server doesn't have permission to read or write one of its files."),
        message("Tell the administrator, then try again."),
    ),
    _rule(
        """
        filenotfounderror
        no such file
        errno 2]
        model … not found
        not found in
        """,
        message("The server is missing a file this workflow needs."),
        message("Check the model and your files. Press Reload models if files were moved."),
        of_file=True,
    ),
    _rule(
        """
        size mismatch
        shapes cannot be multiplied
        must match the size of tensor
        sizes of tensors must match
        expected … channels
        given groups=
        """,
        message("Two parts of the workflow don't fit together."),
        message(
            "Don't mix models of different families (SD1.5, SDXL, Flux …) or images of different"
            " sizes."
        ),
    ),
    _rule(
        """
        mixed dtype
        expected scalar type
        not implemented for 'half'
        not implemented for 'bfloat16'
        not implemented for 'float8
        same dtype
        dtype mismatch
        """,
        message("The server's hardware doesn't support this model's number format."),
        message(
            "Choose another variant of the model, or another precision where the"
            " workflow offers one."
        ),
    ),
    _rule(
        """
        cuda error
        hip error
        cudaerror
        device-side assert
        nvml
        no cuda gpus
        mps backend
        """,
        message("The server's graphics card reported an error."),
        message("Try again. If the error returns, ask the administrator to restart the server."),
    ),
    _rule(
        """
        connectionerror
        timeouterror
        timed out
        max retries
        name or service not known
        httperror
        """,
        message("A step in the workflow couldn't reach a network service."),
        message("Tell the administrator, then try again."),
    ),
    _rule(
        """
        modulenotfounderror
        importerror
        no module named
        """,
        message("Software for this workflow is missing on the server."),
        message("Ask the administrator, or use another workflow."),
    ),
)


def explain(exception_type: str, exception_message: str) -> tuple[str, str]:
    """Return a sentence and a hint for an exception in a node, from `execution_error` or from
    history."""
    rule = _rule_for(f"{exception_type[:_MOST_READ]}: {exception_message[:_MOST_READ]}")
    return (rule.sentence, rule.hint) if rule else (_OTHERWISE, _OTHERWISE_HINT)


def cause(detail: str) -> Literal["file", "other", "unknown"]:
    """Return what an error with these technical details is about: a file or model that the node has
    read, another known problem, or unknown."""
    rule = _rule_for(detail[:_MOST_READ])
    return "unknown" if rule is None else "file" if rule.of_file else "other"


def _rule_for(text: str) -> _Rule | None:
    lowered = text.lower()
    return next((rule for rule in _RULES if rule.fits(lowered)), None)


def details(exception_type: str, exception_message: str) -> str:
    """Return the server's technical details, cut to the stored length."""
    parts = (exception_type[:_MOST_READ], exception_message[:_MOST_KEPT])
    return without_folders(": ".join(filter(None, parts)))[:_MOST_KEPT]


def without_folders(text: str) -> str:
    """Return the server's own words without the folders of its machine, which may contain account
    names. File names stay."""
    return _PATH.sub(lambda found: _last_part(found[0]), text)


def _has(text: str, parts: tuple[str, ...]) -> bool:
    start = 0
    for part in parts:
        index = text.find(part, start)
        if index < 0:
            return False
        start = index + len(part)
    return True


def _last_part(path: str) -> str:
    name = path.replace("\\", "/").rpartition("/")[2]
    return f"…/{name}" if "." in name[1:] else "…"
