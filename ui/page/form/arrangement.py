"""Fields as Gradio components, and their description for the page's script.

A control is one field on the page. `show` converts the field's value to what its components show,
and the page's script converts that to browser JSON (`ui.documents.browser_values`). The page
describes the limits in words, and `comfy`'s form checks all of them at once, so the components
reject nothing themselves.

Order of a form's visible fields on the page: the main ones, then the collapsed sections.

Negative prompt: a field that is folded below the prompt unless a user has filled it.

Shared lock for a form's seeds: all random, or all fixed. Each seed stays a field of its own
under Advanced.

Width and height of one node, which users think of as one size: two numbers, a swap button, and
the usual aspect ratios.

Field for the number of images per run. The page shows it beside Generate, together with the
number of runs, in place of a main field.
"""

from __future__ import annotations

import html
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import gradio as gr

from comfy.base.messages import Message, message
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.documents.browser_values import number_rules, seed_parts
from ui.languages.current import html_of, translated
from ui.page.form.kinds.registry import VIEWS
from ui.page.form.kinds.seed import LOCKED_MODES
from ui.page.form.kinds.view import Browser, Control, box_text, element_id, id_part
from ui.page.script_files import calls, listener
from ui.web.responses import json_text

_MOST_IN_FRONT = 40
_MOST_COLLAPSED = 60  # a browser takes a second for 250, and minutes for thousands
_MOST_WITHOUT_TITLES = 8
_SECTION = "section-"
_ADVANCED = message("Advanced")
_SWAP = message("Swap width and height")
_ASPECT_RATIO = message("Aspect ratio")


def build_control(field: Field, value: object, scope: str = "") -> Control:
    """Draw a field that shows `value`, inside the open layout.

    Redrawn with the same `scope`, the name of its workflow, it keeps what the user entered.
    """
    return VIEWS[field.widget].build(field, value, scope)


def section_id(section: str) -> str:
    """Return the element ID of an author's section, or of the unnamed one, "". The page uses it to
    remember which sections are open."""
    return _SECTION + id_part(section)


def held_fields(controls: Iterable[Control]) -> list[tuple[str, Browser, int]]:
    """Return the description by which the page's script reads the components' values: for each
    field its key, the row of `form/values.js`, and the number of its components."""
    return [
        (control.field.key, VIEWS[control.field.widget].browser, len(control.components))
        for control in controls
    ]


def draw_negative(field: Field, value: object, scope: str, unfolded: Collection[str]) -> Control:
    """Draw the field below a button that folds it and previews its text. It starts open if its
    value isn't the author's, or if it was open before."""
    field_id = element_id(field)
    fold_id = f"fold-{field_id}"
    is_open = fold_id in unfolded or box_text(value) != box_text(field.default)
    expanded = "true" if is_open else "false"
    head = (
        f'<button type="button" class="fold" aria-expanded="{expanded}" aria-controls="{field_id}">'
        f'<span class="name">{html_of(field.label)}</span> '
        f'<span class="preview">{html.escape(box_text(value)[:200])}</span></button>'
    )
    with gr.Column(elem_classes="negative", elem_id=fold_id):
        gr.HTML(
            head,
            js_on_load=calls("making/negative.js", f"mountFold(element, {json_text(field.key)})"),
        )
        return build_control(field, value, scope)


def _seeds_under_lock(fields: Iterable[Field]) -> list[Field]:
    """Return the seeds of a form that has several; otherwise none."""
    seeds = [field for field in fields if field.is_seed]
    return seeds if len(seeds) > 1 else []


def draw_lock(seeds: Iterable[Field], values: dict[str, Any], scope: str) -> gr.Radio:
    """Draw the lock with the seeds' mode; unset if they differ."""
    modes = {seed_parts(values[field.key])[1] for field in seeds}
    return gr.Radio(
        LOCKED_MODES,  # users want increasing numbers for one seed at a time
        value=modes.pop()
        if len(modes) == 1 and modes <= {mode for _, mode in LOCKED_MODES}
        else None,
        label=message("Seeds"),
        elem_id="seeds",
        key=f"{scope}/seeds",
        interactive=True,
    )


