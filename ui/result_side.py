"""The right side of the page: the picture as it comes, how far the run is, and the gallery of what came out."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.data_classes import FileData
from gradio.route_utils import API_PREFIX, get_root_url

from comfy.errors import RunNotFound
from comfy.run import Run
from comfy.run_state import OutputFile
from ui.backend import Backend
from ui.files import file_address, safe_name
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
GALLERY = 24  # pictures of this and earlier runs

Owner = Callable[[gr.Request], str]


def by_address(component: Component) -> Component:
    """The component, showing a file of this app's by its address; Gradio would fetch a copy for itself first."""

    def postprocess(address: str | None) -> FileData | None:
        return FileData(path=address, url=address) if address else None

    component.postprocess = postprocess  # type: ignore[method-assign]
    return component


@dataclass(frozen=True)
class Result:
    """One file of a finished run as the page needs it: its place in the run, and its address for this browser."""

    run: Run
    at: int
    file: OutputFile
    url: str

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
    keep_seed: gr.Button
    backend: Backend

    def bind_reuse(self, controls: tuple[Control, ...], owner: Owner) -> None:
        """Let the buttons under a result fill the form: its values, or the picture as an input."""
        plain = [control for control in controls if not control.field.is_media]
        pictures = [control for control in controls if control.field.widget in ("image", "mask")]

        def values_of(shown: dict[str, Any] | None, request: gr.Request) -> list[Any]:
            run = _own_run(self.backend, shown, owner(request))
            used = run.job.values if run else {}
            return [
                value
                for control in plain
                for value in (
                    control.show(used[control.field.key])
                    if control.field.key in used
                    else [gr.skip()] * len(control.components)
                )
            ]

        def as_input(shown: dict[str, Any] | None, request: gr.Request) -> Any:
            run = _own_run(self.backend, shown, owner(request))
            files = run.state.files if run else ()
            file = files[shown["at"]] if shown and files else None
            return self.backend.copy_of(file) if file and file.kind == "image" else gr.skip()

        if plain:
            components = [component for control in plain for component in control.components]
            self.keep_seed.click(values_of, self.shown, components, **QUIET)
        if pictures:
            self.use_as_input.click(as_input, self.shown, pictures[0].components[0], **QUIET)


