"""Left side of the page: the fields of one workflow, and the action of Generate."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, zip_longest
from types import MappingProxyType
from typing import Any

import gradio as gr

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable
from comfy.base.files import is_model_file
from comfy.base.messages import Message, listed, message
from comfy.form.model import Field, Form
from ui.documents.browser_values import Filled, kept
from ui.gradio.internals import root_of
from ui.languages.current import html_of
from ui.page.form.arrangement import (
    Arrangement,
    Group,
    arrangement_of,
    bind_lock,
    bind_seed,
    build_control,
    draw_lock,
    draw_negative,
    draw_size,
    held_fields,
    size_pairs,
)
from ui.page.form.first_values import (
    FormSources,
    first_shown,
    in_readers_language,
    linked_values,
)
from ui.page.form.heading import (
    AuthorsImages,
    Sharing,
    draw_heading,
    draw_problem,
    images_field,
)
from ui.page.form.kinds.view import Control
from ui.page.form.tools import (
    bind_use,
    draw_model_pickers,
    draw_paid_notice,
    draw_tools,
    draw_varied,
)
from ui.page.form_editor.edit_button import may_edit
from ui.page.script_files import calls, listener
from ui.web.responses import json_text
from ui.web.urls import idea_cover_address

_NOT_IN_APP = message("These settings aren't part of the author's app.")
_REMOVAL = message(
    "Results made with it stay in the history. Chains that use it can't run without it."
)
_MOST_WITHOUT_SEARCH = 20


def draw_form(  # noqa: PLR0913 - what `gr.render` gives, and the page around it
    sources: FormSources,
    choice: dict[str, Any],
    opened: gr.JSON,
    generate: gr.Button,
    stage: gr.HTML,
    owner: Callable[[gr.Request], str],
    request: gr.Request,
) -> None:
    """Draw the form of the chosen workflow and bind Generate to it; called inside `gr.render`."""
    name, person = str(choice["name"]), owner(request)
    try:
        workflow, form = sources.library.forms.form(
            name, person, choice["linked"] | choice["kept"], as_draft=choice["draft"]
        )
    except ComfyError as problem:
        draw_problem(problem, will_pass=isinstance(problem, ServerUnreachable | ServerError))
        return
    scope = f"{name}/{choice['filling']}"
    files = sources.copies.files_of(person, root_of(request))
    first = first_shown(sources.copies, form, choice, files)
    images = AuthorsImages(
        sources.covers.example(workflow, name, person),
        first.places,
        {
            image: sources.copies.beside(workflow.path, image, person)
            for idea in form.ideas
            for image in idea.images.values()
            if workflow.path
        },
        {
            idea.cover: idea_cover_address(name, workflow.path.with_name(idea.cover))
            for idea in form.ideas
            if idea.cover and workflow.path
        },
    )
    may_remove = sources.removal.may_remove(person, name)
    sharing = Sharing(
        sources.library.forms.readers(person, name),
        _REMOVAL if may_remove else "",
        may_edit(sources.library, name, person),
        sources.links(person, name),
    )
    order = visible(form, choice["unfolded"])
    filled = without_undrawn(first.filled, order, choice)
    draw_heading(name, form, order.main, filled, images, sharing, sources)
    draw_paid_notice([form], person, sources.payment, has_account=sources.signs_in)
    draw_notes(form, choice["linked"], demo=sources.demo)
    if form.missing_prompt:
        said = html_of(form.missing_prompt.sentence)
        gr.HTML(f"<p>{said}</p>", elem_id="missing-prompt", elem_classes="caption")
    controls = draw_fields(
        scope, form, first.values, order, choice["unfolded"], aside=images_field(form)
    )
    keep_values(name, controls)
    redraw_on_choice(controls)
    draw_tools(sources, name, opened, controls, owner, missing=bool(form.missing))
    draw_model_pickers(name, controls)
    bind_generate(name, controls, generate)
    draw_varied(name, form)
    bind_use(sources, controls, stage, owner)


def draw_notes(form: Form, linked: dict[str, Any], *, demo: bool) -> None:
    """Draw the values of the link that the form refuses, and notes about values. Each note appears
    once, while any field has that value."""
    _, refused = linked_values(form, linked)
    if refused:
        items = "".join(f"<p>{html_of(sentence)}</p>" for sentence in refused)
        gr.HTML(f'<div role="note">{items}</div>', elem_classes="notice")
    about: dict[str, list[tuple[str, Any]]] = {}
    for note in form.notes:
        if demo and is_model_file(str(note.value)):
            continue  # the stand-in's models stand for those that it lacks
        about.setdefault(note.said, []).append((note.key, kept(note.value)))
    if not about:
        return
    values = json_text([*about.values()])
    gr.HTML(
        "".join(f"<p>{html_of(said)}</p>" for said in about),
        elem_id="notes",
        elem_classes="caption",
        js_on_load=calls("form/filled.js", f"mountNotes(element, {values})"),
    )


def visible(
    form: Form, unfolded: Collection[str], steps: Mapping[str, str] = MappingProxyType({})
) -> Arrangement:
    """Arrange a form's visible fields, without the one that the page shows elsewhere."""
    aside = None if steps else images_field(form)
    fields = in_readers_language(one for one in form.fields if one.group != "hidden")
    return arrangement_of([one for one in fields if one is not aside], steps, unfolded)


