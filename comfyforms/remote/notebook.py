"""Notebook display: a bar, the newest preview, and at the end the results."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from itertools import islice

from comfyforms.remote.status import ResultFile

_WIDTH = 40  # characters of a text bar
_MOST_SHOWN = 16  # images shown at the end


@dataclass(frozen=True, slots=True)
class Moment:
    """Content of the display: a message, the progress (0 to 1), and the number of the newest
    preview, 0 for none."""

    said: str
    share: float
    preview: int = 0

    @property
    def bar(self) -> dict[str, str]:
        """Return the bar for notebooks and terminals."""
        drawn = "█" * round(self.share * _WIDTH)
        progress = f'<progress value="{self.share:.3f}" max="1"></progress>'
        return {
            "text/plain": f"{drawn:░<{_WIDTH}} {self.said}",
            "text/html": f"{progress} {html.escape(self.said)}",
        }


def show_live(
    moments: Iterable[Moment],
    preview: Callable[[], tuple[str, bytes] | None],
    results: Callable[[], Iterable[ResultFile]],
) -> None:
    """Show these moments in the output of the cell up to the last, then the first images of the
    results. `preview`: returns the newest image with its type. Raises ImportError outside of
    IPython, and the errors of the arguments."""
    display = import_module("IPython.display").display
    bar = display({"text/plain": ""}, raw=True, display_id=True)
    image = display({"text/plain": ""}, raw=True, display_id=True)
    seen = 0
    for moment in moments:
        bar.update(moment.bar, raw=True)
        if moment.preview > seen:
            seen = moment.preview
            if frame := preview():
                kind, data = frame
                image.update({"text/plain": "", kind: data}, raw=True)
    images = (file for file in results() if file.kind == "image")
    for number, file in enumerate(islice(images, _MOST_SHOWN)):
        if number:
            display(file.image())
        else:
            image.update(file.image())
