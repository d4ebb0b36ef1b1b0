"""The page: a header, the form of one workflow, and the area for its results."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.components import Component

from comfy.base.messages import Message, message
from comfy.base.version import app_version
from comfy.library.folder import FolderEntry
from comfyforms.hooks import PluginPage
from ui.brand import PRODUCT, current_brand
from ui.gradio.internals import QUIET, Page, identify_parts
from ui.languages.catalogs import Languages
from ui.library import WorkflowLibrary
from ui.page.form.chain_panel import draw_chain
from ui.page.form.first_values import FormSources, choice_of
from ui.page.form.panel import draw_form
from ui.page.gradio_files import script_tags
from ui.page.language_files import LANGUAGE, language_menu
from ui.page.plain.layout import ICON, footer_html, head_tags_of, icon_address, logo_tag
from ui.page.run_lists import draw_batches, draw_history, draw_queue
from ui.page.script_files import calls, head_tags, listener, preload_tags
from ui.page.stage import draw_stage
from ui.page.theme import make_theme
from ui.page.workflow_chooser import Opening, WorkflowChoice, draw_chooser
from ui.web.identity import Identity

_OPENED = message("Opened by me")
_SHARED = message("Shared workflows")
# Phones have room for the logo only; the rest of the header is collapsed.
_BRAND = '<a class="brand" href="./">{logo}<span>{name}</span></a>'
_MENU = """<button type="button" class="quiet" data-icon="menu" aria-label="${value}"
aria-expanded="false"></button>"""
# Header lines about the server: templates with values from Gradio.
_WAITING = '<span class="waiting"></span>'
_SERVER = (
    ' <span class="server"><span class="dot" aria-hidden="true"></span>'
    '<span class="server-name">${value}</span></span>'
)
_STAND_IN = """<details><summary title="${value.about}">${value.demo}</summary><div
class="how"><p>${value.about}</p><h2>${value.how}</h2><p>${value.connect}</p></div></details>"""
_STAND_IN_WORDS = {
    "demo": message("Demo"),
    "about": message("Demo mode – not connected to ComfyUI."),
    "how": message("How to connect"),
    "connect": message(
        "Start ComfyUI, then restart ComfyForms with {option}.",
        option="--server http://&lt;address&gt;:8188",
    ),
}
# JavaScript: the output of a listener, or one that changes nothing.
_FIRST_CHOICE = "() => [firstView.form ? firstView.choice() : { __type__: 'update' }]"
_STATE = '<span class="server-state" role="status"></span>'


def build_page(
    sources: FormSources,
    identity: Identity,
    languages: Languages,
    *,
    server_name: str,
    plugin_pages: Sequence[PluginPage],
    add_endpoints: Callable[[], None],
) -> gr.Blocks:
    """Return the Blocks of the whole app. With sign-in, the page shows the user's name and a way to
    sign out. The header links to `plugin_pages`. `add_endpoints` adds the endpoints for scripts.
    Adding them afterward would make Gradio build its app again."""
    page: gr.Blocks
    with Page(title=current_brand().name, analytics_enabled=False, fill_width=True) as page:
        requested = gr.JSON(visible=False)
        opened = gr.JSON(visible=False)
        redraw = gr.Button("", visible="hidden", elem_id="redraw")
        login = identity.login is not None
        picker, bring = _header(server_name, plugin_pages, demo=sources.demo, login=login)
        if notice := current_brand().notice:
            gr.HTML(
                f"<p>{html.escape(notice)}</p>",
                elem_id="brand-notice",
                js_on_load=calls("components/header.js", "mountBrandNotice(element)"),
            )
        operates = gr.HTML("<span></span>", elem_id="operates", visible=False)
        signs_out = gr.HTML("<span></span>", elem_id="signs-out", visible=False)
        templates = gr.HTML("<span></span>", elem_id="starts-from-templates", visible=False)
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(elem_id="form-side", scale=2, min_width=320):
                form_area = gr.Column(elem_id="form")
                keeps_going = _keeps_going(asks=not sources.runs.keep_running)
                generate = _actions()
            with gr.Column(elem_id="result-side", scale=3, min_width=320):
                stage = draw_stage()
                draw_batches()
                draw_queue()
                draw_history()
        _footer(languages)

        with form_area:

            def form(choice: dict[str, Any] | None, request: gr.Request) -> None:
                if choice:
                    is_chain = sources.library.is_chain(choice["name"], identity.person(request))
                    draw = draw_chain if is_chain else draw_form
                    draw(sources, choice, opened, generate, stage, identity.person, request)
                    identify_parts()

            gr.render([opened], [opened.change], queue=False, show_progress="hidden")(form)

        marks = [bring, templates, operates, signs_out]
        drawn = [opened, picker, keeps_going, *marks]
        _wire_choice(sources.library, page, redraw, picker, requested, drawn, identity)
        add_endpoints()
    return page


def document_head(root: str) -> str:
    """Return the tags in the document's head: its description, the icon, and requests for what the
    page needs next. `root`: the app's URL, or an expression for it."""
    return "\n        ".join(
        (
            head_tags_of(root),
            '<meta name="color-scheme" content="light dark">',
            f'<link rel="icon" href="{icon_address()}">',
            script_tags(),
            preload_tags(),
        )
    )


