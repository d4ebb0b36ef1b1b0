"""Permitted people remove added and opened workflows over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.demo import DemoServer
from comfy.library.permissions import Permissions
from tests.support.http_client import ANN, BOB, finished, get, start
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.ui.test_removal_routes import (
    FILLED_IN,
    OPERATOR,
    SMALL,
    captioned,
    is_told_as_before,
    known,
    opened,
    removed,
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """An app where everybody may add workflows, and one browser operates."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    permissions = Permissions(
        keep=lambda _: True,
        trusts=lambda _: True,
        operates=lambda owner: owner == f"browser:{OPERATOR}",
    )
    with (
        DemoServer(step_seconds=0) as demo,
        running_app(demo.url, workflows=folder, permissions=permissions) as app,
    ):
        yield app


def test_what_a_person_has_opened_is_theirs_to_remove(app: RunningApp) -> None:
    """Nobody else does, operators neither; it can be opened again. What was made with it stays."""
    for _ in range(2):
        name = opened(app, ANN)
        run = finished(start(app, name, **SMALL, **FILLED_IN))
        before = captioned(app, run.id)
        assert [removed(app, name, who) for who in (BOB, OPERATOR, "")] == [404] * 3
        assert name in known(app, ANN)
        assert not get(app, f"/api/v1/runs/{run.id}?with_page=true", ANN).json()["page"][
            "form_gone"
        ]
        assert removed(app, name, ANN) == 204
        is_told_as_before(app, run.id, before)
        assert removed(app, name, ANN) == 404
        assert name not in known(app, ANN)
