"""Repeatable rows for Gradio's clients."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.gradio_calls import script_client
from tests.support.serving import Served
from tests.ui.api import test_rows as twin
from tests.ui.api.test_rows import ROWS, SENT

running = twin.running


def test_a_gradio_client_gets_rows_as_a_list(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint documents the list and takes it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client = script_client(served[1].url, download_files=tmp_path)
    with closing(client):
        *_, about = client.predict(loras=ROWS, api_name="/loras")
    assert about["values"]["20.loras"] == SENT
