"""Files that several rows of a batch share. The first row uploads the file to a server once, and
the app empties it with the last row."""

from __future__ import annotations

from dataclasses import replace

from comfy.batches.open_batch import BatchSummary
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.uploads import Upload
from comfy.records.record import Record
from comfy.runs.input_files import UPLOADS, names_on_server
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

OWNER, KEY, SEED = "user:ann", "4.image", "8.seed"
UPLOAD, PROMPT = "POST /upload/image", "POST /prompt"


def begun(app: RunningApp, rows: int) -> BatchSummary:
    given = {KEY: Upload("photo.png", saved("PNG")), "8.steps": 2}
    spec = BatchSpec((AxisSpec(SEED, f"1..{rows}"),))
    return app.services.batches.start("image-to-image", given, spec, Origin(OWNER))


def ended(app: RunningApp, batch: BatchSummary) -> list[Record]:
    """Wait until all rows of the batch are done and return their runs."""
    batches = app.services.batches
    eventually(lambda: batches.get(batch.id, OWNER).state in ("done", "paused"))
    states = batches.table(batch.id, OWNER).states
    assert states.count("done") == batch.rows
    return [app.runs.record(states.run(at), OWNER) for at in range(batch.rows)]


def sizes(demo: DemoServer) -> list[int]:
    """Return the sizes in bytes of the files that the app sent to a server."""
    folder = demo.storage.folder("input")
    assert folder is not None
    return [one.stat().st_size for one in (folder / UPLOADS).rglob("*") if one.is_file()]


def deleted(app: RunningApp, record: Record) -> bool:
    """Delete a run and return whether nothing of its input files is left on the servers, which keep
    its results."""
    app.runs.forget(record.id, OWNER)
    return app.services.clean_up(replace(record, state=replace(record.state, files=())))


def test_a_shared_file_is_emptied_with_its_last_row() -> None:
    """The file isn't emptied while another row uses it. A row that runs later uploads it again
    under the same name. The app empties it with that row."""
    with DemoServer(step_seconds=0.002, painted=64) as demo, running_app(demo.url) as app:
        batch = begun(app, 3)
        *others, last = ended(app, batch)
        assert [deleted(app, run) for run in others] == [False, False]
        (size,) = sizes(demo)
        assert size > 0
        assert deleted(app, last)
        assert sizes(demo) == [0]
        again = app.services.starter.start(
            "image-to-image",
            {KEY: Upload("photo.png", saved("PNG"))},
            Origin(OWNER, group=batch.id),
        )
        *_, state = again.watch(LONGEST_WAIT)
        assert state.phase is Phase.DONE
        assert sizes(demo) == [size]
        assert names_on_server(again.record) == names_on_server(last)
        assert deleted(app, again.record)
        assert sizes(demo) == [0]


def test_deleting_a_row_keeps_files_that_other_rows_use() -> None:
    """Rows that are running or waiting keep the file."""
    with DemoServer(step_seconds=0.002, painted=64) as demo, running_app(demo.url) as app:
        batches = app.services.batches
        with demo.hold("progress", after=4) as hold:
            batch = begun(app, 4)
            assert hold.reached.wait(LONGEST_WAIT)
            first = batches.table(batch.id, OWNER).states.run(0)
            eventually(lambda: app.runs.get(first, OWNER).state.phase.finished)
            assert not deleted(app, app.runs.record(first, OWNER))
        eventually(lambda: batches.get(batch.id, OWNER).state in ("done", "paused"))
        assert batches.get(batch.id, OWNER).done == 4
        assert demo.requests[UPLOAD] == 1


def test_a_shared_file_is_uploaded_to_each_server_once() -> None:
    """The app empties the file on every server, regardless of the last run's server."""
    with (
        DemoServer(step_seconds=0.02, painted=64) as one,
        DemoServer(step_seconds=0.02, painted=64) as other,
        running_app(one.url, other.url) as app,
    ):
        *others, last = ended(app, begun(app, 8))
        assert [server.requests[UPLOAD] for server in (one, other)] == [1, 1]
        assert [run for run in others if deleted(app, run)] == []
        assert all(size > 0 for server in (one, other) for size in sizes(server))
        assert deleted(app, last)
        assert [sizes(server) for server in (one, other)] == [[0], [0]]
