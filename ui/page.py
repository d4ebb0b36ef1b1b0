"""The page: a header, the form of one workflow, and the place where its results appear."""

from __future__ import annotations

import html
from importlib import metadata
from pathlib import Path
from typing import Any

import gradio as gr

from ui.backend import Backend
from ui.form_side import Actions, choice_of, draw_form
from ui.gradio_internals import Page
from ui.identity import Identity
from ui.result_side import QUIET, build_results
from ui.theme import make_theme

HERE = Path(__file__).parent
SCRIPT = (
    *("base", "reload", "values", "errors", "runs", "painting", "queue"),
    *("news", "opening", "files", "history", "login", "page"),
)
STAND_IN = "Demo pictures: no ComfyUI is connected."
# Inside the page: /favicon.ico of the host's root need not be this app's.
ICON = (
    '<link rel="icon" href="data:image/svg+xml,'
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%235a48dd'/%3E"
    "%3Cpath d='M4 5h8M4 8h8M4 11h4' stroke='white' stroke-width='1.6' stroke-linecap='round'/%3E%3C/svg%3E"
    '">'
)
CONNECT = "Start ComfyUI, then start this app again with --server http://HOST:8188."


def build_page(backend: Backend, identity: Identity, *, login: bool) -> gr.Blocks:
    """The Blocks of the whole app; with a `login` it says whose page this is, and lets them log out."""
    page: gr.Blocks
    with Page(title="ComfyForms", analytics_enabled=False, fill_width=True) as page:
        asked = gr.JSON(visible=False)
        opened = gr.JSON(visible=False)
        redraw = gr.Button("Draw again", elem_id="redraw", visible="hidden")
        picker, bring = _header(backend, login=login)
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(elem_id="form-side", scale=2, min_width=320):
                form_area = gr.Column(elem_id="form")
                keep_running = gr.Checkbox(
                    label="Keep running when I close the page",
                    container=False,
                    elem_id="keep-running",
                )
                with gr.Row(elem_id="actions"):
                    generate = gr.Button("Generate", variant="primary", elem_id="generate", scale=3, min_width=160)
                    gr.Button("Stop", elem_id="stop", interactive=False, scale=1, min_width=80)
                actions = Actions(generate, keep_running)
            with gr.Column(elem_id="result-side", scale=3, min_width=320):
                results = build_results(backend, identity.person)
        gr.HTML(_footer(), elem_id="about")

        with form_area:

            def form(choice: dict[str, Any] | None, request: gr.Request) -> None:
                if choice:
                    draw_form(backend, choice, opened, actions, results, identity.person, request)

            gr.render([opened], [opened.change], queue=False, show_progress="hidden")(form)

        keep_running.input(
            None, keep_running, js="(wanted) => comfyforms.keepRunning(wanted)", api_visibility="private"
        )
        _wire_choice(backend, page, redraw, picker, bring, asked, opened, keep_running, identity)
    return page


def look() -> dict[str, Any]:
    """Theme, style and script of the page, as `gr.mount_gradio_app` takes them."""
    parts = "\n".join((HERE / "script" / f"{part}.js").read_text(encoding="utf-8") for part in SCRIPT)
    script = f'(() => {{ "use strict";\n{parts}}})();'
    return {
        "theme": make_theme(),
        "css": (HERE / "page.css").read_text(encoding="utf-8"),
        "head": f'<meta name="color-scheme" content="light dark">\n{ICON}\n<script>{script}</script>',
    }


def _header(backend: Backend, *, login: bool) -> tuple[gr.Dropdown, gr.HTML]:
    """The picker, and what opens a workflow: shown to those who may, once it is known who looks."""
    address = backend.client.address
    where = html.escape(address.url.partition("://")[2] if address.shown else address.name)
    server = (
        f'<span class="stand-in" title="{html.escape(CONNECT)}">{STAND_IN} <details><summary>How to connect one'
        f"</summary>{html.escape(CONNECT)}</details></span>"
        if backend.demo
        else f'<span class="server"><span class="dot" aria-hidden="true"></span>{where}</span>'
    )
    with gr.Row(elem_id="topbar", equal_height=True):
        gr.HTML('<a class="brand" href="./">ComfyForms</a>', elem_id="brand")
        picker = gr.Dropdown(
            [], label="Workflow", show_label=False, container=False, filterable=True, elem_id="picker", interactive=True
        )
        bring = gr.HTML(
            '<button type="button" class="quiet">Open a workflow…</button>',
            elem_id="open",
            visible=False,
            js_on_load="element.querySelector('button').addEventListener('click', () => comfyforms.chooseWorkflow())",
        )
        gr.HTML(f'{server}<span class="waiting"></span>', elem_id="server")
        if login:
            gr.HTML(
                '<span class="name"></span> · <button type="button" class="link">Log out</button>',
                elem_id="login",
                js_on_load="comfyforms.mountLogin(element)",
            )
        gr.HTML(
            '<button type="button" class="quiet" aria-label="Light or dark">◐</button>',
            elem_id="shade",
            js_on_load="element.querySelector('button').addEventListener('click', () => comfyforms.shade())",
        )
    return picker, bring


def _footer() -> str:
    return f"ComfyForms {metadata.version('comfyforms')}"


def _wire_choice(
    backend: Backend,
    page: gr.Blocks,
    redraw: gr.Button,
    picker: gr.Dropdown,
    bring: gr.HTML,
    asked: gr.JSON,
    opened: gr.JSON,
    keep_running: gr.Checkbox,
    identity: Identity,
) -> None:
    """Which workflow is shown: the one in the address, then whichever the person picks."""

    def open_page(wanted: dict[str, Any] | None, request: gr.Request) -> tuple[Any, Any, bool, Any]:
        entries = backend.folder.entries()
        names = [entry.name for entry in entries]
        wanted = wanted or {}
        name = wanted.get("workflow") or (names[0] if names else "")
        choices = [(entry.title, entry.name) for entry in entries]
        picked = gr.Dropdown(choices=choices, value=name if name in names else None)
        choice = gr.skip() if wanted.get("list_only") else choice_of(name, wanted)
        may_open = gr.HTML(visible=backend.permissions.open(identity.person(request)))
        return choice, picked, bool(wanted.get("keeps_going")), may_open

    for event in (page.load, redraw.click):
        event(
            open_page,
            asked,
            [opened, picker, keep_running, bring],
            js="() => [comfyforms.open()]",
            **QUIET,
        )
    picker.input(
        lambda name, wanted: choice_of(name, wanted) if wanted else gr.skip(),
        [picker, asked],
        opened,
        js="(name) => [name, comfyforms.go(name)]",
        **QUIET,
    )
