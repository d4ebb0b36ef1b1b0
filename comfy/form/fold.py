"""Seventh pass of a form: keep what users ask for in front, fold the rest under Advanced, and
decide which files a run can do without.

In front are the files that a run needs, the prompt with its negative one, and as many others as
make four things: further files, one size or length (which comes before a resolution), then other
texts, a length, and the rest by rank. An author's own choices stay, and so does the number of
results, which the page shows beside Generate. A width and a height are one thing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import get_args

from comfy.comfyui.object_info import NodeSpec
from comfy.form.candidates import Candidate
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import is_bare, says_something
from comfy.form.merge import only_adds
from comfy.prompt.bypass import expendable
from comfy.prompt.model import Prompt
from comfy.workflow.config import FieldGroup

_MOST_THINGS = 4
# Ranks of sizes and lengths in the rules, and of numbers that are one thing if a node has several.
_EXTENTS = range(27, 37)
_LENGTH_RANK = 35
_TOGETHER = frozenset({27, 31, 33})
_STEPS = frozenset({50, 51})
_FILE_SIZE = re.compile(r"\(\d+ ?[MG]B\)$")
_TEXTS = frozenset({"pole", "text"})
_NUMBER = re.compile(r"(?<!\d)\d+$")
_MENTIONED = re.compile(r"(?:image|picture|photo|图片?)[ _]?(\d+)", re.IGNORECASE)
# Order in which things come in front. The first two are there in any case.
_FILE, _PROMPT, _MORE_FILES, _EXTENT, _TEXT, _LENGTH, _REST, _BLANK = range(8)


def fold(
    candidates: tuple[Candidate, ...],
    prompt: Prompt,
    nodes: Mapping[str, NodeSpec],
    needed: Collection[str],
) -> tuple[Candidate, ...]:
    """Return the sorted candidates with at most four things as main fields, and the others after
    them. `nodes` are the server's node classes. A run must reach one of the output nodes
    `needed`."""
    candidates = _with_optional(candidates, prompt, nodes, needed)
    main = [one for one in candidates if one.group == "main"]
    written = {one.key for one in main if one.rule.merge == "pole" and str(one.value).strip()}
    spare = {one.key for one in main if written and _is_blank_prompt(one)}
    texts = {one.rule.merge for one in main} & _TEXTS
    is_prompted = any(_is_written(one) for one in main)
    spare |= {one.key for one in main if _is_aside(one, is_prompted=is_prompted)}
    added = {one.key for one in main if one.rule.merge in _TEXTS and only_adds(one)}
    spare |= added if written - added else set()
    is_repainted = any(one.widget == "mask" and not one.aim for one in main)
    spare |= {one.key for one in main if one.rule.sets == "size" and (one.is_idle or is_repainted)}
    front = _in_front([one for one in main if not _is_setting(one, texts, spare)] or main)
    folded = (
        replace(one, group="advanced", folded=True)
        if one.group == "main" and one.key not in front
        else one
        for one in candidates
    )
    return tuple(sorted(folded, key=lambda one: get_args(FieldGroup).index(one.group)))


def _is_setting(
    candidate: Candidate, texts: Collection[str | None], spare: Collection[str]
) -> bool:
    """Return whether this is a seed or a number of steps that no author put on the form, a file
    that the author's choices leave out, an empty prompt beside another, a text that only adds to
    one or a size that doesn't decide the result's (`spare` has the keys), or, beside a prompt, a
    setting that the author of a subgraph promoted or a text of a guessed class. `texts` are the
    kinds of prompts."""
    is_recipe = candidate.widget == "seed" or candidate.rank in _STEPS
    is_promoted = bool(texts) and candidate.rule.group == "advanced"
    is_choice = "pole" in texts and candidate.is_guessed and candidate.rule.merge == "text"
    is_unused = (candidate.is_idle and candidate.optional) or candidate.key in spare
    return not candidate.is_declared and (is_recipe or is_promoted or is_choice or is_unused)


def _is_written(candidate: Candidate) -> bool:
    """Return whether this is a text, of a class that the server knows, that isn't empty."""
    is_known = candidate.rule.merge in _TEXTS and not candidate.is_guessed
    return is_known and bool(str(candidate.value).strip())


def _is_aside(candidate: Candidate, *, is_prompted: bool) -> bool:
    """Return whether this is a choice of a guessed class whose other values are unknown, or a text
    of one that reads like a choice or a file, or whose name says nothing beside another text."""
    text = str(candidate.value).strip()
    is_word = (" " not in text and text.isascii()) or bool(_FILE_SIZE.search(text))
    is_text = candidate.rule.merge == "text" and is_bare(candidate.label)
    is_choice = candidate.rule.merge == "input" and candidate.widget == "text"
    return candidate.is_guessed and (is_choice or (is_text and (is_prompted or is_word)))


