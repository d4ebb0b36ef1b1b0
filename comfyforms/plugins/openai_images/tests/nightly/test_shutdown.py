"""A request for a waiting run when the app shuts down."""

from __future__ import annotations

import pytest
from openai import OpenAIError

from comfyforms.plugins.openai_images.tests.conftest import client_of
from tests.support.serving import RunningApp
from tests.support.shutdown import answer_at_shutdown


def refused(app: RunningApp) -> str:
    with client_of(app, "any") as client, pytest.raises(OpenAIError) as error:
        client.images.generate(prompt="a lighthouse")
    return str(error.value)


def test_a_request_for_a_waiting_run_gets_the_reason() -> None:
    """The run waits for the restart, so the request has no result."""
    assert "ComfyForms is shutting down" in answer_at_shutdown(refused)
