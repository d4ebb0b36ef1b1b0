"""A run's input files are uploaded at its turn, and its prompt names them as the server does."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy.base.errors import FILE_REFUSED, ComfyError
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase, waiting
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Job, KeptInput, Record
from comfy.runs.input_files import bound_prompt, names_on_server, with_names
from comfy.runs.interface import Origin, Run, RunPolicy, RunRegistry
from comfyui_standin import DemoServer
from tests.runs.registry import HURRIED, LIMIT, end, running, until
from tests.support.link import FaultyLink
from tests.support.registries import new_registry
from tests.support.sampler import LONG, job
from tests.support.serving import open_history
from tests.support.waiting import eventually

PATIENT = replace(HURRIED, patience=60.0)  # so that a busy machine changes no outcome
UPLOAD, PROMPT = "POST /upload/image", "POST /prompt"
NAME = "photo.png"
IMAGE = {"1": {"class_type": "LoadImage", "inputs": {"image": NAME}}}
SAVED = {
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "given"}}
}
KEY, TARGET = "1.image", ("1", "image")


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


@contextmanager
def registry(url: str, folder: Path, **options: Any) -> Iterator[RunRegistry]:
    """Open a registry with the history in `folder`. By default, the server gets one run at a
    time."""
    history = open_history(folder)
    with Client(url) as client:
        runs = new_registry(
            ServerPool(client), history=history, **{"timing": PATIENT, "ahead": 1} | options
        )
        try:
            yield runs
        finally:
            runs.close()
            history.close()


@pytest.fixture
def runs(demo: DemoServer, tmp_path: Path) -> Iterator[RunRegistry]:
    with registry(demo.url, tmp_path) as one:
        yield one


def plain_image(size: int = 16) -> bytes:
    """Return a PNG of one color. A greater `size` gives a larger file."""
    file = io.BytesIO()
    Image.new("RGB", (size, size), (10, 120, 60)).save(file, "PNG", compress_level=0)
    return file.getvalue()


def given(runs: RunRegistry, data: bytes | None = None, name: str = NAME) -> Job:
    """Return a job with one image in the registry's files."""
    digest, _ = runs.files.add([data or plain_image()], holder="test")
    return with_file(digest, name)


def with_file(digest: str, name: str = NAME) -> Job:
    return Job(
        IMAGE | SAVED,
        "given",
        values={KEY: name},
        inputs={KEY: KeptInput(name, digest, (TARGET,))},
    )


def uploaded(demo: DemoServer, run: Run) -> Path | None:
    """Return the path of the run's input file at the server."""
    return demo.storage.find(names_on_server(run.record)[KEY])


def test_a_file_is_uploaded_and_named_in_the_prompt(demo: DemoServer, runs: RunRegistry) -> None:
    """The result is made from the file. The job keeps the plain name."""
    run = runs.submit(given(runs, plain_image(48)), Origin("me"))
    state = end(run)
    assert state.phase is Phase.DONE
    with runs.files.path(state.files[0].digest).open("rb") as result, Image.open(result) as image:  # type: ignore[union-attr]
        assert image.size == (48, 48)
    assert run.record.job.prompt["1"]["inputs"]["image"] == NAME
    (sent,) = demo.queue.history().values()
    assert sent["prompt"][2]["1"]["inputs"]["image"] == names_on_server(run.record)[KEY]
    assert (demo.requests[UPLOAD], demo.requests[PROMPT]) == (1, 1)


def test_the_record_names_the_server_that_was_chosen(demo: DemoServer, runs: RunRegistry) -> None:
    """No server is chosen while the run waits. The record of its end has the server's address."""
    first = runs.submit(job(LONG), Origin("me"))
    running(first)
    second = runs.submit(given(runs), Origin("me", group="a batch", parents=(first.id,)))
    until(second, lambda state: state.queue_place == 1)
    assert second.record.server == ""
    first.cancel()
    end(second)
    record = runs.history and runs.history.get(second.id, "me")
    assert record is not None
    assert (record.server, record.group, record.parents) == (demo.url, "a batch", (first.id,))


def test_the_server_is_on_record_as_soon_as_the_run_is_sent(
    demo: DemoServer, runs: RunRegistry
) -> None:
    """If the program is killed during a run, the record still names the server that has the run and
    its files."""
    run = runs.submit(job(LONG), Origin("me"))
    running(run)
    record = runs.history and runs.history.get(run.id, "me")
    assert record is not None
    assert (record.sent, record.server) == (True, demo.url)
    run.cancel()


