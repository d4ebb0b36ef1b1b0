"""What is used of Gradio that it does not promise, in one place: read this first when its version changes."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr
from gradio.queueing import Queue
from gradio.route_utils import API_PREFIX
from gradio.routes import App
from gradio.state_holder import SessionState
from gradio_client.utils import is_file_obj_with_meta, traverse  # type: ignore[import-untyped]

from ui.failures import NOT_UNDERSTOOD, in_short

log = logging.getLogger(__name__)

__all__ = ["API_PREFIX", "Page", "Sessions", "forget"]


class Page(gr.Blocks):
    """Blocks that know no file in what a browser sends, and whose failures are one line in the log. Gradio would look
    for the file, copy it and fetch addresses; and it prints a traceback for each failure, which anybody can bring
    about by sending what no page would."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> Any:
        """As Gradio's."""
        plain = traverse(inputs, lambda file: {"path": file["path"]}, is_file_obj_with_meta)
        return await super().preprocess_data(block_fn, plain, state, explicit_call)

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """As Gradio's own; gr.Error with a sentence for whatever fails."""
        try:
            answer: dict[str, Any] = await super().process_api(*args, **options)
        except gr.Error:
            raise
        except Exception as problem:
            log.warning("A call failed: %s", in_short(problem))
            raise gr.Error(NOT_UNDERSTOOD, print_exception=False) from None
        return answer


class Sessions:
    """What Gradio remembers of pages and scripts' calls: a session for each, and in it the form that was drawn last.
    For the event loop, where Gradio looks them up."""

    def __init__(self, app: App) -> None:
        self._app = app

    def forget(self, session: str) -> None:
        """Let go of a session, and of what was to be told to it unless one of its calls goes on."""
        forget(self._app, session)
        if not any(map(self.goes_on, self._untold.get(session, ()))):
            self._untold.pop(session, None)
            self._queue.pending_messages_per_session.pop(session, None)

    def has_listener(self, session: str | None, number: int) -> bool:
        """Whether a page's call with this number has somebody to answer it: the page itself, or its form."""
        known = self._app.state_holder.session_data.get(session or "")
        return number in (known.blocks_config.fns if known else self._app.get_blocks().fns)

    def is_told(self, session: str) -> bool:
        """Whether there is a stream for this session, of what becomes of its calls."""
        return session in self._queue.pending_messages_per_session

    def goes_on(self, event: str) -> bool:
        """Whether this call waits or is at work."""
        return event in self._queue.event_ids_to_events

    def has_news(self, event: str) -> bool:
        """Whether there is something about this call that has not been told."""
        return any(event in events for events in self._untold.values())

    @property
    def _queue(self) -> Queue:
        return self._app.get_blocks()._queue

    @property
    def _untold(self) -> dict[str, set[str]]:
        untold: dict[str, set[str]] = self._queue.pending_event_ids_session
        return untold


def forget(app: App, session: str) -> None:
    """Let go of a session, on the event loop, where Gradio looks them up."""
    app.state_holder.session_data.pop(session, None)
    app.state_holder.time_last_used.pop(session, None)
