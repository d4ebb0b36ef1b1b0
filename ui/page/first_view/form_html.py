"""A form's labels and values as plain HTML, in the places where Gradio draws them later."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from comfy.base.messages import message
from comfy.chains.chain_form import ChainForm
from comfy.form.model import Field, Form
from ui.documents.browser_values import kept, seed_parts
from ui.languages.current import html_of, translated
from ui.page.form.arrangement import arrangement_of
from ui.page.form.first_values import linked_values
from ui.page.form.kinds.view import box_text, help_text, options_of
from ui.page.form.many import images_field
from ui.page.form.size import size_name, size_pairs
from ui.web.responses import json_text

_MOST_FIELDS = 40  # those below aren't in sight
_MOST_TEXT = 2000  # characters
_LINES, _PROMPT_LINES = 3, 4


def form_html(form: Form, given: Mapping[str, str], *, edits: bool) -> str:
    """Return a workflow's form. `given`: the field values in the URL; `edits`: the user sees the
    button that edits the form."""
    edit = '<p class="edit"></p>' if edits else ""
    fields = _fields(form, form.fields, given, aside=images_field(form))
    return "".join((*_heading(form), edit, *fields))


def chain_html(chain: ChainForm, given: Mapping[str, str]) -> str:
    """Return a chain's form; `given` as for `form_html`."""
    parts = [*_heading(chain.form), *_fields(chain.form, chain.switches, given)]
    for section in chain.sections:
        parts.append(f"<h2>{html_of(section.title)}</h2>")
        parts += _fields(chain.form, section.fields, given)
    return "".join(parts)


def _heading(form: Form) -> Iterator[str]:
    yield f"<h1>{html_of(form.title)}</h1>"
    if form.description:
        yield f'<p class="about">{html_of(form.description)}</p>'


def _fields(
    form: Form, fields: Sequence[Field], given: Mapping[str, str], aside: Field | None = None
) -> Iterator[str]:
    linked, _ = linked_values(form, given)
    shown = [field for field in fields if field.group != "hidden" and field is not aside]
    order = arrangement_of(shown)
    pairs = size_pairs(order.main)
    by_width = {width.key: height for width, height in pairs}
    heights = {height.key for _, height in pairs}
    for field in order.main[:_MOST_FIELDS]:
        if field.key in by_width:
            yield _size(field, by_width[field.key], linked)
        elif field.role == "negative":
            yield f'<p class="fold"><b>{html_of(field.label)}</b> {_value(field, linked)}</p>'
        elif field.key not in heights:
            yield _field(field, linked)
        if field.role == "prompt" and form.ideas:
            yield '<p class="ideas"></p>'  # below the prompt in one column, on the stage in two
    if order.seeds:
        yield _labeled(message("Seeds"), "", '<p class="choices"></p>')
    for section in order.sections:
        yield f'<p class="fold">{html_of(section.title)}</p>'


def _field(field: Field, linked: Mapping[str, Any]) -> str:
    label, note = str(options_of(field, "")["label"]), help_text(field) or ""
    value = _value(field, linked)
    match field.widget:
        case "slider":
            return _labeled(
                label, note, f'<p class="box">{value}</p><p class="track"></p>', "slider"
            )
        case "checkbox":
            return _labeled(label, note, "", "checkbox")
        case "radio":
            return _labeled(label, note, '<p class="choices"></p>')
        case _ if field.is_media:
            style = "box file" if field.default is None else "box file filled"
            return f'<div class="{style}"><p class="label">{html_of(label)}</p></div>'
        case "textarea":
            is_prompt = field.role == "prompt" and field.group == "main"
            lines = _PROMPT_LINES if is_prompt else _LINES
            style = "box prompt" if is_prompt else "box"
            return _labeled(label, note, f'<p class="{style}" style="--lines:{lines}">{value}</p>')
        case _:
            return _labeled(label, note, f'<p class="box">{value}</p>', field.widget)


def _labeled(label: str, note: str, body: str, kind: str = "") -> str:
    info = f'<p class="help">{html.escape(note)}</p>' if note else ""
    return f'<div class="field {kind}"><p class="label">{html_of(label)}</p>{info}{body}</div>'


def _size(width: Field, height: Field, linked: Mapping[str, Any]) -> str:
    title, labels = size_name(width, height)
    wide, high = (
        _labeled(label, "", f'<p class="box">{_value(field, linked)}</p>')
        for label, field in zip(labels, (width, height), strict=True)
    )
    ratios = f'<p class="label">{html_of(title)}</p><p class="ratios"></p>'
    return f'<div class="field size">{ratios}<div class="pair">{wide}{high}</div></div>'


def _value(field: Field, linked: Mapping[str, Any]) -> str:
    """Return the field's value as an element. The page's script puts values there that only the
    browser keeps; a value from the URL takes precedence over them."""
    value = linked.get(field.key, None if field.is_seed and not field.is_fixed else field.default)
    key = "" if field.key in linked else f' data-key="{html.escape(field.key)}"'
    labels = {str(kept(choice)): translated(label) for label, choice in field.choices or ()}
    text = seed_parts(value)[0] if field.is_seed else box_text(kept(field.kind.to_json(value)))
    if labels:
        text = labels.get(text, text)
        key += (
            f' data-labels="{html.escape(json_text(labels))}"'
            if len(labels) <= _MOST_FIELDS
            else ""
        )
    return f"<span{key}>{html.escape(text[:_MOST_TEXT])}</span>"
