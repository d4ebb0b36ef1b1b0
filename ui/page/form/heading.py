"""Heading of a form: its title, sharing, and missing parts; or the reason why there is no form."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.form.model import Form, Idea
from comfy.library.private import MARK as OPENED_MARK
from ui.documents.browser_values import Filled, number_rules, run_values, seed_rules
from ui.languages.current import html_of, translated
from ui.page.form.kinds.view import element_id
from ui.page.form.missing_card import missing_card, why_not
from ui.page.form.sources import FormSources
from ui.page.form_editor.edit_button import draw_edit_button
from ui.page.script_files import calls
from ui.web.responses import json_text

_MOST_IDEAS = 6
_MOST_AWAITED = 40  # fields, before Generate is available
_PRIVATE = message("Only you can see this workflow. Links to it only work for you.")
_NOTE = message("Note")
_SHARE = message("Add to shared workflows")
_ADDED = message("Added to the shared workflows.")
_REMOVE = message("Remove…")
_REMOVED_FOR_ONE = message("You can open its file again. Results made with it stay in the history.")


@dataclass(frozen=True, slots=True)
class AuthorsImages:
    """Images from the author. `cover`: the URL of an example result, or ""; `examples`: the places
    of fields' example files by key; `of_ideas`: the places of the images that ideas start with, by
    name. Missing files have the value None."""

    cover: str
    examples: Mapping[str, str | None]
    of_ideas: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Sharing:
    """The user's options to share a workflow with all users or to remove it. `removal`: the
    confirmation question; "" if removing isn't allowed. `may_edit`: the user may edit the form."""

    may_add: bool = False
    removal: str = ""
    may_edit: bool = False


def draw_heading(
    name: str,
    form: Form,
    filled: Filled,
    images: AuthorsImages,
    sharing: Sharing,
    sources: FormSources,
) -> None:
    """Draw the title and notes; pass `filled` and the maximum file size to the script."""
    data = f'data-workflow="{html.escape(name)}" data-largest="{sources.largest_file}"'
    text = f"<h1 {data}>{html_of(form.title)}</h1>"
    ideas = [
        {
            "label": idea.label,
            "values": _values_of(idea, images.of_ideas),
            "instead": {key: _authors_own(key, form, images) for key in idea.images},
        }
        for idea in form.ideas[:_MOST_IDEAS]
    ]
    given = (
        name,
        why_not(form.missing),
        number_rules(form.fields) | seed_rules(form.fields),
        filled.values,
        filled.authors,
        ideas,
        images.cover,
        made_kind(form),
        {key: translated(sentence) for key, sentence in filled.errors.items()},
        filled.held,
        [element_id(field) for field in form.fields if field.group == "main"][:_MOST_AWAITED],
    )
    arguments = ", ".join(map(json_text, given))
    gr.HTML(text, elem_id="heading", js_on_load=calls("form/form.js", f"drawn({arguments})"))
    if form.description:
        gr.HTML(
            f"<p>{html_of(form.description)}</p>",
            elem_id="description",
            js_on_load=calls("fields/description.js", "mountDescription(element)"),
        )
    if sharing.may_edit:
        draw_edit_button(name)
    _draw_sharing(name, form.title, sharing)
    _draw_missing(name, form, sources)
    _draw_problems(form)


def _draw_missing(name: str, form: Form, sources: FormSources) -> None:
    if not form.missing:
        return
    folded = [one.key for one in form.fields if one.group == "advanced" and not one.section]
    missing = form.missing if sources.demo else sources.known_parts.missing(form.missing)
    card = missing_card(missing, demo=sources.demo, folded=folded)
    gr.HTML(
        f'<div role="note">{card}</div>',
        elem_classes="notice",
        elem_id="missing",
        js_on_load=calls("models/missing_models.js", f"mountMissing(element, {json_text(name)})"),
    )


def _draw_problems(form: Form) -> None:
    """Draw the problems that the missing nodes and models don't explain already."""
    sentences = {one.sentence for one in form.missing}
    if form.missing_prompt:  # shown in the place of the prompt
        sentences.add(form.missing_prompt.sentence)
    if problems := [problem for problem in form.problems if problem not in sentences]:
        items = "".join(f"<li>{html_of(problem)}</li>" for problem in problems)
        gr.HTML(
            f'<div role="note"><strong>{html_of(_NOTE)}</strong><ul>{items}</ul></div>',
            elem_classes="notice",
        )


def _draw_sharing(name: str, title: str, sharing: Sharing) -> None:
    """Draw the sharing options if this user has any."""
    is_own = name.startswith(OPENED_MARK)
    if not is_own and not sharing.removal:
        return
    share = f'<button type="button" class="quiet share">{html_of(_SHARE)}</button>'
    remove = f'<button type="button" class="quiet remove">{html_of(_REMOVE)}</button>'
    notice = _PRIVATE if is_own else _ADDED
    given = (name, title, is_own, translated(_REMOVED_FOR_ONE if is_own else sharing.removal))
    gr.HTML(
        f"<p>{html_of(notice)}</p>{share if is_own and sharing.may_add else ''}{remove}",
        elem_classes="notice sharing",
        elem_id="opened-here" if is_own else "added-here",
        js_on_load=calls(
            "form/workflows.js", f"mountSharing(element, {', '.join(map(json_text, given))})"
        ),
    )


def made_kind(form: Form) -> str:
    """Return the single type of saved results, "" for several; previews alone are images."""
    kinds: set[str] = {one.kind for one in form.outputs if one.node in form.needed}
    return kinds.pop() if len(kinds) == 1 else ""


def _values_of(idea: Idea, places: Mapping[str, str | None]) -> dict[str, Any]:
    """Return an example's values in the browser's format; a missing image leaves its field
    unchanged."""
    there = {key: places.get(name) for key, name in idea.images.items()}
    return run_values(idea.values, {key: place for key, place in there.items() if place})


def _authors_own(key: str, form: Form, images: AuthorsImages) -> list[str]:
    """Return the places of a form's files that come from its author."""
    names = (idea.images[key] for idea in form.ideas if key in idea.images)
    places = (images.examples.get(key), *map(images.of_ideas.get, names))
    return [place for place in places if place]


def draw_problem(
    problem: ComfyError,
    *,
    will_pass: bool,
    name: str = "",
    title: str = "",
    sharing: Sharing | None = None,
) -> None:
    """Draw the reason why there is no form, below the title and the sharing options if they are
    known. `will_pass`: the page tries again by itself."""
    if title:
        gr.HTML(f"<h1>{html_of(title)}</h1>", elem_id="heading")
    if sharing:
        _draw_sharing(name, title, sharing)
    what, hint = html_of(str(problem)), html_of(problem.hint)
    gr.HTML(
        f'<div role="alert"><strong>{what}</strong><p>{hint}</p></div>',
        elem_classes="notice",
        elem_id="no-form",
        js_on_load=calls("form/form.js", f"notDrawn({json.dumps(will_pass)})"),
    )
