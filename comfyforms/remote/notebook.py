"""A run in a notebook: a bar, the newest image of the work, and at the end the results."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from importlib import import_module

from comfyforms.remote.status import ResultFile, RunStatus

_WIDTH = 40  # characters of a bar in text


def show_live(
    statuses: Iterable[RunStatus], preview: Callable[[], tuple[str, bytes] | None]
) -> None:
    """Show a run until its end, in the output of the cell. `preview`: the newest image of the work,
    with its type. ImportError outside of IPython; else raises as these do."""
    display = import_module("IPython.display").display
    bar = display({"text/plain": ""}, raw=True, display_id=True)
    picture = display({"text/plain": ""}, raw=True, display_id=True)
    seen = 0
    files: tuple[ResultFile, ...] = ()
    for status in statuses:
        bar.update(bar_of(status), raw=True)
        if status.preview > seen and not status.finished:
            seen = status.preview
            if found := preview():
                kind, data = found
                picture.update({"text/plain": "", kind: data}, raw=True)
        files = status.files if status.finished else ()
    for number, file in enumerate(file for file in files if file.kind == "image"):
        if number:
            display(file.image())
        else:
            picture.update(file.image())


def bar_of(status: RunStatus) -> dict[str, str]:
    """How far a run is, as a notebook and as a terminal shows it."""
    said = f"{status.title}: {status.headline}"
    if status.error:
        said = f"{said}. {status.error} {status.hint}".rstrip()
    share = 1.0 if status.finished else status.progress or 0.0
    drawn = "█" * round(share * _WIDTH)
    return {
        "text/plain": f"{drawn:░<{_WIDTH}} {said}",
        "text/html": f'<progress value="{share:.3f}" max="1"></progress> {html.escape(said)}',
    }
