"""Two lists of a user's own runs as components: active ones and ended ones.

    with gr.Blocks() as page:
        queue, history = RunQueue(), RunHistory()
        queue.remove(take_out, None, queue)
        history.select(show, None, image)

A listener with `gr.EventData` finds the run's id in its `run`. Python fills the lists and handles
events, unless they are `live`: then the script of this app's page does so without Gradio, with its
own socket (`ui.sockets.page_socket`) and the API (`ui.api.history`, `ui.api.runs`). The page
needs `ui.page.script_files.script_routes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from pydantic import TypeAdapter, ValidationError

from comfy.base.messages import message
from ui.documents.run_doc import QueueLine, RunDoc, RunTile
from ui.gradio.internals import WithoutStub, model_viewer
from ui.page.script_files import mounts
from ui.page.style_text import component_styles

_QUEUE_EVENTS = ("move", "remove", "run_again", "dismiss")
_HISTORY_EVENTS = ("select", "search")
_NO_LIST = "The value must be a list of runs."

_RUNS = TypeAdapter(tuple[RunDoc, ...])


def _schema_with(part: type) -> dict[str, Any]:
    """Return the JSON schema of a list of runs with only this `page` part."""
    schema = _RUNS.json_schema()
    definitions = schema["$defs"]
    definitions["RunDoc"]["properties"]["page"] = {"$ref": f"#/$defs/{part.__name__}"}
    for other in {"QueueLine", "RunTile", "StageView"} - {part.__name__}:
        del definitions[other]
    return schema


# Computed once, because Gradio requests them repeatedly.
_QUEUE_SCHEMA, _HISTORY_SCHEMA = _schema_with(QueueLine), _schema_with(RunTile)


class RunQueue(gr.HTML, metaclass=WithoutStub):
    """Runs that are active or waiting, in queue order, and runs that failed while the page showed
    another one.

    Value: `RunDoc`s with a `QueueLine` as their `page`, in both directions. Events, each with
    `run`: `move` (`by` is -1 for earlier, 1 for later), `remove`, which stops an active run, and
    for an ended run `run_again` and `dismiss`.
    """

    def __init__(
        self,
        value: Sequence[RunDoc] | Callable[..., Sequence[RunDoc]] | None = None,
        *,
        live: bool = False,
        **options: Any,
    ) -> None:
        self.live = live
        super().__init__(
            value,
            label=message("Unfinished runs"),
            html_template='<section class="queue" aria-label="${label}" hidden></section>',
            js_on_load=mounts(
                "runs/live_queue.js" if live else "components/queue.js", _QUEUE_EVENTS
            ),
            css_template="" if live else component_styles("queue"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: Sequence[RunDoc] | None) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the list in the browser's format."""
        return [run.to_json() for run in value or ()]

    def preprocess(self, payload: object) -> tuple[RunDoc, ...]:  # type: ignore[override]
        """Return the list from the browser; the listener checks that these runs are the user's own.
        Raises gr.Error for anything but a list of runs."""
        return _checked(payload)

    def api_info(self) -> dict[str, Any]:
        """Return the JSON schema of the value, for scripts."""
        return _QUEUE_SCHEMA

    def example_payload(self) -> list[dict[str, Any]]:
        return self.postprocess(self.example_value())

    def example_value(self) -> list[RunDoc]:
        line = QueueLine("a boat", "Next in line", movable=True)
        return [RunDoc("0" * 32, "text-to-image", "Text to image", "waiting", page=line)]


class RunHistory(gr.HTML, metaclass=WithoutStub):
    """Ended runs, newest first, which the user can search and view again.

    Value: `RunDoc`s with a `RunTile` as their `page`, in both directions. Events: `select`, with
    `run` and the values of `gr.SelectData` (`index` in the list, `value` the run), and, if it is
    `searchable`, `search` with the typed `text`. A `Stage` has the actions for a chosen run.
    """

    def __init__(
        self,
        value: Sequence[RunDoc] | Callable[..., Sequence[RunDoc]] | None = None,
        *,
        live: bool = False,
        searchable: bool = False,
        **options: Any,
    ) -> None:
        self.live = live
        self.searchable = searchable
        super().__init__(
            value,
            label=message("History"),
            html_template='<section class="history" aria-label="${label}" hidden></section>',
            js_on_load=mounts(
                "runs/live_history.js" if live else "components/history.js",
                _HISTORY_EVENTS,
                searchable=searchable or live,
                viewer=model_viewer(),
            ),
            css_template="" if live else component_styles("history"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: Sequence[RunDoc] | None) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the list in the browser's format."""
        return [run.to_json() for run in value or ()]

    def preprocess(self, payload: object) -> tuple[RunDoc, ...]:  # type: ignore[override]
        """Return the list from the browser, with the same checks as in `RunQueue`."""
        return _checked(payload)

    def api_info(self) -> dict[str, Any]:
        """Return the JSON schema of the value, for scripts."""
        return _HISTORY_SCHEMA

    def example_payload(self) -> list[dict[str, Any]]:
        return self.postprocess(self.example_value())

    def example_value(self) -> list[RunDoc]:
        run = RunDoc("0" * 32, "text-to-image", "Text to image", "done", finished=True)
        return [replace(run, finished_at=1.7e9, page=RunTile("Image"))]


def draw_batches() -> gr.HTML:
    """Draw the user's batches: a card per active batch, the sheet of an opened batch, and the Vary
    dialog. The script of this app's page fills them in; the page's style sheet has their
    styles."""
    return gr.HTML(
        html_template='<section class="batches"></section>',
        js_on_load=mounts("batches/live_batches.js", (), viewer=model_viewer()),
        apply_default_css=False,
        elem_id="batches",
    )


def _checked(payload: object) -> tuple[RunDoc, ...]:
    try:
        return _RUNS.validate_python(payload or ())
    except ValidationError as problem:
        raise gr.Error(_NO_LIST, print_exception=False) from problem
