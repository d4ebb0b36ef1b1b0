"""Files that several rows of a batch share. The first row uploads the file to a server once, and
the app empties it with the last row."""

from __future__ import annotations

from pathlib import Path

from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.input_files import names_on_server
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.launch.test_shared_files import KEY, OWNER, UPLOAD, begun, ended, sizes
from tests.support.serving import running_app
from tests.support.waiting import LONGEST_WAIT


def test_a_file_of_all_rows_is_uploaded_once_despite_restarts(tmp_path: Path) -> None:
    """A pause and a restart of the app don't upload the file again. The app uploads it again to a
    server that has lost it. A run that is started again has its own file."""
    with DemoServer(step_seconds=0.002, painted=64) as demo:
        with running_app(demo.url, data=tmp_path) as app, demo.hold("progress", after=4) as hold:
            batch = begun(app, 6)
            assert hold.reached.wait(LONGEST_WAIT)
            app.services.batches.change(batch.id, OWNER, "pause")
        assert demo.requests[UPLOAD] == 1
        with running_app(demo.url, data=tmp_path) as app:
            app.services.batches.change(batch.id, OWNER, "continue")
            first, *_ = runs = ended(app, batch)
            assert demo.requests[UPLOAD] == 1
            assert len({names_on_server(run)[KEY] for run in runs}) == 1
            path = demo.storage.find(names_on_server(first)[KEY])
            assert path is not None
            path.unlink()
            ended(app, begun(app, 2))
            assert demo.requests[UPLOAD] == 2
            *_, state = app.runs.get(
                app.services.starter.again(first.id, Origin(OWNER)).id, OWNER
            ).watch(LONGEST_WAIT)
            assert state.phase is Phase.DONE
            assert demo.requests[UPLOAD] == 3
            assert len(sizes(demo)) == 2
