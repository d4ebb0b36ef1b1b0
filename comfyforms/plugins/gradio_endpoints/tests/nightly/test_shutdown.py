"""A call for a waiting run when the app shuts down."""

from __future__ import annotations

import pytest
from gradio_client.exceptions import AppError

from tests.support.gradio_calls import script_client
from tests.support.serving import RunningApp
from tests.support.shutdown import answer_at_shutdown


def refused(app: RunningApp) -> str:
    client = script_client(app.url)
    with pytest.raises(AppError) as error:
        client.predict(api_name="/text_to_image")
    client.close()
    return str(error.value)


def test_a_call_for_a_waiting_run_gets_the_reason() -> None:
    """The run waits for the restart, so the call has no result. It isn't told a place in the queue
    as if that were the end."""
    assert "ComfyForms is shutting down" in answer_at_shutdown(refused)
