"""Stage: one component that shows a run, from the first preview to the result.

    with gr.Blocks() as page:
        stage = Stage()
        button.click(lambda: Follow(start().id), None, stage)

It follows a run over its own socket (`ui.sockets.run_socket`), which also brings the results
without Gradio. Other files are shown by URL (`ShowFiles`). As an input it gives the visible file
(`Selection`). The page needs `ui.page.script_files.script_routes`, and for `Follow` the routes of
`ui.sockets.run_socket` and `ui.files.result_files`. A page has one stage: two would show the same
run.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import gradio as gr
from pydantic import TypeAdapter

from comfy.base.messages import message
from comfy.comfyui.protocol.result_types import FileKind
from ui.documents.run_doc import ShownFile
from ui.gradio.internals import WithoutStub, model_viewer
from ui.page.script_files import mounts
from ui.page.style_text import component_styles


@dataclass(frozen=True, slots=True)
class Refusal:
    """Reason why nothing was started. `errors`: messages by field key; `labelled`: the same for
    fields that aren't on the page."""

    message: str = ""
    hint: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    labelled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Follow:
    """Run to show, with its results. `refused`: why other runs weren't started."""

    run: str
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True)
class ShowFiles:
    """Files and texts to show without a known run."""

    files: tuple[ShownFile, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Visible file: the result of a run at index `at`, or one of `ShowFiles` if the run is an empty
    text."""

    run: str
    at: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Value as sent to the browser: one of the three, or a run together with a refusal. The nonce
    makes an equal value new."""

    nonce: str
    run: str | None = None
    results: ShowFiles | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Value as sent by the browser."""

    seen: Selection


StageValue = Follow | ShowFiles | Refusal | None
_RESULT = message("Result")
_EVENTS = ("select", "use", "use_values", "run_again", "delete")


class Stage(gr.HTML, metaclass=WithoutStub):
    """Component that shows previews and results of a run.

    Value: `Follow`, `ShowFiles`, `Refusal` or None; as an input `Selection`, or None without a
    visible file. Events: `select` when another file becomes visible, and `use` when a user wants it
    as an input. `use` is offered for the types in `takes`, and on this app's page for all, with the
    element of the form's `field`. Both have `gr.SelectData`'s values (`index` of the file, `value`
    its URL), `run` and `at`. For a followed run also `use_values`, `run_again` and `delete`, with
    `run`: the script handles the last two, and on this app's own page the first. `live`: on this
    app's page, which has the styles already.
    """

    def __init__(
        self,
        value: StageValue | Callable[..., StageValue] = None,
        *,
        label: str = _RESULT,
        takes: Sequence[FileKind] = (),
        live: bool = False,
        **options: Any,
    ) -> None:
        self.takes = takes
        self.live = live
        super().__init__(
            value,
            label=label,
            html_template='<div class="stage"></div>',
            js_on_load=mounts("components/stage.js", _EVENTS, takes=takes, viewer=model_viewer()),
            css_template="" if live else component_styles("stage"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: StageValue) -> dict[str, Any] | None:  # type: ignore[override]
        nonce = secrets.token_hex(4)
        match value:
            case None:
                return None
            case Follow(run, refused):
                shown = Shown(nonce, run=run, refusal=refused)
            case ShowFiles():
                shown = Shown(nonce, results=value)
            case Refusal():
                shown = Shown(nonce, refusal=value)
            case _:
                raise ValueError("The value of a stage must be Follow, ShowFiles, Refusal or None.")
        return asdict(shown)

    def preprocess(self, payload: object) -> Selection | None:  # type: ignore[override]
        """Return the visible file; the listener checks that it is the user's own."""
        match payload:
            case {"seen": {"run": str(run), "at": int(index)}}:
                return Selection(run, index)
        return None

    def api_info(self) -> dict[str, Any]:
        """Return the JSON schema of the visible file: null for none."""
        return _SEEN

    def api_info_as_output(self) -> dict[str, Any]:
        """Return the JSON schema of the value."""
        return _SHOWN

    def example_payload(self) -> dict[str, Any]:
        """Return the visible file after one run."""
        return asdict(Seen(Selection("0" * 32, 0)))

    def example_value(self) -> StageValue:
        """Return an example value: a run to follow."""
        return Follow("0" * 32)


# Computed once, because Gradio requests them repeatedly.
_SEEN = TypeAdapter(Seen | None).json_schema()
_SHOWN = TypeAdapter(Shown | None).json_schema()
