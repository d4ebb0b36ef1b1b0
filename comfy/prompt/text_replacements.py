"""Replace names in texts, `%KSampler.seed%` and `%date:yyyy-MM-dd%`, as ComfyUI's editor does.

The editor replaces them in the file prefixes of ComfyUI's own saving nodes when it queues a prompt,
and in primitives with that setting. `%width%`, `%year%` and similar names, without a dot or
`date:`, are left to the server. See docs/comfyui.md#40.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from comfy.prompt.model import InputRef, Prompt, with_inputs, written_title

# Returns a widget's value, by the names of its node and of the widget; None if it doesn't exist.
Lookup = Callable[[str, str], object]

FILE_PREFIX = "filename_prefix"
ALIAS = "Node name for S&R"
SAVERS = frozenset(
    {
        "SaveImage",
        "SaveImageAdvanced",
        "SaveSVGNode",
        "SaveVideo",
        "SaveAnimatedWEBP",
        "SaveWEBM",
        "SaveAudio",
        "SaveAudioMP3",
        "SaveAudioOpus",
        "SaveAudioAdvanced",
        "SaveGLB",
        "Save3DAdvanced",
        "SaveGaussianSplat",
        "SavePointCloud",
        "SaveAnimatedPNG",
        "CLIPSave",
        "VAESave",
        "ModelSave",
        "LoraSave",
        "SaveLatent",
    }
)

# Without these limits, a few names of a long text would expand to gigabytes.
_MAX_NAMES = 32  # names to replace in one text
_MAX_NAME = 255  # characters of a value; no file name is longer

_NAME = re.compile(r"%([^%]+)%")
_DATE_PART = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyy?y?")
# Characters that file names may not contain. A slash in a value would choose a folder.
_FORBIDDEN = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')

# Values before padding: the number of letters in the pattern is the minimum number of digits.
_DATE_PARTS: Mapping[str, Callable[[datetime], int]] = {
    "d": lambda now: now.day,
    "M": lambda now: now.month,
    "h": lambda now: now.hour,
    "m": lambda now: now.minute,
    "s": lambda now: now.second,
}


class Named(Protocol):
    """A node by the two names that texts can use."""

    @property
    def alias(self) -> str:
        """Return the node's name in texts: see `NamedNode`."""

    @property
    def title(self) -> str:
        """Return the node's title."""


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class NamedNode:
    """A node that texts can name. `alias`: its property "Node name for S&R", by default its class
    type.

    `saved`: values that its widgets had in the editor and that the prompt doesn't contain.
    """

    id: str
    alias: str
    title: str
    saved: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PrefixNames:
    """Names that file prefixes may use, and the inputs in which the editor replaces them."""

    nodes: tuple[NamedNode, ...]
    places: frozenset[InputRef]


def prefix_names(prompt: Prompt) -> PrefixNames:
    """Return the names for a prompt that came without a graph: class types and titles."""
    return PrefixNames(
        tuple(
            NamedNode(node_id, node["class_type"], written_title(node))
            for node_id, node in prompt.items()
        ),
        frozenset(
            InputRef(node_id, FILE_PREFIX)
            for node_id, node in prompt.items()
            if node["class_type"] in SAVERS
        ),
    )


def replace_prefixes(
    prompt: Prompt, names: PrefixNames, now: datetime | None = None
) -> tuple[Prompt, dict[InputRef, str]]:
    """Return a prompt with the names in its file prefixes replaced, and the texts that changed.

    The values are this prompt's: a caller that resolves wildcards first gets the text as sent,
    while the editor inserts the text as typed. Without `now`, dates stay unchanged.
    """
    lookup = _lookup_in(prompt, names.nodes)
    changed: dict[InputRef, str] = {}
    replaced: Prompt = {}
    for node_id, node in prompt.items():
        inputs = dict(node["inputs"])
        prefix, ref = inputs.get(FILE_PREFIX), InputRef(node_id, FILE_PREFIX)
        if isinstance(prefix, str) and ref in names.places:
            inputs[FILE_PREFIX] = text = replace_names(prefix, lookup, now)
            if text != prefix:
                changed[ref] = text
        replaced[node_id] = with_inputs(node, inputs)
    return replaced, changed


def replace_names(
    text: str, lookup: Lookup, now: datetime | None = None, longest: int = _MAX_NAME
) -> str:
    """Return a text with its names replaced. Unknown names stay, as in the editor.

    In values, characters that file names can't contain become `_`; values are cut to `longest`
    characters. Names beyond the first 32 stay, and so do dates without `now`.
    """

    def put(match: re.Match[str]) -> str:
        name, *rest = match[1].split(".")
        if len(rest) != 1:
            # The editor also cuts a date at its first dot when it has two or more.
            is_date = name.startswith("date:")
            return format_date(name.removeprefix("date:"), now) if is_date and now else match[0]
        value = lookup(name, rest[0])
        return match[0] if value is None else _FORBIDDEN.sub("_", as_js_text(value)[:longest])

    return _NAME.sub(put, text, _MAX_NAMES)


def by_name(nodes: Iterable[N]) -> dict[str, N]:
    """Map each name to its node: the first with that alias, else the first with that title."""
    aliases: dict[str, N] = {}
    titles: dict[str, N] = {}
    for node in nodes:
        aliases.setdefault(node.alias, node)
        titles.setdefault(node.title, node)
    return titles | aliases


def format_date(pattern: str, now: datetime) -> str:
    """Format a date by the editor's pattern: d M h m s, doubled for two digits; yy and yyyy. Other
    characters stay."""
    return _DATE_PART.sub(lambda found: _date_part(found[0], now), pattern)


def _lookup_in(prompt: Prompt, nodes: Iterable[NamedNode]) -> Lookup:
    named = by_name(nodes)

    def lookup(name: str, widget: str) -> object:
        node = named.get(name)
        if node is None:
            return None
        inputs = prompt[node.id]["inputs"] if node.id in prompt else {}
        for values in (inputs, node.saved):
            # A link has no value to insert; the editor saved the value of the widget behind it.
            if widget in values and not isinstance(values[widget], list | dict):
                return "" if values[widget] is None else values[widget]
        return None

    return lookup


def _date_part(letters: str, now: datetime) -> str:
    match letters:
        case "yyyy":
            return str(now.year)
        case "yy":
            return str(now.year)[2:]
        case "yyy":
            return letters
        case _:
            return str(_DATE_PARTS[letters[0]](now)).zfill(len(letters))


def as_js_text(value: object) -> str:
    """Format a value as JavaScript does in a string."""
    match value:
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case _:
            return str(value)
