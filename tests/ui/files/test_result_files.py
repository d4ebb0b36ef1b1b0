"""Results as files: unchanged from the server, and for their owner only."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy.comfyui.protocol.outputs import OutputFile
from comfy.launch.uploads import Upload
from comfy.records.blobs import BlobStore
from comfy.runs.interface import Run
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, finished, get, start
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.files.components import Painted
from ui.files.result_files import ResultFiles, passed_on
from ui.web.urls import download_name, file_address

VALUES: Mapping[str, object] = {"5.steps": 1, "4.width": 256, "4.height": 256}


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a server without delays."""
    with running_demo_app(step_seconds=0) as served:
        yield served


def original(demo: DemoServer, file: OutputFile) -> bytes:
    """Return a file as stored on the server."""
    folder = demo.storage.folder(file.type)
    assert folder is not None
    return (folder / file.subfolder / file.filename).read_bytes()


def a_run(app: RunningApp, images: int = 1) -> Run:
    """Run a workflow as ANN and return the finished run."""
    return finished(start(app, **VALUES, **{"4.batch_size": images}))


def unsaved_run(served: Served, images: int = 1) -> Run:
    """Return a finished run whose results the app couldn't save, as on a full disk."""
    demo, app = served
    parts = app.data / "files/parts"
    with demo.hold("progress") as hold:
        run = start(app, **VALUES, **{"4.batch_size": images})
        assert hold.reached.wait(LONGEST_WAIT)
        parts.rmdir()
    finished(run)
    parts.mkdir()
    return run


def test_a_file_arrives_as_the_server_made_it(served: Served) -> None:
    """The app sends the file byte for byte, with its type, its name and the embedded metadata."""
    demo, app = served
    run = a_run(app)
    (file,) = run.state.files
    answer = get(app, file_address(run.id, 0, file))
    assert answer.content == original(demo, file)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "Text-to-image_" in answer.headers["content-disposition"]
    assert (
        json.loads(Image.open(io.BytesIO(answer.content)).info["prompt"])["5"]["inputs"]["steps"]
        == 1
    )


def test_a_part_of_a_file(served: Served) -> None:
    """The app answers a range request with that range, so that a player can seek in a video."""
    demo, app = served
    run = finished(start(app, "animation", **{"5.steps": 1, "7.steps": 1, "6.amount": 2}))
    at, video = next((at, file) for at, file in enumerate(run.state.files) if file.kind == "video")
    answer = get(app, file_address(run.id, at, video), Range="bytes=4-11")
    assert answer.status_code == 206
    assert answer.content == original(demo, video)[4:12]
    assert answer.headers["content-range"].startswith("bytes 4-11/")


def test_the_name_in_an_address_decides_nothing(served: Served) -> None:
    """Only the run and the index select the file. The app ignores the name in the address."""
    demo, app = served
    run = a_run(app)
    answer = get(app, f"/files/{run.id}/0/..%2f..%2fetc%2fpasswd.png")
    assert answer.status_code in (200, 404)
    assert answer.status_code == 404 or answer.content == original(demo, run.state.files[0])
    assert get(app, f"/files/{run.id}/0/anything.png").content == original(demo, run.state.files[0])


@pytest.mark.parametrize("place", ["1", "-1", "99999999999999999999", "x"])
def test_there_is_nothing_outside_a_runs_results(served: Served, place: str) -> None:
    """The app answers 404 to a position that the run doesn't have, or 422 if it isn't a number."""
    _, app = served
    run = a_run(app)
    assert get(app, f"/files/{run.id}/{place}/x.png").status_code in (404, 422)


