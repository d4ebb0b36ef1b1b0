"""Fourth, fifth and eighth pass of a form: merge equivalent fields, sort the fields, and give each
a distinct name in plain words.

Merging and sorting change only fields that the rules placed, never an author's.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from comfy.base.messages import message
from comfy.base.wording import plain_words, quoted, spoken
from comfy.comfyui.input_spec import WIDGET_TYPES
from comfy.form.candidates import Candidate, Limits, Placement, Sets
from comfy.form.facts import TO_EDIT
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import Wanted, choice_labels, distinct, is_bare, telling_part
from comfy.prompt.arrange import Arranged
from comfy.prompt.model import InputRef, is_link
from comfy.workflow.config import FieldConfig, FieldGroup

_PROMPTS = frozenset({"pole", "negative", "text"})
# Input of nodes that save results, also of unknown ones.
_FILE_NAME = "filename_prefix"
# Limit of values that become main in a form without other main fields.
_FEW = 8
_FILE_RANK = 20  # as in the rules
_MEDIA = WIDGET_TYPES | {"IMAGE", "MASK", "VIDEO", "AUDIO", "COMFY_MATCHTYPE_V3"}
# Inputs whose names don't distinguish fields.
_SAY_NOTHING = frozenset({"value", "text", "strength", "weight"})
# Names of texts, which would be wrong for a file.
_TEXT_WORDS = "prompt text positive negative"
# Short titles of positive and negative prompts.
_POLES = frozenset(
    {"pos", "neg", "+", "-", "p", "n", "+ve", "-ve", "pos prompt", "neg prompt"}
    | {"clip pos", "clip neg"}
)
# Titles that name a part of a prompt, which its only text isn't.
_PARTS = frozenset({"style", "styles"})
_FOR_TOOL = re.compile(
    r"(?i:(?:input )?(?:image|picture|photo)) for \w[^\WA-Z]*[A-Z]\w*"
)  # "InstantID"
_PROMPT_OF = re.compile(r"(?:positive )?prompt *[(\[\uff08:-]", re.IGNORECASE)
# Titles and texts that only add to a prompt.
_ADDS = re.compile(r"\b(prefix|suffix|quality|wildcards?)\b", re.IGNORECASE)
_STYLES = re.compile(r"\bstyles?\b", re.IGNORECASE)
_WILDCARD = re.compile(r"\{[^{}|]*+\|[^{}]*+\}")
# The title that the editor gives a new group.
_NEW_GROUP = "Group"
_LONGEST_GROUP = 40
_LONGEST_EXCERPT = 24
_LONGEST_ACRONYM = 5
# Names of pictures, which a whole video or a sound isn't.
_FRAMES = frozenset({*map(plain_words, ("first_frame", "last_frame")), TO_EDIT})
_KEYFRAME = plain_words("keyframe")
# Nodes that read a text aloud, which isn't called a prompt.
SPEAKS = re.compile(r"speech|speak|tts|voice|dialog|talk|chatterbox", re.IGNORECASE)
# Names of files that are numbered for a node, as prompts refer to them.
_REFERENCES = {
    "image": plain_words("reference_image"),
    "video": plain_words("reference_video"),
}
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[0-9]{1,9}")


def merge(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return one candidate per field, in its final group."""
    declared = [candidate for candidate in candidates if candidate.is_declared]
    placed = [candidate for candidate in candidates if not candidate.is_declared]
    merged = _keep_leads(_merge_same_role(placed))
    counts = Counter(one.rule for one in merged if one.group == "main")
    crowds = {rule for rule, count in counts.items() if rule.most and count > rule.most}
    settled = [_settled(candidate, crowds) for candidate in merged]
    if declared:
        return (*declared, *settled)
    return tuple(_show_operation(_show_sliders(_show_sources(_show_folders(settled)))))