def test_nothing_is_uploaded_before_its_turn(demo: DemoServer, runs: RunRegistry) -> None:
    """The files of a waiting run stay in the app. If the user cancels the run, the app never
    uploads them."""
    first = runs.submit(job(LONG), Origin("me"))
    running(first)
    second, third = (runs.submit(given(runs), Origin("me")) for _ in range(2))
    until(third, lambda state: state.queue_place == 2)
    assert demo.requests[UPLOAD] == 0
    third.cancel()
    assert end(third).phase is Phase.STOPPED
    first.cancel()
    assert end(second).phase is Phase.DONE
    assert demo.requests[UPLOAD] == 1


def test_uploads_are_shown(demo: DemoServer, runs: RunRegistry) -> None:
    """The state shows the upload until the server has taken the files."""
    with demo.hold(UPLOAD) as hold:
        run = runs.submit(given(runs), Origin("me"))
        eventually(hold.reached.is_set)
        assert run.state.uploading
    assert end(run).phase is Phase.DONE
    assert not run.state.uploading


def test_a_stop_during_the_upload_ends_the_run_at_once(demo: DemoServer, runs: RunRegistry) -> None:
    """The run ends without waiting for the server's answer. The app sends no prompt for it, and the
    next run starts."""
    with demo.hold(UPLOAD) as hold:
        run = runs.submit(given(runs), Origin("me"))
        eventually(hold.reached.is_set)
        run.cancel()
        state = end(run)
        assert (state.phase, state.error, state.uploading) == (Phase.STOPPED, None, False)
    assert end(runs.submit(job(), Origin("me"))).phase is Phase.DONE
    assert demo.requests[PROMPT] == 1


def test_a_file_that_the_server_refuses_is_named(demo: DemoServer, runs: RunRegistry) -> None:
    """The message has the file's name, and the error names its input. The app doesn't send the
    prompt."""
    demo.script("http_413", at=UPLOAD)
    state = end(runs.submit(given(runs), Origin("me")))
    assert state.phase is Phase.REFUSED
    assert state.error is not None
    assert NAME in state.error.message
    assert "larger than the server accepts" in state.error.message
    assert state.error.hint
    assert [(error.node, error.input, error.type) for error in state.node_errors] == [
        (*TARGET, FILE_REFUSED)
    ]
    assert demo.requests[PROMPT] == 0


def test_a_missing_local_file_is_named(demo: DemoServer, runs: RunRegistry) -> None:
    """The app can't upload the file and says what to do."""
    state = end(runs.submit(with_file("ab" * 32), Origin("me")))
    assert state.phase is Phase.REFUSED
    assert state.error is not None
    assert NAME in state.error.message
    assert "no longer exists" in state.error.message
    assert state.error.hint


@pytest.mark.parametrize("trouble", ["cut", "http_500", "http_502", "bad_json"])
def test_an_upload_that_fails_is_tried_again(
    demo: DemoServer, runs: RunRegistry, trouble: Any
) -> None:
    """The app retries it like a prompt. The server keeps the file once."""
    demo.script(trouble, at=UPLOAD, count=2)
    run = runs.submit(given(runs), Origin("me"))
    assert end(run).phase is Phase.DONE
    assert (demo.requests[UPLOAD], demo.requests[PROMPT]) == (3, 1)
    path = uploaded(demo, run)
    assert path is not None
    assert len(list(path.parent.iterdir())) == 1


def test_a_server_that_stays_away_is_given_up(demo: DemoServer, tmp_path: Path) -> None:
    """The run fails after the timeout for runs that weren't sent. It isn't reported as lost."""
    with FaultyLink(demo.url) as link, registry(link.url, tmp_path, timing=HURRIED) as runs:
        with demo.hold(UPLOAD) as hold:
            run = runs.submit(given(runs), Origin("me"))
            eventually(hold.reached.is_set)
            link.refuse()
            link.cut()
            state = end(run)
        assert state.phase is Phase.FAILED
        assert state.error is not None
        assert "Can't reach" in state.error.message


def test_a_run_that_is_sent_again_uploads_its_files_again(tmp_path: Path) -> None:
    """The server restarts without its uploaded files, so the app uploads them again."""
    with DemoServer(step_seconds=0.02) as demo, registry(demo.url, tmp_path, ahead=2) as runs:
        first = runs.submit(job(LONG), Origin("me"))
        running(first)
        second = runs.submit(given(runs), Origin("me"))
        until(second, lambda state: state.queue_place == 1 and not state.uploading)
        eventually(lambda: second.record.sent)
        folder = uploaded(demo, second)
        assert folder is not None
        demo.stop()
        shutil.rmtree(folder.parent)
        demo.start()
        assert end(second).phase is Phase.DONE
        assert demo.requests[UPLOAD] == 2