def without_undrawn(filled: Filled, order: Arrangement, choice: Mapping[str, Any]) -> Filled:
    """Return the values without those to send of fields that aren't drawn and that the user hasn't
    changed: the app adds the author's."""
    given = {*choice["kept"], *choice["linked"]}
    left_out = {one.key for one in order.undrawn() if not one.is_seed} - given
    held = {key: value for key, value in filled.held.items() if key not in left_out}
    return replace(filled, held=held)


def draw_fields(  # noqa: PLR0913 - a chain arranges its steps
    scope: str,
    form: Form,
    values: dict[str, Any],
    order: Arrangement,
    unfolded: Collection[str],
    *,
    aside: Field | None = None,
    draw_main: Callable[[Sequence[Field]], Iterable[Control]] | None = None,
) -> tuple[Control, ...]:
    """Draw the main fields, the author's sections, then Advanced. Sections are collapsed unless
    they were open. The field `aside` is drawn invisibly; the page's script shows it elsewhere. A
    chain has its own `draw_main`.

    Redrawn in the same `scope`, they keep what the user entered.
    """
    draw_main = draw_main or (lambda main: draw_group(scope, main, values, unfolded))
    controls = list(draw_main(order.main))
    if aside:
        with gr.Column(elem_classes="unseen"):
            controls.append(build_control(aside, values[aside.key], scope))
    lock = draw_lock(order.seeds, values, scope) if order.has_lock_in_front else None
    seeds = {field.key for field in order.seeds}
    for section in order.sections:
        keys = {field.key for field in section.fields}
        mark = f'<span data-section="{section.id}" data-keys="{_keys(section.fields)}"></span>'
        gr.HTML(mark, elem_classes="unseen")  # beside it, as Gradio draws its fields late
        is_open = section.id in order.open
        fold = gr.Accordion(section.title, open=is_open, elem_id=section.id, elem_classes="section")
        if order.is_large and not is_open:
            opens = listener("form/form.js", f"openPart({json_text(section.id)})")
            fold.expand(None, js=opens, api_visibility="private")
            continue
        with fold:
            if len(keys) > _MOST_WITHOUT_SEARCH:
                gr.HTML(
                    elem_classes="field-search",
                    js_on_load=calls("components/field_search.js", "mountFieldSearch(element)"),
                )
            if section.name is None and any(field.source == "app" for field in form.fields):
                gr.HTML(f"<p>{html_of(_NOT_IN_APP)}</p>", elem_classes="caption")
            if lock is None and not seeds.isdisjoint(keys):
                lock = draw_lock(order.seeds, values, scope)
            for is_drawn, groups in groupby(section.groups, partial(order.draws, section)):
                if not is_drawn:
                    _draw_folded(form, groups)
                    continue
                for group in groups:
                    fields = _titled(form, group) if group.name else group.fields
                    controls += draw_group(scope, fields, values, unfolded)
    if lock is not None:
        bind_lock(lock, order.seeds, controls)
    else:
        for control in _seed_controls(controls):
            bind_seed(control)
    return tuple(controls)


def _keys(fields: Iterable[Field]) -> str:
    """Return the fields' keys as an attribute's value."""
    return html.escape(json_text([field.key for field in fields]))


def _title_of(form: Form, group: Group) -> str:
    return form.titles.get(group.name, group.name)