def _merge_same_role(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Merge inputs with the same role and value, such as the same text for two samplers or for both
    encoders of SDXL.

    Empty positive texts stay separate, unless they are in the same node.
    """
    groups: dict[Hashable, list[Candidate]] = defaultdict(list)
    for position, candidate in enumerate(candidates):
        groups[_role(candidate) or position].append(candidate)
    return [_merged(*group) for group in groups.values()]


def _merged(first: Candidate, *rest: Candidate) -> Candidate:
    if not rest:
        return first
    also = [candidate for one in rest for candidate in (one, *one.also)]
    limits = functools.reduce(Limits.shared, (one.limits for one in rest), first.limits)
    result = first.result if all(one.result == first.result for one in rest) else ""
    return replace(first, also=(*first.also, *also), limits=limits, result=result)


def _file_name(candidate: Candidate) -> Hashable:
    """Return the LoRA whose strength an input is."""
    name = candidate.siblings.get("lora_name")
    return name if isinstance(name, str) else ""


def _named(candidate: Candidate) -> str:
    """Return the name that an author gave a prompt, "" for other inputs and empty texts."""
    is_text = candidate.rule.merge in _PROMPTS and str(candidate.value).strip()
    return _telling_title(candidate) if is_text else ""


def _keep_leads(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Keep one main field of each rule that says so (`Only`), such as one seed. It also sets the
    others that have the same value; the rest moves to advanced, where equal values are also one
    field."""
    main = [candidate for candidate in candidates if candidate.group == "main"]
    changed = {**_unneeded_fallbacks(main), **_leads(main)}
    kept = [changed.get(candidate.key, candidate) for candidate in candidates]
    return _merge_leads([candidate for candidate in kept if candidate is not None])


def _unneeded_fallbacks(main: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return advanced fields for the fallbacks that another field makes unnecessary, by key. What
    no other field sets stays with the first node's fallbacks."""
    covered = {candidate.rule.sets for candidate in main if candidate.rule.only != "fallback"}
    fallbacks: dict[Sets | None, list[Candidate]] = defaultdict(list)
    for candidate in main:
        if candidate.rule.only == "fallback":
            fallbacks[candidate.rule.sets].append(candidate)
    unneeded: dict[str, Candidate] = {}
    for sets, group in fallbacks.items():
        first = min(candidate.rank for candidate in group)
        leads: dict[Placement, Candidate] = {}
        for candidate in sorted(group, key=lambda candidate: candidate.lead):
            if sets not in covered and candidate.rank == first:
                leads.setdefault(candidate.rule, candidate)
        unneeded |= {
            candidate.key: _unneeded(candidate)
            for candidate in group
            if candidate.rule not in leads or candidate.node != leads[candidate.rule].node
        }
    return unneeded


def _unneeded(fallback: Candidate) -> Candidate:
    return replace(fallback, group="advanced", label=plain_words(fallback.input))


def _leads(main: Sequence[Candidate]) -> dict[str, Candidate | None]:
    """Return the main field of each rule that has only one, and the advanced fields for the rest,
    by key. None: another field sets the input."""
    groups: dict[Hashable, list[Candidate]] = defaultdict(list)
    for candidate in main:
        if candidate.rule.only in ("form", "node"):
            node = candidate.node if candidate.rule.only == "node" else ""
            groups[candidate.rule, node].append(candidate)
    changed: dict[str, Candidate | None] = {}
    for group in groups.values():
        lead = min(group, key=lambda each: (each.lead[:2], each.source == "heuristic", each.lead))
        same = [each for each in group if each is not lead and _is_same(each, lead)]
        changed |= dict.fromkeys(candidate.key for candidate in same)
        changed[lead.key] = _merged(lead, *same)
        rest: dict[Hashable, list[Candidate]] = defaultdict(list)
        for candidate in group:
            if candidate.key not in changed:
                equal = (candidate.type, candidate.value, candidate.settings.label)
                rest[candidate.key if candidate.rule.only == "node" else equal].append(candidate)
        for first, *others in rest.values():
            changed |= dict.fromkeys(candidate.key for candidate in others)
            changed[first.key] = replace(_merged(first, *others), group="advanced")
    return changed


def _is_same(candidate: Candidate, lead: Candidate) -> bool:
    """Return whether a field can set both inputs: they have the same value, and the author of a
    subgraph named at most one."""
    own, other = candidate.settings.label, lead.settings.label
    named_apart = own and other and own != other
    return (candidate.type, candidate.value) == (lead.type, lead.value) and not named_apart


def _merge_leads(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Merge main seeds of several nodes with the same value, whichever rule left them main."""
    groups: dict[Hashable, list[Candidate]] = defaultdict(list)
    for position, candidate in enumerate(candidates):
        is_seed = candidate.group == "main" and candidate.rule.only and candidate.widget == "seed"
        same = (candidate.type, candidate.value, candidate.settings.label)
        groups[same if is_seed else position].append(candidate)
    return [_merged(*group) for group in groups.values()]


def _show_sources(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates of a form without texts, files and other wishes with the values of the
    nodes that others start from as main fields, or else the first values of any node.

    Such a form may still have a seed, or the size of an image to draw.
    """
    if any(one.group == "main" and not one.rule.only for one in candidates):
        return candidates
    values = [one for one in candidates if _may_show(one) and str(one.value).strip()]
    sources = [one for one in values if _is_source(one)]
    is_empty = all(one.group != "main" for one in candidates)
    return _as_main(candidates, (sources or (values if is_empty else []))[:_FEW])


def _may_show(candidate: Candidate) -> bool:
    """Return whether an advanced field may become a main one: its node saves no results."""
    spec = candidate.node_spec
    saves = spec.output_node if spec else _FILE_NAME in candidate.siblings
    return candidate.group == "advanced" and candidate.rule.worth_showing and not saves


def _as_main(candidates: list[Candidate], shown: Sequence[Candidate]) -> list[Candidate]:
    keys = {one.key for one in shown}
    return [replace(one, group="main") if one.key in keys else one for one in candidates]


def _show_sliders(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates of a form without texts and seeds, which adjusts a file, with the first
    slider of each subgraph as a main field before the choices: what its author promoted first, such
    as the brightness."""
    main = [one for one in candidates if one.group == "main"]
    if any(one.rule.merge in _PROMPTS or one.widget == "seed" for one in main):
        return candidates
    choices = [one.rank for one in main if one.rule.authored]
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        is_slider = candidate.source == "subgraph" and candidate.type in ("INT", "FLOAT")
        if is_slider and candidate.group != "hidden" and candidate.rule.worth_showing:
            first.setdefault(candidate.node.rpartition(":")[0], candidate)
    if not choices:
        return candidates
    shown = {one.key for one in first.values()}
    rank = min(choices) - 1
    return [
        replace(one, group="main", rank=rank) if one.key in shown else one for one in candidates
    ]


def _show_folders(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates of a form without files with the folders that images come from as main
    fields."""
    if any(one.group == "main" and _is_file(one) for one in candidates):
        return candidates
    return [
        replace(one, group="main", rank=_FILE_RANK)
        if one.group == "advanced" and _is_folder(one) and _loads_images(one)
        else one
        for one in candidates
    ]


def _is_folder(candidate: Candidate) -> bool:
    return candidate.spec is not None and candidate.spec.names_folder


def _loads_images(candidate: Candidate) -> bool:
    given = candidate.node_spec.output_types if candidate.node_spec else ()
    return "IMAGE" in given and not any(map(is_link, candidate.siblings.values()))


def _show_operation(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates of a form that has only files, such as one that rotates an image, with
    the values of the nodes that change them as main fields."""
    if any(_is_beyond_files(one) for one in candidates):
        return candidates
    values = [
        one
        for one in candidates
        if _may_show(one)
        and one.node_spec
        and not WIDGET_TYPES.issuperset(one.node_spec.output_types)
        and any(map(is_link, one.siblings.values()))
    ]
    return _as_main(candidates, values)


def _is_beyond_files(candidate: Candidate) -> bool:
    """Return whether a form has other main fields than files, or the graph more than ComfyUI's
    values and media, such as models and services."""
    spec = candidate.node_spec
    is_given = _is_file(candidate) or _is_folder(candidate)
    is_other = candidate.group == "main" and not is_given
    is_plain = spec and not spec.raw.get("api_node") and _MEDIA.issuperset(spec.output_types)
    return is_other or not is_plain


def _is_source(candidate: Candidate) -> bool:
    """Return whether a node takes only values, such as numbers."""
    spec = candidate.node_spec
    linked = [name for name, value in candidate.siblings.items() if is_link(value)]
    takes_values = spec is not None and all(
        name in spec.by_name and spec.by_name[name].type in WIDGET_TYPES for name in linked
    )
    return not linked or takes_values


def _role(candidate: Candidate) -> Hashable | None:
    value = candidate.value
    if candidate.group != "main" or not isinstance(value, Hashable):
        return None
    names = (candidate.settings.label, _named(candidate))
    text = (candidate.rule, names, candidate.type, type(value), value)
    of_input = (*text, candidate.class_type, candidate.input, _file_name(candidate))
    match candidate.rule.merge:
        case "pole" | "text" if not str(value).strip():
            return (*text, candidate.node)
        case "pole" | "negative":
            return text
        case "text" | "input":
            return of_input
        case None:
            return None


def _settled(candidate: Candidate, crowds: Collection[Placement]) -> Candidate:
    settled = replace(candidate, group="advanced") if candidate.rule in crowds else candidate
    hidden = settled.limited()
    if hidden.group == "hidden" != settled.group and _is_missing(candidate):
        return replace(candidate, group="advanced")
    return hidden


def _is_missing(candidate: Candidate) -> bool:
    """Return whether the server lacks the candidate's model. If the field were hidden, users
    couldn't choose another model."""
    choices = candidate.spec.choices if candidate.spec and not candidate.spec.upload else None
    return choices is not None and len(choices) > 0 and candidate.value not in choices


def sort_fields(candidates: tuple[Candidate, ...], arranged: Arranged) -> tuple[Candidate, ...]:
    """Return the candidates in reading order: by group and rank, related ones together."""
    groups = get_args(FieldGroup)
    ranked = sorted(candidates, key=lambda each: (groups.index(each.group), each.rank))
    prompted = _prompts_first(_as_numbered(ranked))
    paired = _files_in_order(_sizes_together(prompted), arranged)
    return tuple(_follow_leaders(paired, arranged))


def _prompts_first(fields: list[Candidate]) -> list[Candidate]:
    """Return the fields with the texts that only add to a prompt after the others."""
    texts = [
        (place, one)
        for place, one in enumerate(fields)
        if one.group == "main" and not one.is_declared and one.rule.merge in ("pole", "text")
    ]
    ordered = [*fields]
    by_role = sorted(
        (one for _, one in texts), key=lambda one: only_adds(one) or bool(_STYLES.search(one.title))
    )
    for (place, _), one in zip(texts, by_role, strict=True):
        ordered[place] = one
    return ordered


def only_adds(text: Candidate) -> bool:
    """Return whether a text is a prefix, tags for quality or a choice of words."""
    return bool(_ADDS.search(text.title) or _WILDCARD.fullmatch(str(text.value).strip()))


def _as_numbered(fields: list[Candidate]) -> list[Candidate]:
    """Sort fields that differ only in the numbers of their titles by these numbers: "Frame 1" comes
    before "Frame 2"."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for position, one in enumerate(fields):
        if not one.is_declared and _NUMBER.search(one.title):
            places[one.group, one.rank, one.rule, _NUMBER.split(one.title, 1)[0]].append(position)
    ordered = [*fields]
    for positions in places.values():
        numbered = sorted((fields[at] for at in positions), key=_numbers)
        # Larger ones don't count: "45 degrees".
        if max(number for one in numbered for number in _numbers(one)) <= len(numbered) + 1:
            for at, one in zip(positions, numbered, strict=True):
                ordered[at] = one
    return ordered


def _numbers(candidate: Candidate) -> list[int]:
    return [int(number) for number in _NUMBER.findall(candidate.title)]


def _sizes_together(fields: list[Candidate]) -> list[Candidate]:
    """Return the fields with each height right after its width: of the same node, otherwise of the
    same position in the form."""
    is_size = [
        one.group == "main" and not one.is_declared and bool(one.rule.part) for one in fields
    ]
    sizes = [one for one, size in zip(fields, is_size, strict=True) if size]
    heights = {one.key: one for one in sizes if one.rule.part == "height"}
    ordered: list[Candidate] = []
    for width in (one for one in sizes if one.rule.part == "width"):
        ordered.append(width)
        same_node = (key for key, one in heights.items() if one.node == width.node)
        if key := next(same_node, next(iter(heights), "")):
            ordered.append(heights.pop(key))
    ordered.extend(heights.values())
    left = iter(ordered)
    return [next(left) if size else one for one, size in zip(fields, is_size, strict=True)]


def _files_in_order(fields: list[Candidate], arranged: Arranged) -> list[Candidate]:
    """Return the fields with files for one node in the order of its inputs: the first frame before
    the last, image 1 before image 2."""
    places: dict[str, list[int]] = defaultdict(list)
    for position, candidate in enumerate(fields):
        is_main = candidate.group == "main" and not candidate.is_declared
        if is_main and _is_file(candidate) and candidate.used_as:
            places[candidate.used_as.node].append(position)
    ordered = [*fields]
    for node, positions in places.items():
        names = list(arranged.prompt[node]["inputs"])
        files = sorted(
            (fields[position] for position in positions),
            key=lambda one: names.index(one.used_as.input) if one.used_as else 0,
        )
        for position, candidate in zip(positions, files, strict=True):
            ordered[position] = candidate
    return ordered


def _follow_leaders(candidates: Sequence[Candidate], arranged: Arranged) -> list[Candidate]:
    """Move each field that belongs to another to the position right after it (`Arranged.after`).

    New fields take the other field's group because the workflow's author didn't place them. A field
    stays in place if the author arranged it, or if it is more important than its leader.
    """
    by_key = {candidate.key: candidate for candidate in candidates}
    moved: dict[str, list[str]] = defaultdict(list)
    for key, candidate in list(by_key.items()):
        leader = by_key.get(arranged.after.get(key, ""))
        if leader is None or leader is candidate:
            continue
        if key in arranged.new:
            by_key[key] = candidate = _adopted(candidate, leader)
        elif candidate.source != "heuristic" or candidate.rank < leader.rank:
            continue
        if (candidate.group, candidate.section) == (leader.group, leader.section):
            moved[leader.key].append(key)
    followers = {key for keys in moved.values() for key in keys}
    order: list[Candidate] = []
    todo = [key for key in reversed(by_key) if key not in followers]
    while todo:
        key = todo.pop()
        order.append(by_key[key])
        todo.extend(reversed(moved.get(key, [])))
    return order


def _adopted(candidate: Candidate, leader: Candidate) -> Candidate:
    """Return a new field in its leader's group. A field that the rules put first, such as a text,
    stays first."""
    beside_file = bool(leader.spec and leader.spec.upload)
    prominent = candidate.group == "main" and leader.group != "main" and not beside_file
    if prominent or candidate.rule.group == "hidden":
        return candidate
    settings = candidate.settings
    if candidate.source == "heuristic" and beside_file and leader.settings.label:
        settings = FieldConfig(candidate.key, label=leader.settings.label)
    return replace(
        candidate,
        group=leader.group,
        rank=leader.rank,
        section=leader.section,
        settings=settings,
        source=leader.source,
    )


def name_fields(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the candidates with distinct labels. An author's own label wins, then a meaningful
    node title, then plain words."""
    shared = Counter(
        (candidate.class_type, candidate.title)
        for candidate in {candidate.node: candidate for candidate in candidates}.values()
    )
    prompts = [one.ref for one in candidates if one.group == "main" and one.rule.merge == "pole"]
    wanted = []
    by_ref: dict[InputRef, str] = {}
    for candidate in candidates:
        title = _title_for(candidate, shared)
        is_part = title.lower() in _PARTS or _PROMPT_OF.match(title)
        if (candidate.aim and _FOR_TOOL.fullmatch(title)) or (
            prompts == [candidate.ref] and is_part
        ):
            title = ""
        label = candidate.label
        if own := candidate.settings.label:
            if candidate.is_declared:
                label = own
            elif not _repeats(label, own):
                label = spoken(own)
        elif title.isdecimal():
            if candidate.takes_title:
                label = message("{label} {number}", label=label, number=title)
        elif title and candidate.takes_title and not _repeats(label, title):
            label = title
        if _is_image_of_text(candidate, label):
            label = candidate.label
        if is_bare(label) or (label == candidate.label and _is_file(candidate)):
            label = _better_label(candidate) or label
        by_ref[candidate.ref] = label
        detail = "" if _repeats(label, title) else title
        wanted.append((label, detail))
    wanted = _in_lists(candidates, wanted)
    alike: dict[tuple[str, str], list[InputRef]] = defaultdict(list)
    for candidate, (label, _) in zip(candidates, wanted, strict=True):
        if candidate.type == "STRING":
            alike[candidate.node, label].append(candidate.ref)
    firsts = {refs[0] for refs in alike.values() if len(refs) > 1}
    named = [
        _wanted(
            candidate,
            label,
            (detail, "" if candidate.ref in firsts else _input_words(candidate)),
            by_ref,
            shared,
        )
        for candidate, (label, detail) in zip(candidates, wanted, strict=True)
    ]
    labels = _distinct_by_group(candidates, named)
    return tuple(
        replace(candidate, label=label) for candidate, label in zip(candidates, labels, strict=True)
    )


def _wanted(
    candidate: Candidate,
    label: str,
    details: tuple[str, str],
    labels: Mapping[InputRef, str],
    shared: Counter[tuple[str, str]],
) -> Wanted:
    """Return a label with words that tell its field from others of the same name: the node's title,
    its input, the switch that turns it on, its LoRA, the sampler's place in a sequence, the
    editor's group, its node, its only result, the node that uses it. The result is better than the
    name of a class that has several nodes."""
    switch = labels.get(candidate.turned_on_by, "") if candidate.turned_on_by else ""
    number = message("pass {number}", number=candidate.sampler) if candidate.sampler else ""
    is_shared = shared[(candidate.class_type, candidate.title)] > 1
    first = candidate.result if is_shared and not _telling_title(candidate) else ""
    return Wanted(
        label,
        (*details, switch, _lora(candidate), number),
        group_name(candidate),
        (first, candidate.node_title, candidate.result),
        _excerpt(candidate) if is_bare(label) else candidate.target,
    )


def _excerpt(candidate: Candidate) -> str:
    """Return a short text of a field, "" for other values."""
    text = candidate.value.strip() if isinstance(candidate.value, str) else ""
    is_short = 0 < len(text) <= _LONGEST_EXCERPT and text.isprintable()
    return quoted(text) if is_short and candidate.type == "STRING" else ""


def _lora(candidate: Candidate) -> str:
    """Return the name of the LoRA whose strength a field sets."""
    name = candidate.siblings.get("lora_name")
    is_strength = isinstance(name, str) and candidate.type == "FLOAT"
    return choice_labels([name])[0][0] if is_strength else ""


def _is_image_of_text(candidate: Candidate, label: str) -> bool:
    """Return whether a file's label is only a word for texts, such as "Prompt"."""
    return _is_file(candidate) and label != candidate.label and _repeats(_TEXT_WORDS, label)


def _is_file(candidate: Candidate) -> bool:
    return KINDS[candidate.widget].file is not None


def _in_lists(
    candidates: Sequence[Candidate], wanted: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the labels and details, with numbers in the labels of several files for one node, as
    prompts refer to them."""
    lists: dict[Hashable, list[int]] = defaultdict(list)
    for at, (one, (label, _)) in enumerate(zip(candidates, wanted, strict=True)):
        is_own = _is_file(one) and label in (one.label, one.aim) and one.group != "hidden"
        if is_own and one.used_as:
            lists[one.used_as.node, label].append(at)
    numbered = [*wanted]
    for at in (places[0] for places in lists.values() if len(places) == 1):
        if wanted[at][0] == _KEYFRAME:
            numbered[at] = (plain_words("first_frame"), wanted[at][1])
    for places in lists.values():
        for number, at in enumerate(places if len(places) > 1 else (), 1):
            one, (label, detail) = candidates[at], wanted[at]
            if label == TO_EDIT and number == 1:
                continue
            if label in (one.label, TO_EDIT):
                label = _REFERENCES.get(one.widget, label)
            numbered[at] = (message("{label} {number}", label=label, number=number), detail)
    return numbered


def _better_label(candidate: Candidate) -> str:
    """Return another name for a field whose own one is only a type, from the input that finally
    gets its file or value, its node or its group; "" if they say nothing either."""
    if _is_file(candidate):
        is_moving = candidate.widget != "image" and candidate.aim in _FRAMES
        return "" if is_moving else candidate.aim
    speaks = SPEAKS.search(f"{candidate.class_type} {candidate.target}")
    names = [candidate.aim, _telling_title(candidate), group_name(candidate)]
    if candidate.folded or not candidate.rule.essential:
        names = [*names[candidate.type == "BOOLEAN" :], candidate.node_title]
    elif number := _NUMBER.search(candidate.input):
        names.insert(0, message("{label} {number}", label=message("Part"), number=int(number[0])))
    elif speaks:
        names.insert(2, message("Text to speak"))
    else:
        names.append(message("Prompt"))
    return next((name for name in names if not is_bare(name)), "")


def group_name(candidate: Candidate) -> str:
    """Return the title of the editor's group around the node, "" if it can't be a heading."""
    group = candidate.drawn_in
    return spoken(group) if group != _NEW_GROUP and len(group) <= _LONGEST_GROUP else ""


def _input_words(candidate: Candidate) -> str:
    words = plain_words(candidate.input)
    return "" if candidate.input in _SAY_NOTHING or is_bare(words) else words


def _distinct_by_group(candidates: Sequence[Candidate], wanted: Sequence[Wanted]) -> list[str]:
    """Return distinct labels, group by group. Fields further up keep the simpler name."""
    names: list[str] = []
    order: list[int] = []
    places = ["main" if one.folded and not one.is_guessed else one.group for one in candidates]
    for place in get_args(FieldGroup):
        own = [at for at, other in enumerate(places) if other == place]
        names = distinct([*map(Wanted, names), *(wanted[at] for at in own)])
        order += own
    labels = dict(zip(order, names, strict=True))
    return [labels[at] for at in range(len(wanted))]


def _title_for(candidate: Candidate, shared: Counter[tuple[str, str]]) -> str:
    if shared[(candidate.class_type, candidate.title)] > 1:
        return ""
    return _telling_title(candidate)


def _telling_title(candidate: Candidate) -> str:
    """Return the part of a node's title that its author chose, "" if it is missing or only says
    which prompt it is."""
    display = candidate.node_spec.display_name if candidate.node_spec else ""
    title = spoken(telling_part(candidate.title, candidate.class_type, display))
    if title.isupper() and any(len(word) > _LONGEST_ACRONYM for word in title.split()):
        title = title.capitalize()
    return "" if _abbreviates_pole(candidate, title) else title


def _abbreviates_pole(candidate: Candidate, title: str) -> bool:
    """Return whether a title is only a short form of "Prompt" or "Negative prompt"."""
    is_prompt = candidate.rule.merge in ("pole", "negative")
    return is_prompt and title.lower().strip("() :.") in _POLES


def _repeats(label: str, title: str) -> bool:
    """Return whether a title adds nothing to the label: "Positive" and "positive_prompt" add
    nothing to "Prompt" here."""
    return set(_WORD.findall(title.lower())) <= {"positive", *_WORD.findall(label.lower())}
