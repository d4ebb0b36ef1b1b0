"""Runs that outlive the app and the ComfyUI server: records, files, and resuming after a
restart."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from comfy.base.errors import ComfyError, RunNotFound
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase, waiting
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.runs.kept_registry import kept_registry, killed_registry
from tests.runs.registry import HURRIED, LIMIT, end, registry, running, until
from tests.support.link import FaultyLink
from tests.support.registries import new_registry
from tests.support.sampler import LONG, job
from tests.support.serving import open_history
from tests.support.waiting import IMPORTING, eventually

NOBODY_ELSE = "nobody-else"


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


def test_a_run_removed_behind_a_broken_link_is_not_sent_again(demo: DemoServer) -> None:
    """A server that still knows an earlier run was not restarted. If it no longer has a prompt,
    another client has removed it."""
    with FaultyLink(demo.url) as link, Client(link.url) as client:
        runs = new_registry(ServerPool(client), timing=replace(HURRIED, patience=20), ahead=2)
        end(runs.submit(job(2), Origin("me")))
        first = runs.submit(job(LONG), Origin("me"))
        running(first)
        asked = demo.requests["GET /queue"]
        second = runs.submit(job(2), Origin("me"))
        # Until the app has read the answer to the first prompt, it doesn't send the second. Only a
        # run that the server has accepted asks for its place there.
        eventually(lambda: demo.requests["GET /queue"] > asked)
        until(second, lambda state: state.queue_place == 1)
        link.refuse()
        link.cut()
        until(second, lambda state: state.away)
        demo.queue.clear()
        link.heal()
        state = end(second)
        assert state.phase is Phase.STOPPED
        assert state.error is not None
        assert "Someone else" in state.error.message
        assert demo.requests["POST /prompt"] == 3
        runs.close()


def test_a_finished_run_has_its_files_stored(demo: DemoServer, tmp_path: Path) -> None:
    """When a run is done, its files are kept, byte for byte, under the digest of their bytes."""
    with kept_registry(demo, tmp_path) as runs:
        run = runs.submit(job(), Origin("me"))
        state = end(run)
        assert state.phase is Phase.DONE
        (file,) = state.files
        path = runs.history and runs.history.files.path(file.digest)
        assert path is not None
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == file.digest
        assert len(data) == file.size
        with Client(demo.url) as client, client.view(file) as answer:
            assert b"".join(answer.iter_bytes()) == data


def test_an_interrupted_download_continues_after_a_restart(
    demo: DemoServer, tmp_path: Path
) -> None:
    """If the app exits during a download, the run isn't finished yet. After the restart, the app
    downloads the files."""
    with demo.hold("GET /view") as held, kept_registry(demo, tmp_path) as runs:
        run = runs.submit(job(), Origin("me"))
        assert held.reached.wait(LIMIT)
    with kept_registry(demo, tmp_path) as runs:
        runs.resume()
        state = end(runs.get(run.id, "me"))
        assert state.phase is Phase.DONE
        assert [bool(file.digest) for file in state.files] == [True]


def test_no_run_waits_for_the_files_of_another(demo: DemoServer, tmp_path: Path) -> None:
    """The next run executes while the app downloads files."""
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        with demo.hold("GET /view") as held:
            first = runs.submit(job(), Origin("me"))
            assert held.reached.wait(LIMIT)
            second = runs.submit(job(), Origin("you"))
            assert end(second).phase is Phase.DONE
            assert not first.state.phase.finished
        assert end(first).phase is Phase.DONE


def test_an_end_that_could_not_be_written_is_written_later(
    demo: DemoServer, tmp_path: Path
) -> None:
    """If the database fails when a run ends, the app writes the end later."""
    with kept_registry(demo, tmp_path) as runs:
        with sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None) as other:
            with demo.hold("GET /view") as held:
                run = runs.submit(job(), Origin("me"))
                assert held.reached.wait(LIMIT)
                other.execute("ALTER TABLE runs RENAME TO gone")
            assert end(run).phase is Phase.DONE
            other.execute("ALTER TABLE gone RENAME TO runs")
        other.close()
    with kept_registry(demo, tmp_path) as runs:
        assert runs.record(run.id, "me").state.phase is Phase.DONE
        assert runs.history.unfinished() == ()


def test_an_unexpected_error_drops_no_other_end(
    demo: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the end of one run fails in a way that the app doesn't know, it writes the others' later."""
    errors: dict[str, Exception] = defaultdict(lambda: ComfyError("full"))
    write = RunStore.end

    def fails(store: RunStore, record: Record, *more: Any) -> None:
        if record.id in errors or errors.default_factory:
            raise errors[record.id]
        write(store, record, *more)

    monkeypatch.setattr(RunStore, "end", fails)
    with kept_registry(demo, tmp_path) as runs:
        broken, other = (runs.submit(job(), Origin("me")) for _ in range(2))
        assert [end(one).phase for one in (broken, other)] == [Phase.DONE] * 2
        eventually(lambda: len(errors) == 2)
        errors = defaultdict(None, {broken.id: RuntimeError("unknown")})
        with pytest.raises(RuntimeError, match="unknown"):
            runs.forget(other.id, "me")
        errors.clear()
        runs.forget(other.id, "me")
        assert runs.history.get(other.id, "me") is None