def test_a_waiting_run_uploads_its_files_after_a_restart(demo: DemoServer, tmp_path: Path) -> None:
    """A run that an earlier process left waiting uploads its files when its turn comes."""
    history = open_history(tmp_path)
    digest, _ = history.files.add([plain_image()], holder="left")
    left = with_file(digest)
    run_id = "00000000-0000-4000-8000-000000000001"
    history.begin(
        Record(run_id, "me", left, time.time(), waiting(run_id, left.prompt), keeps_going=True)
    )
    history.close()
    with registry(demo.url, tmp_path) as runs:
        runs.resume()
        run = runs.get(run_id, "me")
        assert end(run).phase is Phase.DONE
        assert uploaded(demo, run) is not None


def test_two_files_of_one_name_are_two_files(demo: DemoServer, runs: RunRegistry) -> None:
    """Each file gets its own folder and keeps its original name."""
    digests = [runs.files.add([plain_image(size)], holder="test")[0] for size in (16, 24)]
    prompt = IMAGE | SAVED | {"3": IMAGE["1"]}
    prompt["4"] = {
        "class_type": "SaveImage",
        "inputs": {"images": ["3", 0], "filename_prefix": "other"},
    }
    kept = [
        KeptInput(NAME, digest, ((node, "image"),))
        for node, digest in zip("13", digests, strict=True)
    ]
    run = runs.submit(
        Job(prompt, "two", inputs={"1.image": kept[0], "3.image": kept[1]}), Origin("me")
    )
    state = end(run)
    assert state.phase is Phase.DONE
    names = list(names_on_server(run.record).values())
    found = [demo.storage.find(name) for name in names]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in found if path] == digests
    assert {Path(name).name for name in names} == {NAME}


def test_an_expired_limit_aborts_an_upload(demo: DemoServer, runs: RunRegistry) -> None:
    """Before each piece of a file, the app checks if the run continues. The server doesn't keep an
    aborted upload."""

    class Over(ComfyError):
        pass

    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise Over("enough")

    one = given(runs, bytes(8 * 2**20))
    with Client(demo.url) as client:
        locks = ComfyServer(client).uploading
        with pytest.raises(Over):
            bound_prompt(one, "a run", client, runs.files, check, locks)
    folder = demo.storage.folder("input")
    assert folder is not None
    assert not list(folder.rglob(NAME))


def test_a_deadline_ends_a_run_between_two_attempts_at_an_upload(
    demo: DemoServer, tmp_path: Path
) -> None:
    """The deadline applies as it does to any unsent run."""
    with registry(demo.url, tmp_path) as runs:
        demo.script("http_500", at=UPLOAD, count=10_000)
        state = end(runs.submit(given(runs), Origin("me"), RunPolicy(deadline=0.5)))
        assert state.phase is Phase.STOPPED
        assert state.error is not None
        assert "longer than" in state.error.message


def test_file_names_are_written_to_their_targets() -> None:
    """The names go into a copy of the prompt. A target that the prompt doesn't have is ignored."""
    prompt = IMAGE | SAVED
    bound = with_names(prompt, (TARGET, ("9", "image")), "folder/photo.png")
    assert (
        bound == {"1": {"class_type": "LoadImage", "inputs": {"image": "folder/photo.png"}}} | SAVED
    )
    assert prompt["1"]["inputs"]["image"] == NAME


def test_a_file_has_a_name_on_the_run_s_server() -> None:
    """A run without a server has no name there. The folder doesn't reveal the run's id."""
    fresh = with_file("ab" * 32)
    state = waiting("id", IMAGE)
    assert names_on_server(Record("id", "me", fresh, 0.0, state)) == {}
    name = names_on_server(Record("id", "me", fresh, 0.0, state, server="http://127.0.0.1:8188"))[
        KEY
    ]
    assert name.endswith(f"/{NAME}")
    assert "id" not in name.removesuffix(NAME).split("/")


def test_many_stops_during_uploads_leave_nothing_running(
    demo: DemoServer, runs: RunRegistry
) -> None:
    """A stop works at any moment of an upload and leaves no run in the ComfyUI server's queue."""
    for pause in (0.0, 0.005, 0.01, 0.02, 0.05):
        run = runs.submit(given(runs), Origin("me"))
        threading.Event().wait(pause)
        run.cancel()
        *_, state = run.watch(LIMIT)
        assert state.phase in (Phase.STOPPED, Phase.DONE)
    eventually(lambda: demo.queue.remaining() == 0)


def test_an_image_as_text_is_sent_in_the_prompt(demo: DemoServer, runs: RunRegistry) -> None:
    """The job and its record keep the name. Nothing is uploaded."""
    plain = given(runs)
    kept = replace(plain.inputs[KEY], as_base64=True)
    told = replace(plain, inputs={KEY: kept})
    with Client(demo.url) as client:
        locks = ComfyServer(client).uploading
        prompt = bound_prompt(told, "a run", client, runs.files, lambda: None, locks)
    assert prompt["1"]["inputs"]["image"] == base64.b64encode(plain_image()).decode()
    assert told.prompt["1"]["inputs"]["image"] == NAME
    assert demo.requests[UPLOAD] == 0
