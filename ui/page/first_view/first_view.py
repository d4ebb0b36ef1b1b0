"""A form's labels and values as plain HTML, in the places where Gradio draws them later.

First view of the page as HTML: the header and the form that the page opens with. It stands until
Gradio has drawn the fields.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.chains.forms import ChainForm
from comfy.form.model import Field, Form
from ui.brand import current_brand
from ui.documents.browser_values import kept, seed_parts
from ui.languages.current import html_of, translated
from ui.page.form.arrangement import arrangement_of, size_name, size_pairs
from ui.page.form.first_values import FormSources, in_readers_language, linked_values
from ui.page.form.heading import images_field
from ui.page.form.kinds.view import box_text, help_text, options_of
from ui.page.plain.layout import logo_tag
from ui.page.script_files import packed_script
from ui.page.style_text import packed_style, styles
from ui.page.theme import variables
from ui.page.typeface import AS_WIDE, FIRST_FONTS, font_face
from ui.page.workflow_chooser import Opening
from ui.web.identity import Identity
from ui.web.responses import in_short, json_text

_MOST_FIELDS = 40  # those below aren't in sight
_MOST_TEXT = 2000  # characters
_LINES = 3
log = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_WAIT = 0.3  # seconds for the first visitor, whose page needs the ComfyUI server's answer
_COVER = '<p class="cover"></p>'  # place of the example, which is above the form in one column
_LAST = "comfyforms-last"  # cookie with the name of a workflow; see `form/form.js`
_LOADING = message("Loading the form…")
_AGAIN = message("A part of the page couldn't be loaded. Trying again…")
_GIVEN_UP = message("A part of the page couldn't be loaded. Reload the page.")


def _form_html(form: Form, given: Mapping[str, str], chain: ChainForm | None = None) -> str:
    """Return a workflow's or a chain's form. `given`: the field values in the URL."""
    count = None if chain else images_field(form)
    shown = [field for field in form.fields if field.group != "hidden" and field is not count]
    order = arrangement_of(in_readers_language(shown))
    steps: list[tuple[str, Sequence[Field]]] = [("", shown)]
    if chain:
        steps = [("", chain.switches), *((one.title, one.fields) for one in chain.sections)]
    parts = [*_heading(form)]
    for title, fields in steps:
        keys = {field.key for field in fields}
        parts += [f"<h2>{html_of(title)}</h2>"] if title else []
        parts += _fields(form, [field for field in order.main if field.key in keys], given)
    if order.has_lock_in_front:
        parts.append(_labeled(message("Seeds"), "", '<p class="choices"></p>'))
    parts += (f'<p class="fold">{html_of(section.title)}</p>' for section in order.sections)
    return "".join(parts)


def _heading(form: Form) -> Iterator[str]:
    yield f"<h1>{html_of(form.title)}</h1>"
    if form.description:
        yield f'<p class="about">{html_of(form.description)}</p>'


def _fields(form: Form, fields: Sequence[Field], given: Mapping[str, str]) -> Iterator[str]:
    linked, _ = linked_values(form, given)
    pairs = size_pairs(fields)
    by_width = {width.key: height for width, height in pairs}
    heights = {height.key for _, height in pairs}
    for field in fields[:_MOST_FIELDS]:
        if field.key in by_width:
            title, _ = size_name(field, by_width[field.key])
            yield _labeled(title, "", '<p class="ratios"></p>', "size")
        elif field.role == "negative":
            yield f'<p class="fold"><b>{html_of(field.label)}</b> {_value(field, linked)}</p>'
        elif field.key not in heights:
            yield _field(field, linked)
        if field.role == "prompt" and len(form.ideas) > 1:
            yield '<p class="ideas"></p>'  # below the prompt in one column, on the stage in two


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
            style += " painted" if field.is_painted else ""
            return _labeled(label, "", f'<p class="{style}"></p>')
        case "textarea":
            is_prompt = field.role == "prompt" and field.group == "main"
            style = "box prompt" if is_prompt else "box"
            return _labeled(label, note, f'<p class="{style}" style="--lines:{_LINES}">{value}</p>')
        case _:
            return _labeled(label, note, f'<p class="box">{value}</p>', field.widget)


def _labeled(label: str, note: str, body: str, kind: str = "") -> str:
    info = f'<p class="help">{html.escape(note)}</p>' if note else ""
    return f'<div class="field {kind}"><p class="label">{html_of(label)}</p>{info}{body}</div>'


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


@dataclass(frozen=True, slots=True)
class FirstView:
    """First view for each request for the page."""

    sources: FormSources
    identity: Identity

    def html(self, request: Request) -> str:
        """Return the view, without a form if it doesn't exist yet or can't be drawn. The page
        doesn't wait for a ComfyUI server, except for a moment until the first answer."""
        name, form = "", ""
        try:
            name = self._name(request)
            form = self._form(name, request) if name else ""
        except ComfyError:
            pass  # the page itself says why
        except Exception as problem:  # noqa: BLE001 - the page works without it
            log.warning("The first view failed: %s", in_short(problem))
        user = self.identity.shown_name(request) if self.identity.login else ""
        brand = current_brand()
        return f"""<div id="first-view" data-workflow="{html.escape(name if form else "")}"
data-user="{html.escape(user or "")}" aria-busy="true">
<style>{_style(brand.accent)}</style>
<div class="bar"><p class="brand">{logo_tag(32)}<span>{html.escape(brand.name)}</span></p><p
class="box"></p></div>
{f'<p class="brand-notice">{html.escape(brand.notice)}</p>' if brand.notice else ""}
<div class="columns"><div class="side"><div class="first-form">{form}</div>
<p class="state" role="status" data-again="{html_of(_AGAIN)}" data-given-up="{html_of(_GIVEN_UP)}">{
            html_of(_LOADING)
        }</p>
<div class="actions"><button type="button" disabled>{html_of(message("Generate"))}</button><button
type="button" disabled>{html_of(message("Stop"))}</button></div></div></div>
<script>{_script()}</script></div>"""

    def _name(self, request: Request) -> str:
        """Return the workflow that the page opens: the one in the URL, or the one that the browser
        used last; "" for the overview."""
        named = request.query_params.get("workflow")
        last = unquote(request.cookies.get(_LAST, ""))
        opening = Opening.of(self.sources.library, self.identity.owner(request) or "")
        if opening.starts(maybe_gone=named is None):
            return ""
        return opening.name(last if named is None else named, maybe_gone=named is None)

    def _form(self, name: str, request: Request) -> str:
        library, person = self.sources.library, self.identity.owner(request) or ""
        given = {key: value for key, value in request.query_params.items() if "." in key}
        library.forms.catalog.within(_WAIT)
        if library.is_chain(name, person):
            place = _COVER if library.cover(name, person) else ""
            chain = library.chain_forms.form(name, person, given)
            return place + _form_html(chain.form, given, chain)
        workflow, form = library.forms.form(name, person, given, offline=True)
        place = _COVER if workflow.cover else ""
        return place + _form_html(form, given)


@cache
def _style(accent: str) -> str:
    style = packed_style(_HERE / "first_view.css")
    fonts = f"{font_face('')}\n{AS_WIDE}\n#first-view {{ --font: {FIRST_FONTS}; }}"
    base = styles("base.css", "bar.css")
    return f"{fonts}\n#first-view {{ {variables(accent)} {base} }}\n{style}"


@cache
def _script() -> str:
    return packed_script((_HERE / "loading.js").read_text(encoding="utf-8"))