def test_a_run_is_found_again_in_the_next_life(demo: DemoServer, tmp_path: Path) -> None:
    """Its record shows the request and the results to its owner, and to no other user."""
    with kept_registry(demo, tmp_path) as runs:
        run = runs.submit(job(), Origin("me"))
        before = (end(run), run.record)[1]
    with kept_registry(demo, tmp_path) as runs:
        runs.resume()
        assert runs.owned("me") == ()
        after = runs.record(run.id, "me")
        assert (after.job, after.state.files, after.state.phase) == (
            before.job,
            before.state.files,
            Phase.DONE,
        )
        assert after.state.finished_at == before.state.finished_at
        with pytest.raises(RunNotFound):
            runs.record(run.id, "you")
        with pytest.raises(RunNotFound):
            runs.record(NOBODY_ELSE, "me")


class BusyStore(RunStore):
    """History that calls `meanwhile` once, right after it deletes a record."""

    meanwhile: Callable[[], object] | None = None

    def delete(self, run_id: str, owner: str) -> bool:
        deleted = super().delete(run_id, owner)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return deleted


def test_a_run_restarted_while_it_is_deleted_stays_known(demo: DemoServer, tmp_path: Path) -> None:
    """The runs of a chain's steps begin again like this, under the same id."""
    files = BlobStore(tmp_path / "files")
    with (
        closing(BusyStore(f"sqlite:///{tmp_path / 'history.db'}", files)) as history,
        registry(demo, history=history) as runs,
    ):
        first = runs.submit(job(), Origin("me", run_id=str(uuid4())))
        end(first)
        history.meanwhile = lambda: runs.submit(job(LONG), Origin("me", run_id=first.id))
        runs.forget(first.id, "me")
        again = runs.get(first.id, "me")
        assert not again.state.phase.finished
        again.cancel()
        assert end(again).phase is Phase.STOPPED
        runs.forget(first.id, "me")
        with pytest.raises(RunNotFound):
            runs.get(first.id, "me")


def test_a_run_that_failed_is_on_record_too(demo: DemoServer, tmp_path: Path) -> None:
    """The record says what went wrong, in the same words."""
    with kept_registry(demo, tmp_path) as runs:
        run = runs.submit(job(sampler_name="no such sampler"), Origin("me"))
        state = end(run)
        assert state.phase is Phase.REFUSED
    with kept_registry(demo, tmp_path) as runs:
        after = runs.record(run.id, "me").state
        assert (after.phase, after.error, after.node_errors) == (
            state.phase,
            state.error,
            state.node_errors,
        )


@pytest.mark.parametrize("trouble", ["http_500", "cut", "bad_json"])
def test_a_failed_download_is_repeated(demo: DemoServer, tmp_path: Path, trouble: Any) -> None:
    """If the server has trouble while the app fetches files, the app asks again. It never keeps
    half a file."""
    with kept_registry(demo, tmp_path) as runs:
        demo.script(trouble, at="GET /view")
        state = end(runs.submit(job(), Origin("me")))
        assert state.phase is Phase.DONE
        assert state.files[0].digest
        assert demo.requests["GET /view"] == 2


def test_a_run_without_its_file_has_failed(demo: DemoServer, tmp_path: Path) -> None:
    """If the server no longer has a run's only file, the run ends at once, and says so."""
    with kept_registry(demo, tmp_path) as runs:
        with demo.hold("GET /view") as held:
            run = runs.submit(job(), Origin("me"))
            assert held.reached.wait(LIMIT)
            for file in (demo.storage.folder("output") or tmp_path).glob("*.png"):
                file.unlink()
        state = end(run)
        assert state.phase is Phase.FAILED
        assert state.files == ()
        assert state.error is not None
        assert "is no longer available" in state.error.message


def test_an_empty_file_is_no_result(demo: DemoServer, tmp_path: Path) -> None:
    """A node may report a file that it couldn't write."""
    with kept_registry(demo, tmp_path) as runs:
        with demo.hold("GET /view") as held:
            run = runs.submit(job(), Origin("me"))
            assert held.reached.wait(LIMIT)
            for file in (demo.storage.folder("output") or tmp_path).glob("*.png"):
                file.write_bytes(b"")
        state = end(run)
        assert state.phase is Phase.FAILED
        assert "couldn't be fetched" in str(state.error and state.error.message)


