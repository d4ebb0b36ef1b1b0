"""The right side of the page: the picture as it comes, how far the run is, and the gallery of what came out."""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from comfy.errors import ComfyError, RunNotFound
from comfy.job import Record
from comfy.outputs import FileKind
from comfy.run_state import OutputFile
from ui.backend import Backend
from ui.file_components import Gallery, Image, Model3D, in_gallery, root_of, shown_at
from ui.files import NO_RESULT, file_address, safe_name
from ui.media import Refused
from ui.widgets import Control

# Gradio drops an event that comes while one of its kind is pending, unless told to serve it afterwards. What a page
# wants is then asked for again, but the event's own data would be the first one's: it has to come as an input.
QUIET: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
}
AT_ONCE: dict[str, Any] = QUIET | {"trigger_mode": "multiple"}
LISTENING = "comfyforms.mount(element, { value: () => props.value, watch, finished: () => trigger('finished') })"
SHOWN = ("image", "video")
NOT_SHOWN = "This drawing is not shown here, for safety: it may contain a script."

Owner = Callable[[gr.Request], str]


@dataclass(frozen=True)
class Result:
    """One file of a finished run as the page needs it: its place in the run, its address, and what it is shown as."""

    at: int
    file: OutputFile
    url: str
    kind: FileKind

    @property
    def name(self) -> str:
        """The name to save it under."""
        return safe_name(self.file.filename)


@dataclass(frozen=True)
class ResultSide:
    """The components of the right side that the form has to know."""

    stage: gr.HTML
    picture: Component
    shown: gr.JSON
    use_as_input: gr.Button
    backend: Backend

    def bind_reuse(self, controls: tuple[Control, ...], owner: Owner) -> None:
        """Let the picture that is shown become the form's first picture."""
        pictures = [control for control in controls if control.field.widget in ("image", "mask")]

        def as_input(shown: dict[str, Any] | None, request: gr.Request) -> Any:
            record = _own(self.backend, shown, owner(request))
            files = record.state.files if record else ()
            if not (record and shown and files) or files[shown["at"]].kind != "image":
                return gr.skip(), gr.skip()
            mine = self.backend.files_of(record.owner, root_of(request))
            field = pictures[0].field
            match mine.shown(self.backend.result(record, shown["at"]), field):
                case dict() as value:
                    return value, gr.skip()
                case Refused(why):
                    return gr.skip(), answer(errors={field.key: f"{field.label} {why}"})
            return gr.skip(), answer(message=NO_RESULT)

        if pictures:
            self.use_as_input.click(as_input, self.shown, [pictures[0].components[0], self.stage], **QUIET)


def build_results(backend: Backend, owner: Owner) -> ResultSide:
    """Draw the right side; called inside its column."""
    picture = Image(
        interactive=False,
        show_label=False,
        label="Picture",
        elem_id="picture",
        buttons=["fullscreen"],
        height="100%",
    )
    video = gr.HTML(elem_id="moving")
    stage = gr.HTML(
        value="",
        html_template='<div class="stage"></div>',
        js_on_load=LISTENING,
        elem_id="stage",
        apply_default_css=False,
    )
    gallery = Gallery(
        label="Results",
        show_label=False,
        elem_id="gallery",
        visible=False,
        interactive=False,
        allow_preview=False,
        columns=6,
        height="auto",
        object_fit="cover",
        buttons=[],
    )
    with gr.Row(elem_id="result-actions", visible=False) as actions:
        links = gr.HTML(elem_id="downloads")
        use = gr.Button("Use as input", elem_id="use-as-input", size="sm", elem_classes="quiet", min_width=100)
        more = gr.HTML(elem_id="more-actions")
    shown = gr.JSON(visible=False)
    wanted = gr.JSON(visible=False)
    side = ResultSide(stage, picture, shown, use, backend)
    _draw_rest(backend, shown, owner)
    gr.HTML(
        html_template='<section class="past" aria-label="Earlier results" hidden></section>',
        js_on_load="comfyforms.mountPast(element)",
        elem_id="past",
        apply_default_css=False,
    )
    outputs = [picture, video, gallery, actions, links, use, more, shown]

    def finished(said: dict[str, Any] | None, request: gr.Request) -> list[Any]:
        if not (said and said.get("run")):
            return nothing()
        record = _own(backend, said, owner(request))
        return [gr.skip()] * len(outputs) if record is None else show_record(backend, record, request, said.get("at"))

    # Two runs may end at once: the later one is asked for when the first is there. What is picked in the gallery comes
    # this way too: Gradio's own event names files by their address, which the door lets nobody do.
    stage.finished(finished, wanted, outputs, js="() => [comfyforms.toShow()]", **QUIET)
    return side


def show_record(backend: Backend, record: Record, request: gr.Request, at: object = None) -> list[Any]:
    """The updates of all outputs for a run that has finished, now or long ago; `at`: which one of its gallery."""
    results = _addresses(backend, record, root_of(request))
    media = visible(results)
    picked = at if isinstance(at, int) and 0 <= at < len(media) else None
    chosen = media[picked or 0] if media else None
    updates = show_result(record, results, chosen)
    if picked is None:
        updates[2] = gr.update(value=_gallery(media), visible=len(media) > 1, selected_index=0 if chosen else None)
    return [*updates, {"run": record.id, "at": chosen.at if chosen else 0}]


def answer(**said: object) -> str:
    """What the stage's script is told after a press; the nonce makes every answer a change."""
    return json.dumps(said | {"nonce": secrets.token_hex(4)})