def _titled(form: Form, group: Group) -> Sequence[Field]:
    """Draw a group's title. Return its fields."""
    title = _title_of(form, group)
    gr.HTML(f'<h3 data-open="{group.id}">{html_of(title)}</h3>', elem_classes="node-title")
    return list(below_title(title, list(group.fields)))


def _draw_folded(form: Form, groups: Iterable[Group]) -> None:
    """Draw a button for each group that opens it, with the labels of its fields."""
    buttons = (
        f'<button type="button" class="fold" aria-expanded="false" data-opens="{group.id}"'
        f' data-keys="{_keys(group.fields)}"><span>{html_of(title)}</span> <span class="aside">'
        f"{html_of(listed(field.label for field in below_title(title, list(group.fields))))}</span>"
        "</button>"
        for group in groups
        for title in [_title_of(form, group)]
    )
    gr.HTML(
        "".join(buttons),
        elem_classes="folded-groups",
        js_on_load=calls("form/form.js", "mountFolds(element)"),
    )


def below_title(node: str, fields: list[Field]) -> Iterable[Field]:
    """Yield a node's fields with labels that omit the node's title: "Steps" for "Steps (First
    pass)". A label stays unchanged if two would become equal."""
    short = [_without(node, field) for field in fields]
    for field, label in zip(fields, short, strict=True):
        yield replace(field, label=label) if short.count(label) == 1 else field


def _without(node: str, field: Field) -> str:
    match field.label:
        case Message(values={"label": str(label), "detail": str(detail)}):
            return label if detail.lower() in node.lower() else field.label
    return field.label


def draw_group(
    scope: str, fields: Sequence[Field], values: dict[str, Any], unfolded: Collection[str]
) -> Iterable[Control]:
    pairs = {width.key: height for width, height in size_pairs(fields)}
    heights = {height.key for height in pairs.values()}
    grows = []
    for field, after in zip_longest(fields, fields[1:]):
        if field.key in pairs:
            yield from draw_size(scope, field, pairs[field.key], values, unfolded)
        elif field.role == "negative" and field.group == "main":
            yield draw_negative(field, values[field.key], scope, unfolded)
        elif field.key not in heights:
            yield build_control(field, values[field.key], scope)
        if field.grows and field.kind.file:
            grows.append(field.grows)
        if not (after and after.is_media):  # below the last file
            for one in grows:
                _draw_more(one)
            grows.clear()


def _draw_more(field: str) -> None:
    """Draw a button that adds the `field` for one more file of this kind."""
    more = gr.Button(message("Add another file"), size="sm", elem_classes="quiet", min_width=120)
    more.click(
        None,
        js=listener("form/form.js", f"grow({json.dumps(field)})"),
        api_visibility="private",
    )


def keep_values(name: str, controls: tuple[Control, ...]) -> None:
    """Store every value in the browser immediately, so reloading or redrawing loses nothing.

    For a file, store its place in the app.
    """
    for control in controls:
        if control.components:
            fields = json_text(held_fields([control]))
            gr.on(
                [component.change for component in control.components],  # type: ignore[attr-defined]
                None,
                list(control.components),
                js=listener(
                    "form/form.js", f"keep({json.dumps(name)}, {fields}, values)", "...values"
                ),
                api_visibility="private",
            )


def redraw_on_choice(controls: tuple[Control, ...]) -> None:
    """Redraw the form when the user changes a choice that determines other fields, after the
    browser has stored it."""
    for control in controls:
        if control.field.redraws:
            control.components[0].select(  # type: ignore[attr-defined]
                None, js=listener("form/form.js", "redrawSoon()"), api_visibility="private"
            )


def bind_generate(
    name: str, controls: tuple[Control, ...], generate: gr.Button, *, is_chain: bool = False
) -> None:
    """Bind Generate to the page's script, which sends the form's values to the API."""
    fields = json_text(held_fields(controls))
    components = [component for control in controls for component in control.components]
    call = f"press({json_text(name)}, {json_text(is_chain)}, {fields}, values)"
    generate.click(
        None,
        components,
        js=listener("runs/start.js", call, "...values"),
        trigger_mode="multiple",
        api_visibility="private",
    )


def _seed_controls(controls: Iterable[Control]) -> list[Control]:
    return [control for control in controls if control.field.is_seed]