def assets() -> dict[str, Any]:
    """Return the page's theme, script and icon as arguments of `gr.mount_gradio_app`."""
    return {
        "theme": make_theme(current_brand().accent),
        "head": head_tags(),
        "favicon_path": str(ICON),
    }


def _folder_order(entry: FolderEntry) -> tuple[bool, str]:
    """Return the sort key of an entry's folder: by name, our own parts of workflows last."""
    return isinstance(entry.folder, Message), entry.folder.casefold()


def _escaped(name: str) -> str:
    """Escape an address, which may contain any character; leave our own messages translatable."""
    return name if isinstance(name, Message) else html.escape(name)


def _header(
    server_name: str, pages: Sequence[PluginPage], *, demo: bool, login: bool
) -> tuple[gr.HTML, gr.HTML]:
    """Draw the workflow chooser and, for users with permission, the button that opens files."""
    with gr.Row(elem_id="topbar", equal_height=True):
        name = html.escape(current_brand().name)
        gr.HTML(_BRAND.format(logo=logo_tag(32), name=name), elem_id="brand")
        picker = draw_chooser()
        gr.HTML(
            message("Menu"),
            html_template=_MENU,
            elem_id="header-menu",
            js_on_load=calls("components/header.js", "mountMenu(element)"),
        )
        with gr.Row(elem_id="header-list"):
            bring = gr.HTML(
                message("Open a workflow…"),
                html_template='<button type="button" class="quiet" data-icon="folder">${value}'
                "</button>",
                elem_id="open",
                visible=False,
                js_on_load=calls("form/files.js", "mountOpen(element)"),
            )
            gr.HTML(
                "" if demo else _escaped(server_name),
                html_template=_STATE + _WAITING + ("" if demo else _SERVER),
                elem_id="server",
                js_on_load=calls("components/header.js", "mountServer(element)"),
            )
            if demo:
                gr.HTML(_STAND_IN_WORDS, html_template=_STAND_IN, elem_id="demo")
            for page in pages:
                gr.HTML(
                    _escaped(page.label),
                    html_template=f'<a href=".{html.escape(page.address)}">${{value}}</a>',
                    elem_classes="plugin-page",
                )
            if login:
                gr.HTML(
                    '<button type="button" class="quiet"><span class="name"></span></button>',
                    elem_id="account",
                    js_on_load=calls("components/account.js", "mountAccount(element)"),
                )
            gr.HTML(
                message("Switch theme"),
                html_template='<button type="button" class="bare" data-icon="moon"'
                ' aria-label="${value}"><span>${value}</span></button>',
                elem_id="shade",
                js_on_load=calls("components/header.js", "mountShade(element)"),
            )
    return picker, bring