def nothing() -> list[Any]:
    """The updates of all outputs that take away what is shown."""
    return [None, "", gr.update(value=[], visible=False), gr.Row(visible=False), "", gr.skip(), "", {}]


def visible(results: list[Result]) -> list[Result]:
    """The pictures and videos of a run: the saved ones, or where there are none, the temporary ones."""
    media = [result for result in results if result.kind in SHOWN]
    return [result for result in media if result.file.type == "output"] or media


def show_result(record: Record, results: list[Result], chosen: Result | None) -> list[Any]:
    """The updates of picture, video, gallery (none), and of the row of actions, for one of a run's results."""
    moving = chosen is not None and chosen.kind == "video"
    return [
        shown_at(chosen.url) if chosen and not moving else None,
        _video(chosen) if chosen and moving else "",
        gr.skip(),
        gr.Row(visible=True),
        _links(record, chosen, results),
        gr.Button(visible=chosen is not None and not moving),
        _action(record, "again", "Run again") + _action(record, "delete", "Delete"),
    ]


def _links(record: Record, chosen: Result | None, results: list[Result]) -> str:
    links = []
    if chosen is not None:
        links.append(_download(chosen, "Download"))
    if len(results) > 1:
        everything = results[0].url.partition("/files/")[0] + f"/files/{record.id}/all.zip"
        links.append(f'<a class="button" href="{html.escape(everything)}" download>Download all</a>')
    return "".join(links) + _action(record, "values", "Use these values")


def _action(record: Record, act: str, words: str) -> str:
    """A button for the page's script (script/past.js)."""
    return f'<button type="button" class="button" data-act="{act}" data-run="{html.escape(record.id)}">{words}</button>'


def _download(result: Result, words: str = "") -> str:
    name = html.escape(result.name)
    return f'<a class="button" href="{html.escape(result.url)}" download="{name}">{words or f"Download {name}"}</a>'


def _video(result: Result) -> str:
    return f'<video src="{html.escape(result.url)}" controls autoplay loop muted playsinline></video>'


def _draw_rest(backend: Backend, shown: gr.JSON, owner: Owner) -> None:
    """What is no picture or video: sound, 3D, texts, files, intermediate pictures; and what the run was made with."""

    def rest(choice: dict[str, Any] | None, request: gr.Request) -> None:
        record = _own(backend, choice, owner(request))
        if record is None:
            return
        results = _addresses(backend, record, root_of(request))
        for result in results:
            match result.kind:
                case "audio":
                    name, url = html.escape(result.name), html.escape(result.url)
                    gr.HTML(f'<audio src="{url}" controls aria-label="{name}"></audio>{_download(result)}')
                case "3d":
                    Model3D(shown_at(result.url), label=result.name, interactive=False)
                    gr.HTML(_download(result))
                case "file":
                    why = f'<p class="caption">{NOT_SHOWN}</p>' if result.file.kind in SHOWN else ""
                    gr.HTML(why + _download(result))
        for text in record.state.texts:
            gr.Textbox(text.text, label="Text", interactive=False, buttons=["copy"], lines=2, max_lines=12)
        _draw_intermediate(results)
        _draw_details(backend, record)

    gr.render([shown], [shown.change], queue=False, show_progress="hidden")(rest)


def _draw_intermediate(results: list[Result]) -> None:
    saved = any(result.file.type == "output" for result in results)
    temp = [result for result in results if result.file.type != "output" and result.kind in SHOWN]
    if saved and temp:
        with gr.Accordion(f"Intermediate pictures, not saved ({len(temp)})", open=False, elem_classes="section"):
            Gallery(
                _gallery(temp), show_label=False, columns=4, interactive=False, height="auto", buttons=["fullscreen"]
            )


def _draw_details(backend: Backend, record: Record) -> None:
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(label)}</th><td>{html.escape(str(value))}</td></tr>"
        for label, value in _labelled(backend, record)
        if value is not None
    )
    with gr.Accordion("Details", open=False, elem_classes="section", elem_id="details"):
        gr.HTML(f"<table class='details'>{rows}</table>")


def _labelled(backend: Backend, record: Record) -> Iterable[tuple[str, object]]:
    """The values a run was made with, named as in its form; by their keys where there is no such form any more."""
    used = dict(record.job.values) | {key: kept.name for key, kept in record.job.inputs.items()}
    try:
        _, form = backend.form(record.job.workflow, record.owner, record.job.values, at_hand=True)
    except ComfyError:
        return used.items()
    return [(field.label, used[field.key]) for field in form.fields if field.key in used and field.group != "hidden"]


def _own(backend: Backend, said: Any, owner: str) -> Record | None:
    """What is known of the person's own run that the page names, or None where it is gone or is not theirs."""
    run_id = said.get("run") if isinstance(said, dict) else None
    try:
        return backend.runs.record(str(run_id), owner) if run_id else None
    except RunNotFound:
        return None


def _gallery(results: Iterable[Result]) -> Any:
    return in_gallery((result.url, result.kind) for result in results)


def _addresses(backend: Backend, record: Record, root: str) -> list[Result]:
    """Every file of a run with its address on this app's own host, below `root`."""
    return [
        Result(
            index,
            file,
            f"{root}{file_address(record.id, index, file)}",
            file.kind if file.kind not in SHOWN or backend.is_shown(record, index) else "file",
        )
        for index, file in enumerate(record.state.files)
    ]