def _is_blank_prompt(candidate: Candidate) -> bool:
    """Return whether this is an empty prompt, or an empty text whose name doesn't say what it is
    for."""
    is_any_text = candidate.rule.merge == "text" and is_bare(candidate.label)
    is_prompt = candidate.rule.merge == "pole" or is_any_text
    return is_prompt and not str(candidate.value).strip()


def _in_front(main: list[Candidate]) -> set[str]:
    """Return the keys of the fields in front. The first negative prompt and the first number of
    results don't count as things."""
    beside = {_beside(one): one.key for one in reversed(main) if _beside(one)}
    front = {*beside.values()} | {one.key for one in main if one.is_declared}
    things: set[Hashable] = {one.key for one in main if one.is_declared}
    for place, thing, key in sorted(_ordered(main), key=itemgetter(0)):
        if place <= _PROMPT or thing in things or len(things) < _MOST_THINGS:
            things.add(thing)
            front.add(key)
    return front


def _beside(candidate: Candidate) -> str:
    """Return the role of a field that is beside a thing, "" for other fields."""
    roles = (candidate.rule.merge, candidate.rule.sets)
    return next((role for role in ("negative", "count") if role in roles), "")


def _ordered(main: list[Candidate]) -> Iterator[tuple[int, Hashable, str]]:
    """Yield the place in the order, the thing and the key of each field that no author placed."""
    texts = [one for one in main if one.rule.merge in _TEXTS]
    prompt = next((one for one in texts if str(one.value).strip()), next(iter(texts), None))
    parts: Counter[str] = Counter()
    extent: Hashable = None
    has_length = any(one.rank == _LENGTH_RANK for one in main)
    for one in main:
        thing: Hashable = (one.node, one.rank) if one.rank in _TOGETHER else one.key
        if one.rule.part:
            parts[one.rule.part] += 1
            thing = ("size", parts[one.rule.part])
        is_extent = one.rank in _EXTENTS and not (has_length and "resolution" in one.input)
        if extent is None and is_extent:
            extent = thing
        is_text = one.rule.essential and not KINDS[one.widget].file
        places = (
            (_FILE, bool(KINDS[one.widget].file) and not one.optional),
            (_PROMPT, one is prompt),
            (_MORE_FILES, bool(KINDS[one.widget].file)),
            (_EXTENT, thing == extent),
            (_TEXT, is_text and str(one.value).strip() != ""),
            (_LENGTH, one.rank == _LENGTH_RANK),
            (_REST, not is_text),
            (_BLANK, True),
        )
        if not (one.is_declared or _beside(one)):
            yield next(place for place, fits in places if fits), thing, one.key


def _with_optional(
    candidates: tuple[Candidate, ...],
    prompt: Prompt,
    nodes: Mapping[str, NodeSpec],
    needed: Collection[str],
) -> tuple[Candidate, ...]:
    """Mark the files that a run can do without. A run without any file of its kind, or without one
    of two that a node takes under different names, would give a result that has nothing to do with
    the graph. Further images of a list may be empty, unless the author named them or the prompt
    mentions them."""
    files = {one.key: kind for one in candidates if (kind := _file_kind(one))}
    loaders = {one.node for one in candidates if one.key in files}
    spare = expendable(prompt, nodes, loaders, needed)
    needed_ones: dict[str, Candidate] = {}
    for one in (one for one in candidates if one.key in files and not one.is_idle):
        best = needed_ones.setdefault(files[one.key], one)
        if best.node in spare and one.node not in spare:
            needed_ones[files[one.key]] = one
    uses = {one.key: one.used_as for one in candidates if one.key in files and one.used_as}
    names = {(use.node, _NUMBER.sub("", use.input)) for use in uses.values()}
    roles = Counter(node for node, _ in names)
    texts = " ".join(str(one.value) for one in candidates if one.rule.merge in _TEXTS)
    mentioned = {*_MENTIONED.findall(texts)}

    def may_be_empty(file: Candidate) -> bool:
        if file.settings.required is False or "optional" in file.title.lower():
            return True
        if file.is_idle:
            return True
        if file is needed_ones[files[file.key]] or _is_named(file):
            return False
        use = uses.get(file.key)
        number = _NUMBER.search(use.input) if use else None
        is_mentioned = number is not None and number[0] in mentioned
        return use is None or (roles[use.node] == 1 and not is_mentioned)

    return tuple(
        replace(one, optional=True)
        if one.key in files and one.node in spare and may_be_empty(one)
        else one
        for one in candidates
    )


def _is_named(file: Candidate) -> bool:
    """Return whether the author's title of the loader says which file it is for."""
    display = file.node_spec.display_name if file.node_spec else ""
    return says_something(file.title, file.class_type, display)


def _file_kind(candidate: Candidate) -> str:
    file = KINDS[candidate.widget].file
    return "" if file is None or candidate.group == "hidden" else file.media or "file"