def build_results(backend: Backend, owner: Owner) -> ResultSide:
    """Draw the right side; called inside its column."""
    picture = by_address(
        gr.Image(
            interactive=False,
            show_label=False,
            label="Picture",
            elem_id="picture",
            buttons=["fullscreen"],
            height="100%",
        )
    )
    video = gr.HTML(elem_id="moving")
    stage = gr.HTML(
        value="",
        html_template='<div class="stage"></div>',
        js_on_load=LISTENING,
        elem_id="stage",
        apply_default_css=False,
    )
    gallery = gr.Gallery(
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
        keep = gr.Button("Use these values", size="sm", elem_classes="quiet", min_width=120)
        use = gr.Button("Use as input", elem_id="use-as-input", size="sm", elem_classes="quiet", min_width=100)
    shown = gr.JSON(visible=False)
    wanted = gr.JSON(visible=False)
    side = ResultSide(stage, picture, shown, use, keep, backend)
    _draw_rest(backend, shown, owner)
    outputs = [picture, video, gallery, actions, links, shown]

    def finished(said: dict[str, Any] | None, request: gr.Request) -> list[Any]:
        run = _own_run(backend, said, owner(request))
        if run is None:
            return [gr.skip()] * len(outputs)
        earlier = [other for other in reversed(backend.runs.owned(owner(request))) if other is not run]
        return show_run(run, request, earlier)

    def select(was: dict[str, Any] | None, event: gr.SelectData, request: gr.Request) -> list[Any]:
        entries = was["gallery"] if was else []
        run_id, at = entries[event.index] if event.index < len(entries) else (None, 0)
        run = _own_run(backend, {"run": run_id}, owner(request))
        if run is None:
            return [gr.skip()] * len(outputs)
        results = _addresses(run, request)
        return [*show_result(run, results, results[at]), {"run": run.id, "at": at, "gallery": entries}]

    # Two runs may end at once: the later one is asked for when the first is there.
    stage.finished(finished, wanted, outputs, js="() => [comfyforms.toShow()]", **QUIET)
    gallery.select(select, shown, outputs, **AT_ONCE)
    return side


def show_run(run: Run, request: gr.Request, earlier: Iterable[Run]) -> list[Any]:
    """The updates of all outputs for a run that has finished: its results come first, then those of earlier runs."""
    results = _addresses(run, request)
    media = visible(results)
    for other in earlier:
        if len(media) >= GALLERY:
            break
        media += visible(_addresses(other, request))
    own = visible(results)
    chosen = own[0] if own else None
    shown = {
        "run": run.id,
        "at": chosen.at if chosen else 0,
        "gallery": [[result.run.id, result.at] for result in media],
    }
    updates = show_result(run, results, chosen)
    updates[2] = gr.Gallery(
        [(result.url, None) for result in media], visible=bool(media), selected_index=0 if chosen else None
    )
    return [*updates, shown]


def visible(results: list[Result]) -> list[Result]:
    """The pictures and videos of a run: the saved ones, or where there are none, the temporary ones."""
    media = [result for result in results if result.file.kind in SHOWN]
    return [result for result in media if result.file.type == "output"] or media


def show_result(run: Run, results: list[Result], chosen: Result | None) -> list[Any]:
    """The updates of picture, video, gallery (none), actions and links for one of a run's results."""
    moving = chosen is not None and chosen.file.kind == "video"
    return [
        # No gr.Image(…) here: an update would put Gradio's own component in the place of this one.
        chosen.url if chosen and not moving else None,
        _video(chosen) if chosen and moving else "",
        gr.skip(),
        gr.Row(visible=bool(results or run.state.texts)),
        _links(run, chosen, results),
    ]


def _links(run: Run, chosen: Result | None, results: list[Result]) -> str:
    links = []
    if chosen is not None:
        links.append(_download(chosen, "Download"))
    if len(results) > 1:
        everything = results[0].url.partition("/files/")[0] + f"/files/{run.id}/all.zip"
        links.append(f'<a class="button" href="{html.escape(everything)}" download>Download all</a>')
    return "".join(links)


def _download(result: Result, words: str = "") -> str:
    name = html.escape(result.name)
    return f'<a class="button" href="{html.escape(result.url)}" download="{name}">{words or f"Download {name}"}</a>'


def _video(result: Result) -> str:
    return f'<video src="{html.escape(result.url)}" controls autoplay loop muted playsinline></video>'


def _draw_rest(backend: Backend, shown: gr.JSON, owner: Owner) -> None:
    """What is no picture or video: sound, 3D, texts, files, intermediate pictures; and what the run was made with."""

    def rest(choice: dict[str, Any] | None, request: gr.Request) -> None:
        run = _own_run(backend, choice, owner(request))
        if run is None:
            return
        results = _addresses(run, request)
        for result in results:
            match result.file.kind:
                case "audio":
                    name, url = html.escape(result.name), html.escape(result.url)
                    gr.HTML(f'<audio src="{url}" controls aria-label="{name}"></audio>{_download(result)}')
                case "3d":
                    model = gr.Model3D(label=result.name, interactive=False)
                    model.value = FileData(path=result.url, url=result.url).model_dump()
                    gr.HTML(_download(result))
                case "file":
                    gr.HTML(_download(result))
        for text in run.state.texts:
            gr.Textbox(text.text, label="Text", interactive=False, buttons=["copy"], lines=2, max_lines=12)
        _draw_intermediate(results)
        _draw_details(backend, run)

    gr.render([shown], [shown.change], queue=False, show_progress="hidden")(rest)


def _draw_intermediate(results: list[Result]) -> None:
    saved = any(result.file.type == "output" for result in results)
    temp = [result.url for result in results if result.file.type != "output" and result.file.kind in SHOWN]
    if saved and temp:
        with gr.Accordion(f"Intermediate pictures, not saved ({len(temp)})", open=False, elem_classes="section"):
            gr.Gallery(temp, show_label=False, columns=4, interactive=False, height="auto", buttons=["fullscreen"])


def _draw_details(backend: Backend, run: Run) -> None:
    used = run.job.values
    _, form = backend.form(run.job.workflow, run.owner, used)
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(field.label)}</th><td>{html.escape(str(used[field.key]))}</td></tr>"
        for field in form.fields
        if used.get(field.key) is not None and field.group != "hidden"
    )
    with gr.Accordion("Details", open=False, elem_classes="section", elem_id="details"):
        gr.HTML(f"<table class='details'>{rows}</table>")


def _own_run(backend: Backend, said: Any, owner: str) -> Run | None:
    """The person's own run that the page names, or None where it has been forgotten or is not theirs."""
    run_id = said.get("run") if isinstance(said, dict) else None
    try:
        return backend.runs.get(str(run_id), owner) if run_id else None
    except RunNotFound:
        return None


def _addresses(run: Run, request: gr.Request) -> list[Result]:
    """Every file of a run with its full address as this browser reaches the app, also behind a path prefix."""
    inner = request.request
    if inner is None:
        return []
    route = inner.url.path[inner.url.path.index(API_PREFIX) :]
    root = get_root_url(inner, route, inner.app.root_path)
    return [
        Result(run, index, file, f"{root}{file_address(run.id, index, file)}")
        for index, file in enumerate(run.state.files)
    ]