def test_a_failed_run_keeps_the_results_before_its_error(demo: DemoServer, tmp_path: Path) -> None:
    """The server may be gone soon, and its folder for previews is emptied when it starts."""
    plain = job()
    video = {"video": ["21", 0], "filename_prefix": "x", "format": "webm", "format.codec": "vp9"}
    fails = {
        "20": {"class_type": "ImageInvert", "inputs": {"image": ["5", 0]}},
        "21": {"class_type": "CreateVideo", "inputs": {"images": ["20", 0], "fps": 8.0}},
        "22": {"class_type": "SaveVideo", "inputs": video},
    }
    with kept_registry(demo, tmp_path) as runs:
        state = end(runs.submit(replace(plain, prompt=plain.prompt | fails), Origin("me")))
        assert state.phase is Phase.FAILED
        assert state.error is not None
        assert "A step in the workflow failed" in state.error.message
        assert [bool(file.digest) for file in state.files] == [True]


def test_an_active_run_is_resumed_after_a_kill(tmp_path: Path) -> None:
    """The app looks for a sent run at the server and doesn't send it again. Previews continue, and
    the result is the same."""
    with DemoServer(step_seconds=0.05) as demo:
        with killed_registry(demo.url, tmp_path, job(300)):
            eventually(lambda: demo.queue.remaining() == 1, "the first process sends", IMPORTING)
        with kept_registry(demo, tmp_path) as runs:
            runs.resume()
            (again,) = runs.owned("me")
            until(again, lambda state: state.preview_number > 0)
            demo.speed.step = 0
            assert end(again).phase is Phase.DONE
            assert demo.requests["POST /prompt"] == 1
            assert runs.record(again.id, "me").state.files[0].digest


def test_a_run_that_was_about_to_be_sent_is_sent(demo: DemoServer, tmp_path: Path) -> None:
    """The app was killed between recording that it sends the run and sending it. A server that
    still has an earlier run, but not this one, never got this one."""
    with kept_registry(demo, tmp_path) as runs:
        ended = end(runs.submit(job(2), Origin("me")))
        state = waiting(str(uuid4()), job(3).prompt)
        record = Record(str(uuid4()), "me", job(3), time.time(), state, sent=True, server=demo.url)
        runs.history.begin(record)
        runs.history.sent(record, state.prompt_id)
    with kept_registry(demo, tmp_path) as runs:
        runs.resume()
        assert runs.get(record.id, "me").state.prompt_id != ended.prompt_id
        assert end(runs.get(record.id, "me")).phase is Phase.DONE
        assert demo.requests["POST /prompt"] == 2


def test_a_run_that_ended_meanwhile_is_settled(demo: DemoServer, tmp_path: Path) -> None:
    """The server's history says how the run ended while the app was down."""
    with killed_registry(demo.url, tmp_path, job(20)):
        eventually(lambda: demo.queue.remaining() == 1, "the first process sends", IMPORTING)
    eventually(lambda: demo.queue.remaining() == 0)
    with kept_registry(demo, tmp_path) as runs:
        runs.resume()
        (again,) = runs.owned("me")
        assert end(again).phase is Phase.DONE
        assert demo.requests["POST /prompt"] == 1


def test_a_run_in_line_is_started_after_a_kill(demo: DemoServer, tmp_path: Path) -> None:
    """After the restart, a run that was never sent waits in the queue again. The app sends it
    once."""
    demo.speed.step = 0.1
    with killed_registry(demo.url, tmp_path, job(200), job(2), ahead=1):
        eventually(lambda: demo.queue.remaining() == 1, "the first process sends", IMPORTING)
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        runs.resume()
        first, second = runs.owned("me")
        until(second, lambda state: state.queue_place == 1)
        demo.speed.step = 0
        assert [end(first).phase, end(second).phase] == [Phase.DONE, Phase.DONE]
        assert demo.requests["POST /prompt"] == 2


@pytest.mark.parametrize("shown", [True, False])
def test_a_run_of_another_server_is_lost(demo: DemoServer, tmp_path: Path, shown: bool) -> None:
    """The app neither looks for the run on its current server nor sends the run there. If users may
    see addresses, the details name the other server, without its password."""
    url = demo.url.replace("//", "//ann:s3cret@")
    with killed_registry(url, tmp_path, job(40)):
        eventually(lambda: demo.queue.remaining() == 1, "the first process sends", IMPORTING)
    with (
        DemoServer(step_seconds=0.01) as other,
        kept_registry(other, tmp_path, shown=shown) as runs,
    ):
        runs.resume()
        assert runs.owned("me") == ()
        (record,) = runs.history.of("me")
        assert record.state.phase is Phase.LOST
        assert record.state.error is not None
        assert (demo.url in record.state.error.detail) is shown
        assert "s3cret" not in str(record)
        assert runs.history.unfinished() == ()
        assert not other.requests