def bind_lock(lock: gr.Radio, fields: Iterable[Field], controls: Iterable[Control]) -> None:
    """Let the lock set all seeds, and follow their modes. `fields`: the seeds in the form's order,
    in which runs report theirs. Those that aren't drawn have no control."""
    fields = list(fields)
    keys = json_text([field.key for field in fields])
    by_key = {control.field.key: control for control in controls}
    seeds = [by_key[field.key] for field in fields if field.key in by_key]
    parts = [component for control in seeds for component in control.components]
    given = json_text(
        [[field.key, field.min or 0, field.max, field.key in by_key] for field in fields]
    )
    lock.input(
        None,
        [lock, *parts],
        parts,
        js=listener("form/seeds.js", f"setSeeds({given}, mode, values)", "mode, ...values"),
        api_visibility="private",
    )
    for control in seeds:
        mode = control.components[1]
        call = f"lockAfter({keys}, {json_text(control.field.key)}, mode)"
        mode.input(  # type: ignore[attr-defined]
            None, mode, lock, js=listener("form/seeds.js", call, "mode"), api_visibility="private"
        )


def bind_seed(seed: Control) -> None:
    """Set a form's only seed to the last run's when the user fixes it, as the lock does for
    several."""
    text, mode = seed.components
    mode.input(  # type: ignore[attr-defined]
        None,
        [mode, text],
        text,
        js=listener("form/seeds.js", "setSeed(mode, typed)", "mode, typed"),
        api_visibility="private",
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Collapsed fields of one step, the author's group or node, or all of a short section, which
    has no `name`."""

    id: str
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Collapsed fields under one title. `name`: the author's heading, None for Advanced."""

    name: str | None
    fields: tuple[Field, ...]
    groups: tuple[Group, ...]

    @property
    def id(self) -> str:
        """Return the ID of the section's element."""
        return section_id(self.name or "")

    @property
    def title(self) -> str:
        """Return the heading with the number of fields."""
        return with_count(self.name or _ADVANCED, self.fields)


def with_count(heading: str, fields: Sequence[Field]) -> str:
    return message("{label} ({detail})", label=heading, detail=len(fields))


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Visible fields: `main`, `seeds` that share one lock, and `sections`, which include those
    seeds. `open`: ids of the open sections and groups.

    A large form draws the fields of a section only when the user opens it, and a long section
    group by group.
    """

    main: tuple[Field, ...]
    seeds: tuple[Field, ...]
    sections: tuple[Section, ...]
    is_large: bool = False
    open: frozenset[str] = frozenset()

    @property
    def has_lock_in_front(self) -> bool:
        """Return whether the seeds' lock is a main field. Otherwise it is in their section."""
        return any(field.group == "main" for field in self.seeds)

    def draws(self, section: Section, group: Group) -> bool:
        """Return whether the fields of a section's group are drawn."""
        is_short = len(section.fields) <= _MOST_COLLAPSED
        return not self.is_large or (section.id if is_short else group.id) in self.open

    def undrawn(self) -> Iterator[Field]:
        """Yield the fields that aren't drawn."""
        for section in self.sections:
            for group in section.groups:
                yield from () if self.draws(section, group) else group.fields


def arrangement_of(
    shown: Sequence[Field],
    steps: Mapping[str, str] = MappingProxyType({}),
    unfolded: Collection[str] = (),
) -> Arrangement:
    """Arrange visible fields as the page shows them. Many main fields of an author are folded. A
    chain has `steps`: the headings of its fields by key. `unfolded`: ids of open sections and
    groups, and of fields to show."""
    seeds = _seeds_under_lock(shown)
    under_lock = {field.key for field in seeds}
    main = [field for field in shown if field.group == "main" and field.key not in under_lock]
    main = main[:_MOST_IN_FRONT]
    in_front = {field.key for field in main}
    rest = [field for field in shown if field.group == "main" and field.key not in in_front]
    rest += [field for field in shown if field.group != "main"]
    sections = tuple(_sections(rest, steps))
    parts: list[Section | Group] = [*sections]
    parts += [group for section in sections for group in section.groups]
    return Arrangement(
        tuple(_helped_once(main)),
        tuple(seeds),
        sections,
        len(rest) > _MOST_COLLAPSED,
        frozenset(one.id for one in parts if unfolded and not _ids(one).isdisjoint(unfolded)),
    )


def _ids(part: Section | Group) -> set[str]:
    return {part.id, *map(element_id, part.fields)}


def _helped_once(fields: Iterable[Field]) -> Iterable[Field]:
    """Remove the help of texts that repeats an earlier text's help, such as the help of several
    prompts."""
    helped = set()
    for field in fields:
        is_text = field.widget in ("text", "textarea")
        yield replace(field, tooltip="") if is_text and field.tooltip in helped else field
        if is_text:
            helped.add(field.tooltip)


def _sections(rest: Sequence[Field], steps: Mapping[str, str]) -> Iterable[Section]:
    sections: dict[str | None, list[Field]] = {}
    for field in rest:
        sections.setdefault(field.section, []).append(field)
    for name, own in sections.items():
        fields, most = tuple(own), _MOST_WITHOUT_TITLES if name is None else _MOST_COLLAPSED
        if not steps and len(fields) <= most:
            yield Section(name, fields, (Group(section_id(name or ""), "", fields),))
            continue
        groups: dict[str, list[Field]] = {}
        for field in fields:
            heading = steps.get(field.key) or field.heading or field.node
            groups.setdefault(heading, []).append(field)
        titled = (
            Group(section_id(f"{name or ''}/{group}"), group, tuple(groups[group]))
            for group in groups
        )
        yield Section(name, fields, tuple(titled))


def size_pairs(fields: Iterable[Field]) -> list[tuple[Field, Field]]:
    """Return the pairs of width and height that belong to one node, or that follow each other as
    the sides of a result. Folded ones don't decide the result's size."""
    fields = [field for field in fields if field.type == "INT" and not field.folded]
    by_place = {(field.node, field.input): field for field in fields}
    sides = {a.key: b for a, b in pairwise(fields) if (a.role, b.role) == ("width", "height")}
    pairs = (
        (one, by_place.get((one.node, "height")) if one.input == "width" else sides.get(one.key))
        for one in fields
    )
    return [(width, height) for width, height in pairs if height]


def draw_size(
    scope: str, width: Field, height: Field, values: dict[str, Any], unfolded: Collection[str]
) -> tuple[Control, Control]:
    """Draw the aspect ratio, which the script handles, with both controls folded below it."""
    rules = number_rules((width, height))
    title, labels = size_name(width, height)
    fold_id = f"fold-{element_id(width)}"
    given = {
        "title": translated(title),
        "width": width.key,
        "height": height.key,
        "rules": [rules.get(width.key), rules.get(height.key)],
        "author": [width.default, height.default],
        "unfolded": fold_id in unfolded,
    }
    with gr.Column(elem_classes="size-field", elem_id=fold_id):
        if len(rules) == 2:
            gr.HTML(
                elem_classes="ratios",
                js_on_load=calls("components/size.js", f"mountSize(element, {json.dumps(given)})"),
            )
        with gr.Row(elem_classes="size"):
            wide = build_control(_bare(width, labels[0]), values[width.key], scope)
            swap = html_of(_SWAP)
            gr.HTML(
                f'<button type="button" class="quiet" data-icon="swap" title="{swap}"'
                f' aria-label="{swap}"></button>',
                elem_classes="swap",
                js_on_load=calls(
                    "components/size.js",
                    f"mountSwap(element, {json.dumps([element_id(width), element_id(height)])})",
                ),
            )
            high = build_control(_bare(height, labels[1]), values[height.key], scope)
    return wide, high


def size_name(width: Field, height: Field) -> tuple[str, tuple[str, str]]:
    """Return the title of a size, and the labels of its numbers. Words that tell the size from
    another one, such as "(Upscale Image)", are in the title, so that the labels stay short."""
    match width.label, height.label:
        case (
            Message(sentence=sentence, values={"label": str(wide), **more}),
            Message(sentence=other, values={"label": str(high), **same}),
        ) if sentence == other and more == same:
            return Message(sentence, "", {**more, "label": _ASPECT_RATIO}), (wide, high)
    return _ASPECT_RATIO, (width.label, height.label)


def _bare(field: Field, label: str) -> Field:
    """Return a field as one half of a size: a number box without a slider or help text."""
    field = replace(field, label=label)
    return replace(field, kind=KINDS["number"], tooltip="", min=None, max=None, slide=None)