def _keeps_going(*, asks: bool) -> gr.Checkbox:
    """Draw the option to continue runs after the page closes. It is only drawn if the app `asks`:
    by default, all runs continue."""
    keeps_going = gr.Checkbox(
        label=message("Keep running if I close this page"),
        container=False,
        visible=asks,
        elem_id="keeps-going",
    )
    keeps_going.input(
        None,
        keeps_going,
        js=listener("form/form.js", "setKeepsGoing(wanted)", "wanted"),
        api_visibility="private",
    )
    return keeps_going


def _actions() -> gr.Button:
    """Draw the row with Generate, the number of results, and Stop; return Generate."""
    with gr.Row(elem_id="actions"):
        generate = gr.Button(
            message("Generate"),
            variant="primary",
            elem_id="generate",
            interactive=False,  # until the fields are there; see `form/form.js`
            scale=3,
            min_width=140,
        )
        gr.HTML(elem_id="many", js_on_load=calls("making/many.js", "mountMany(element)"))
        gr.Button(message("Stop"), elem_id="stop", interactive=False, scale=1, min_width=80)
    return generate


def _footer(languages: Languages) -> None:
    keys = '<button type="button" class="link keys">${value.keys}</button>'
    api = '<a class="link" href="./api/v1/docs">${value.api}</a>'
    menu = language_menu(languages, "${value.language}")
    own = footer_html(current_brand())
    gr.HTML(
        {
            "keys": message("Shortcuts"),
            "api": message("API"),
            "language": LANGUAGE,
            "own": f"{own} · " if own else "",
        },
        html_template='${value.own}<details class="colophon">'
        f"<summary>{PRODUCT} {app_version()}</summary>{keys} · {api} {menu}</details>",
        elem_id="about",
        js_on_load=calls("components/footer.js", "mountFooter(element)"),
    )


def _wire_choice(  # noqa: PLR0913 - the components that the listeners of the page share
    library: WorkflowLibrary,
    page: gr.Blocks,
    redraw: gr.Button,
    picker: gr.HTML,
    requested: gr.JSON,
    drawn: list[Component],
    identity: Identity,
) -> None:
    """Show the workflow in the URL, then the user's choice. `drawn`: the form's inputs, the choice
    first."""

    def open_page(wanted: dict[str, Any] | None, request: gr.Request) -> tuple[Any, ...]:
        person = identity.person(request)
        opening = Opening.of(library, person)
        shared = [
            WorkflowChoice(one.name, one.title, one.description, one.folder or _SHARED)
            for one in sorted(opening.entries, key=_folder_order)
        ]
        opened = [
            WorkflowChoice(one.name, one.title, "", _OPENED, own=True) for one in opening.opened
        ]
        wanted = wanted or {}
        maybe_gone = bool(wanted.get("maybe_gone"))
        starts = opening.starts(maybe_gone=maybe_gone)
        name = opening.name(wanted.get("name") or "", maybe_gone=maybe_gone)
        if name != wanted.get("name"):
            wanted["kept"] = {}
        choices = [asdict(one) for one in (*shared, *opened)]
        is_open = not starts and any(one["name"] == name for one in choices)
        offer = {"choices": choices, "name": name if is_open else None}
        choice = None if starts else choice_of(name, wanted)
        if wanted.get("list_only") or (choice and name == wanted.get("drawn")):
            choice = gr.skip()
        may = library.forms.permissions
        rights = (may.open(person), may.templates(person), may.operates(person))
        marks = [gr.HTML(visible=right) for right in rights]
        signs_out = gr.HTML(visible=identity.may_sign_out(request))
        return choice, offer, bool(wanted.get("keeps_going")), *marks, signs_out

    # The first view knows which form comes first. The page's script may still be on its way.
    page.load(None, outputs=drawn[0], js=_FIRST_CHOICE, **QUIET)
    for event in (page.load, redraw.click):
        event(
            open_page,
            requested,
            drawn,
            js=listener("form/form.js", "wanted()"),
            **QUIET,
        )
    picker.select(
        None, picker, drawn[0], js=listener("form/form.js", "chosen(name)", "name"), **QUIET
    )
