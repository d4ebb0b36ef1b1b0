"""What went wrong while a prompt was executed, for the person: exception type and message
(docs/comfyui.md#21) to a sentence and a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass

from comfy.messages import message


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    sentence: str
    hint: str


def _rule(pattern: str, sentence: str, hint: str) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), sentence, hint)


# Read from the top; matched against "exception_type: exception_message".
_RULES = (
    _rule(
        r"Payment Required|add credits|insufficient credits|not enough credits",
        message("This workflow uses a paid node and the server's account is out of credits."),
        message("Ask your admin to add credits, or use another workflow."),
    ),
    _rule(
        r"Unauthorized: Please log ?in|please log ?in first",
        message(
            "This workflow uses a paid node and the server isn't logged in to a Comfy account."
        ),
        message("Ask your admin to log in or add an API key, or use another workflow."),
    ),
    _rule(
        r"Rate Limit Exceeded|Too Many Requests",
        message("A service this workflow uses takes no more requests right now."),
        message("Wait a little, then run it again."),
    ),
    _rule(
        r"OutOfMemory|out of memory|CUDNN_STATUS_ALLOC_FAILED|not enough"
        r" memory|DefaultCPUAllocator",
        message("The server ran out of memory."),
        message("Try a smaller size, fewer images per run or a smaller model."),
    ),
    _rule(
        r"SafetensorError|deserializing header|is no checkpoint|UnpicklingError|invalid load key"
        r"|PytorchStreamReader|central directory",
        message("The model file on the server is damaged or isn't a model."),
        message("Choose another model, or ask your admin to download it again."),
    ),
    _rule(
        r"could not detect model type|ERROR: .*(checkpoint|unet|clip|vae).* (is )?invalid|clip"
        r" input is invalid",
        message("The model file doesn't contain what this workflow needs."),
        message(
            "Choose a model made for this workflow; some checkpoints come without a"
            " text encoder or VAE."
        ),
    ),
    _rule(
        r"UnidentifiedImageError|cannot identify image|image file is"
        r" truncated|DecompressionBomb|broken data stream",
        message("The server couldn't read the image."),
        message("Save it as PNG or JPEG and try again."),
    ),
    _rule(
        r"No space left|Errno 28|disk quota",
        message("The server's disk is full."),
        message("Free some space on the server, then run this again."),
    ),
    _rule(
        r"PermissionError|Errno 13",
        message("The server wasn't allowed to read or write one of its files."),
        message("Check the file permissions on the server."),
    ),
    _rule(
        r"FileNotFoundError|No such file|Errno 2\b|Model .* not found|not found in",
        message("The server is missing a file this workflow needs."),
        message("Check the model and your files. Press Reload models if files were moved."),
    ),
    _rule(
        r"size mismatch|shapes cannot be multiplied|must match the size of tensor|Sizes of tensors"
        r" must match"
        r"|expected .* channels|Given groups=",
        message("Two parts of the workflow don't fit together."),
        message(
            "Often models of different families are mixed (SD1.5, SDXL, Flux …), or"
            " images of different sizes."
        ),
    ),
    _rule(
        r"mixed dtype|expected scalar type|not implemented for '(Half|BFloat16|Float8\w*)'|same"
        r" dtype|dtype mismatch",
        message("The model's number format doesn't work on the server's hardware."),
        message(
            "Choose another variant of the model, or another precision where the"
            " workflow offers one."
        ),
    ),
    _rule(
        r"CUDA error|HIP error|cudaError|device-side assert|NVML|No CUDA GPUs|MPS backend",
        message("The server's graphics card reported an error."),
        message("Try again. If the error comes back, the server needs a restart."),
    ),
    _rule(
        r"ConnectionError|TimeoutError|timed out|Max retries|Name or service not known|HTTPError",
        message("A step in the workflow couldn't reach something on the network."),
        message("Check the server's network connection, then run this again."),
    ),
    _rule(
        r"ModuleNotFoundError|ImportError|No module named",
        message("Software for this workflow is missing on the server."),
        message("Install the missing package on the server, or use another workflow."),
    ),
)

# An absolute path, with spaces only between quotes; neither an address nor mark-up nor a single
# name after a slash.
_ROOT = r"""(?:/[^\s'"/<>]+/|[A-Za-z]:[\\/]|\\\\)"""
_PATH = re.compile(
    rf"""(?<=['"]){_ROOT}[^'"<>\n]*(?=['"])""" rf"""|(?<![\w/:.\\<]){_ROOT}[^\s'",;)<>]*"""
)

_OTHERWISE = message("A step in the workflow failed.")
_OTHERWISE_HINT = message("Check its settings. The technical details help your admin.")


def explain(exception_type: str, exception_message: str) -> tuple[str, str]:
    """A sentence and a hint for an exception in a node, from `execution_error` or from history."""
    told = f"{exception_type}: {exception_message}"
    for rule in _RULES:
        if rule.pattern.search(told):
            return rule.sentence, rule.hint
    return _OTHERWISE, _OTHERWISE_HINT


def without_folders(told: str) -> str:
    """The server's own words without the folders of its machine, which may name its accounts; a
    file keeps its name."""
    return _PATH.sub(lambda found: _last_part(found[0]), told)


def _last_part(path: str) -> str:
    name = re.split(r"[\\/]", path)[-1]
    return f"…/{name}" if "." in name[1:] else "…"