def test_an_unsent_run_of_another_server_runs_on_this_one(demo: DemoServer, tmp_path: Path) -> None:
    """A run that only waited here when the program ended waits for the current server."""
    with killed_registry(demo.url, tmp_path, job(LONG), job(2), ahead=1):
        eventually(lambda: demo.queue.remaining() == 1, "the first process sends", IMPORTING)
    with DemoServer(step_seconds=0.01) as other, kept_registry(other, tmp_path) as runs:
        runs.resume()
        (waited,) = runs.owned("me")
        assert end(waited).phase is Phase.DONE
        assert other.requests["POST /prompt"] == 1


def test_a_finished_run_outlives_a_kill(demo: DemoServer, tmp_path: Path) -> None:
    """Every run reported as done is on disk, files included, although the process had no time to
    shut down cleanly."""
    with killed_registry(demo.url, tmp_path, job(2), job(LONG)):
        history = open_history(tmp_path)
        eventually(lambda: history.of("me"), "the first process ends a run", IMPORTING)
        history.close()
    with kept_registry(demo, tmp_path) as runs:
        (record,) = runs.history.of("me")
        assert record.state.phase is Phase.DONE
        assert runs.history.files.path(record.state.files[0].digest)
        runs.resume()


def test_two_programs_do_not_resume_each_others_runs(demo: DemoServer, tmp_path: Path) -> None:
    """A second app on the same folder doesn't touch the first app's active runs."""
    with kept_registry(demo, tmp_path) as first:
        run = first.submit(job(LONG), Origin("me"))
        running(run)
        with kept_registry(demo, tmp_path) as second:
            second.resume()
            assert second.owned("me") == ()
        assert not run.state.phase.finished


@pytest.mark.parametrize("keeps_going", [False, True])
def test_a_run_whose_page_does_not_return_is_stopped(
    demo: DemoServer, tmp_path: Path, keeps_going: bool
) -> None:
    """The grace period starts again at the restart. A run that was told to keep going isn't
    stopped."""
    with killed_registry(demo.url, tmp_path, job(LONG), keeps_going=keeps_going):
        eventually(lambda: demo.queue.remaining() == 1, "the first process sends", IMPORTING)
    with kept_registry(demo, tmp_path, grace=0.2) as runs:
        runs.resume()
        (again,) = runs.owned("me")
        if keeps_going:
            with pytest.raises(TimeoutError):
                list(again.watch(0.6))
        else:
            assert end(again).phase is Phase.STOPPED


@pytest.mark.parametrize("finish", [0.0, 10.0])
def test_the_end_of_the_program_may_let_runs_finish(
    demo: DemoServer, tmp_path: Path, finish: float
) -> None:
    """Within the allowed time, the app finishes the runs at the server. Runs that wait in line stay
    unfinished, and run after the restart."""
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        steps = 20 if finish else LONG
        first = runs.submit(job(steps, seed=random.getrandbits(40)), Origin("me"))
        second = runs.submit(job(), Origin("me"))
        running(first)
        runs.close(finish=finish)
        assert first.state.phase is (Phase.DONE if finish else Phase.STOPPED)
        assert [state.phase for state in second.watch(LIMIT)] == [Phase.WAITING]
        with pytest.raises(ComfyError, match="shutting down"):
            runs.submit(job(), Origin("me"))
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        runs.resume()
        (again,) = runs.owned("me")
        assert again.id == second.id
        assert end(again).phase is Phase.DONE
        assert demo.requests["POST /prompt"] == 2


def test_runs_canceled_just_before_the_end_do_not_come_back(
    demo: DemoServer, tmp_path: Path
) -> None:
    """The app exits before their threads have noticed. It waits for them and records their ends."""
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        first = runs.submit(job(LONG), Origin("me"))
        running(first)
        waiting = [runs.submit(job(), Origin("me")) for _ in range(20)]
        for run in waiting:
            run.cancel()
        runs.close()
        assert {run.state.phase for run in waiting} == {Phase.STOPPED}
        assert runs.history.unfinished() == ()


def test_a_waiting_run_can_be_canceled_while_others_finish(
    demo: DemoServer, tmp_path: Path
) -> None:
    """Its user cancels it after the app was told to exit. It doesn't come back."""
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        first, second = (runs.submit(job(LONG), Origin("me")) for _ in range(2))
        running(first)
        exiting = threading.Thread(target=partial(runs.close, finish=LIMIT))
        exiting.start()
        eventually(lambda: runs.closed, "the registry closes")
        second.cancel()
        assert end(second).phase is Phase.STOPPED
        first.cancel()
        exiting.join(LIMIT)
        assert runs.history is not None
        assert runs.history.unfinished() == ()