@pytest.mark.parametrize("path", ["0/x.png", "all.zip"])
def test_files_are_for_their_owner(served: Served, path: str) -> None:
    """Another browser, a client without a cookie and a request for an unknown run get the same
    404."""
    _, app = served
    run = a_run(app)
    assert get(app, f"/files/{run.id}/{path}", ANN).status_code == 200
    answers = [
        get(app, f"/files/{run.id}/{path}", BOB),
        get(app, f"/files/{run.id}/{path}", ""),
        get(app, f"/files/none/{path}"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len({answer.text for answer in answers}) == 1


def test_all_in_one_archive(served: Served) -> None:
    """The archive holds every saved file of the run, unchanged."""
    demo, app = served
    run = a_run(app, 3)
    answer = get(app, f"/files/{run.id}/all.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        assert bundle.testzip() is None
        assert len(set(bundle.namelist())) == 3
        assert [bundle.read(name) for name in bundle.namelist()] == [
            original(demo, file) for file in run.state.files
        ]


class VanishingFiles(BlobStore):
    """Files with one that vanishes as soon as its path is known."""

    vanishes = ""

    def path(self, digest: str) -> Path | None:
        path = super().path(digest)
        if path is not None and digest == self.vanishes:
            path.unlink()
        return path


@pytest.mark.parametrize("has_prompt", [True, False])
def test_an_archive_leaves_a_vanished_file_out(
    served: Served, tmp_path: Path, has_prompt: bool
) -> None:
    """Also if the file vanishes while the app sends the archive, with and without the prompt."""
    demo, app = served
    record = a_run(app, 2).record
    services = app.services
    with contextlib.closing(VanishingFiles(tmp_path / "files")) as blobs:
        for file in record.state.files:
            blobs.add([original(demo, file)])
            assert blobs.stripped.of(file.digest)
        blobs.vanishes = record.state.files[0].digest
        files = ResultFiles(services.runs, blobs, services.server_files)
        archive = b"".join(files.archive([(record, at, has_prompt) for at in (0, 1)]))
    with zipfile.ZipFile(io.BytesIO(archive)) as bundle:
        assert [name[:4] for name in bundle.namelist()] == ["002-"]


@pytest.fixture
def own() -> Iterator[Served]:
    """Run an app and a server that the test may stop."""
    with running_demo_app(step_seconds=0) as served:
        yield served


def test_results_outlive_the_server(own: Served) -> None:
    """The app serves its own copies when files were deleted on the ComfyUI server or the server is
    unreachable."""
    demo, app = own
    run = a_run(app, 2)
    originals = [original(demo, file) for file in run.state.files]
    folder = demo.storage.folder("output")
    assert folder is not None
    for file in run.state.files:
        (folder / file.subfolder / file.filename).unlink()
    demo.stop()
    for index, file in enumerate(run.state.files):
        assert get(app, file_address(run.id, index, file)).content == originals[index]
    with zipfile.ZipFile(io.BytesIO(get(app, f"/files/{run.id}/all.zip").content)) as bundle:
        assert [bundle.read(name) for name in bundle.namelist()] == originals


def test_an_unsatisfiable_range_is_answered_with_416(served: Served) -> None:
    _, app = served
    run = a_run(app)
    assert (
        get(app, file_address(run.id, 0, run.state.files[0]), Range="bytes=99999999-").status_code
        == 416
    )


def test_a_small_image(served: Served) -> None:
    """The thumbnail is a WebP of at most 320 pixels, for the owner only. A run's other files have
    no thumbnail."""
    _, app = served
    run = a_run(app)
    answer = get(app, f"/files/{run.id}/0/thumb")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 320
    assert len(answer.content) < 40_000
    assert get(app, f"/files/{run.id}/0/thumb", BOB).status_code == 404
    assert get(app, f"/files/{run.id}/1/thumb").status_code == 404
    moving = finished(start(app, "animation", **{"5.steps": 1, "7.steps": 1, "6.amount": 2}))
    at = next(at for at, file in enumerate(moving.state.files) if file.kind == "video")
    assert get(app, f"/files/{moving.id}/{at}/thumb").status_code == 404


def test_a_painted_image_returns_with_its_original(served: Served) -> None:
    """Reusing settings restores the original image and the paint. Sending them again gives the same
    image. If the original is missing, the app returns the single merged file."""
    _, app = served
    below, owner = a_run(app), f"browser:{ANN}"
    copies = app.services.copies
    files = copies.files_of(owner)
    _, form = app.services.forms.form("inpaint", owner)
    field = next(one for one in form.fields if one.widget == "mask")
    layer = copies.uploads.make(owner, "layer.png")
    Image.new("LA", (64, 64), (255, 90)).save(layer)
    image = copies.of_result(below.record, 0)
    painted = files.taken(Painted(str(image), (copies.uploads.place(layer),)), field)
    assert isinstance(painted, Upload)
    run = finished(start(app, "inpaint", **{field.key: painted}))

    def reused() -> Any:
        return get(app, f"/api/v1/runs/{run.id}/values").json()["values"][field.key]

    held = reused()
    again = files.taken(Painted(held["file"], (held["mask"],)), field)
    assert isinstance(again, Upload)
    assert (again.data, again.below) == (painted.data, painted.below)
    assert again.below == below.state.files[0].digest
    kept = app.services.starter.blobs.path(painted.below)
    assert kept is not None
    kept.unlink()
    assert [*reused()] == ["file"]


def test_a_file_that_is_no_longer_stored_is_not_found(served: Served) -> None:
    """The app answers 404 with a message, even though the server has a file with that name. That
    file may have changed since."""
    _, app = served
    run = a_run(app, 2)
    history = app.services.runs.history
    history.files.remove(run.state.files[0].digest)
    answer = get(app, file_address(run.id, 0, run.state.files[0]))
    assert answer.status_code == 404
    assert "no longer" in answer.json()["detail"]
    assert get(app, f"/files/{run.id}/0/thumb").status_code == 404
    with zipfile.ZipFile(io.BytesIO(get(app, f"/files/{run.id}/all.zip").content)) as bundle:
        assert len(bundle.namelist()) == 1


def test_files_without_a_copy_come_from_the_server(served: Served) -> None:
    """While the app knows the run, it sends them byte for byte, in ranges and in an archive."""
    demo, app = served
    run = unsaved_run(served, images=2)
    files = run.state.files
    assert get(app, file_address(run.id, 1, files[1])).content == original(demo, files[1])
    part = get(app, file_address(run.id, 0, files[0]), Range="bytes=4-11")
    assert (part.status_code, part.content) == (206, original(demo, files[0])[4:12])
    with zipfile.ZipFile(io.BytesIO(get(app, f"/files/{run.id}/all.zip").content)) as bundle:
        assert [bundle.read(name) for name in bundle.namelist()] == [
            original(demo, file) for file in files
        ]
    assert get(app, f"/files/{run.id}/0/thumb").status_code == 404


def test_a_file_that_is_gone_from_the_server(served: Served) -> None:
    """If the app has no copy and the server has deleted the file, the app sends an error message
    instead of half an answer."""
    demo, app = served
    run = unsaved_run(served)
    (file,) = run.state.files
    folder = demo.storage.folder("output")
    assert folder is not None
    (folder / file.subfolder / file.filename).unlink()
    answer = get(app, file_address(run.id, 0, file))
    assert answer.status_code == 502
    assert answer.json()["detail"]


def test_a_server_that_is_away() -> None:
    """If the app has no copy and the server is unreachable, the app answers with an error
    message."""
    with running_demo_app(step_seconds=0) as served:
        demo, app = served
        run = unsaved_run(served)
        demo.stop()
        answer = get(app, file_address(run.id, 0, run.state.files[0]))
        assert answer.status_code == 502
        assert "Can't reach" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.png", "a.png"),
        ("../../a.png", "a.png"),
        ("..\\a.png", "a.png"),
        ('a"\r\nX: y.png', "aX y.png"),
        ("", "file"),
        ("grün 1.png", "grün 1.png"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    """The app keeps the readable part of a name. It removes characters that would leave the folder
    or break a header."""
    assert download_name(name) == safe


def test_a_servers_header_in_another_form_is_dropped() -> None:
    """It could break the app's own answer."""
    good = {
        "content-length": "12",
        "content-range": "bytes 0-11/12",
        "accept-ranges": "bytes",
        "last-modified": "Thu, 26 Nov 2026 18:10:12 GMT",
        "etag": '"a-1"',
    }
    assert passed_on(good) == good
    assert passed_on({**good, "set-cookie": "a=b", "location": "/"}) == good
    bad = {
        "content-length": "9" * 5000,
        "content-range": "bytes x",
        "accept-ranges": "é",
        "last-modified": "a\tb",
        "etag": '"\x00"',
    }
    assert passed_on(bad) == {}
