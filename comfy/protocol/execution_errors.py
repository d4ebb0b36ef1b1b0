"""What went wrong while a prompt was executed, for the person: exception type and message
(docs/comfyui.md#21) to a sentence and a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass


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
        "A node of this workflow is paid for, and the server's account has no credits left.",
        "Ask whoever runs the server to add credits to its Comfy account, or use another workflow.",
    ),
    _rule(
        r"Unauthorized: Please log ?in|please log ?in first",
        "A node of this workflow is paid for, and the server is not logged in to a Comfy account.",
        "Ask whoever runs the server to log in there or to give it an API key, or use another"
        " workflow.",
    ),
    _rule(
        r"Rate Limit Exceeded|Too Many Requests",
        "A service that this workflow uses takes no more requests at the moment.",
        "Wait a while, then run it again.",
    ),
    _rule(
        r"OutOfMemory|out of memory|CUDNN_STATUS_ALLOC_FAILED|not enough"
        r" memory|DefaultCPUAllocator",
        "The server ran out of memory.",
        "Try a smaller size, fewer pictures at once or a smaller model.",
    ),
    _rule(
        r"SafetensorError|deserializing header|is no checkpoint|UnpicklingError|invalid load key"
        r"|PytorchStreamReader|central directory",
        "A model file on the server is damaged or not a model.",
        "Choose another model, or have the file downloaded again on the server.",
    ),
    _rule(
        r"could not detect model type|ERROR: .*(checkpoint|unet|clip|vae).* (is )?invalid|clip"
        r" input is invalid",
        "The chosen model file does not hold what this workflow needs from it.",
        "Choose a model made for this workflow; some checkpoints come without a text encoder or"
        " VAE.",
    ),
    _rule(
        r"UnidentifiedImageError|cannot identify image|image file is"
        r" truncated|DecompressionBomb|broken data stream",
        "The picture could not be read by the server.",
        "Save it again as PNG or JPEG and send that.",
    ),
    _rule(
        r"No space left|Errno 28|disk quota",
        "The server's disk is full.",
        "Free some space on the server, then run this again.",
    ),
    _rule(
        r"PermissionError|Errno 13",
        "The server was not allowed to read or write one of its files.",
        "Check the file permissions on the server.",
    ),
    _rule(
        r"FileNotFoundError|No such file|Errno 2\b|Model .* not found|not found in",
        "A file that this workflow needs is missing on the server.",
        "Check the chosen model and input files; refresh the lists if files were moved.",
    ),
    _rule(
        r"size mismatch|shapes cannot be multiplied|must match the size of tensor|Sizes of tensors"
        r" must match"
        r"|expected .* channels|Given groups=",
        "Two parts of the workflow do not fit together.",
        "Often models of different families are mixed (SD1.5, SDXL, Flux …), or pictures of"
        " different sizes.",
    ),
    _rule(
        r"mixed dtype|expected scalar type|not implemented for '(Half|BFloat16|Float8\w*)'|same"
        r" dtype|dtype mismatch",
        "The model's number format does not work on the server's hardware.",
        "Choose another variant of the model, or another precision where the workflow offers one.",
    ),
    _rule(
        r"CUDA error|HIP error|cudaError|device-side assert|NVML|No CUDA GPUs|MPS backend",
        "The server's graphics card reported an error.",
        "Run it again; if it comes back, the server has to be restarted.",
    ),
    _rule(
        r"ConnectionError|TimeoutError|timed out|Max retries|Name or service not known|HTTPError",
        "A node could not reach something it needs on the network.",
        "Check the server's network connection, then run this again.",
    ),
    _rule(
        r"ModuleNotFoundError|ImportError|No module named",
        "A node's software is not completely installed on the server.",
        "Install the missing package on the server, or use another workflow.",
    ),
)

# An absolute path, with spaces only between quotes; neither an address nor mark-up nor a single
# name after a slash.
_ROOT = r"""(?:/[^\s'"/<>]+/|[A-Za-z]:[\\/]|\\\\)"""
_PATH = re.compile(
    rf"""(?<=['"]){_ROOT}[^'"<>\n]*(?=['"])""" rf"""|(?<![\w/:.\\<]){_ROOT}[^\s'",;)<>]*"""
)

_OTHERWISE = "A node failed while it was working."
_OTHERWISE_HINT = "Check its inputs. The details below help whoever looks after the server."


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
