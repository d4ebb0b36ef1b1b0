"""Facts about workflows over HTTP: whether they can run, and their results."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from comfy.base.errors import WorkflowError
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, post
from tests.support.sampler import prompt
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import eventually
from tests.ui.api.page import test_workflows as twin
from tests.ui.api.page.test_workflows import known

app = twin.app


def test_an_opened_workflow_survives_a_restart(tmp_path: Path) -> None:
    """Only the user who opened a workflow sees it. A removed workflow doesn't come back."""
    ann, bob = f"browser:{ANN}", f"browser:{BOB}"
    text = (WORKFLOWS / "text-to-image.json").read_bytes()
    files = (text, text + b" ")
    with DemoServer(step_seconds=0) as demo:
        with running_app(demo.url, data=tmp_path) as app:
            forms = app.services.forms
            kept, removed = (forms.open(ann, "my lamp.json", one).name for one in files)
            forms.close(ann, removed)
        with running_app(demo.url, data=tmp_path) as app:
            assert [kept in known(app, who) for who in (ANN, BOB)] == [True, False]
            assert removed not in known(app, ANN)
            assert app.services.library.form(kept, ann).fields
            with pytest.raises(WorkflowError):
                app.services.library.form(kept, bob)


def test_a_batch_resumes_after_a_restart_with_shared_files(tmp_path: Path) -> None:
    """The batch names the workflow as the user opened it, even though the user has since added it
    to the shared workflows."""
    ann, spec = f"browser:{ANN}", BatchSpec((AxisSpec("4.seed", "1..3"),))
    (workflows := tmp_path / "workflows").mkdir()

    def app_at(demo: DemoServer) -> AbstractContextManager[RunningApp]:
        return running_app(demo.url, data=tmp_path / "data", workflows=workflows, may_keep=True)

    with DemoServer(step_seconds=0) as demo:
        with demo.hold("progress"), app_at(demo) as app:
            data = json.dumps(prompt(5, steps=2)).encode()
            name = app.services.forms.open(ann, "my lamp.json", data).name
            batch = app.services.batches.start(name, {"4.seed": None}, spec, Origin(ann))
            assert post(app, f"/api/v1/workflows/{name}/keep").json() == {"name": "my-lamp"}
        with app_at(demo) as app:
            batches = app.services.batches
            eventually(lambda: batches.get(batch.id, ann).state != "running", "it goes on")
            told = batches.get(batch.id, ann)
            assert [told.state, told.done, told.why] == ["done", 3, ""]
            assert list(known(app, ANN)) == ["my-lamp"]
