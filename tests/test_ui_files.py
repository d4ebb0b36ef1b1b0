"""Results as files: as the server made them, for their owner only."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from PIL import Image
from serving import RunningApp, running_demo_app
from web import ANN, BOB, finished, get, start

from comfy.demo import DemoServer
from comfy.run import Run
from comfy.run_state import OutputFile
from ui.files import file_address, safe_name

Served = tuple[DemoServer, RunningApp]


@pytest.fixture
def served() -> Iterator[Served]:
    """An app on a server that takes no time."""
    with running_demo_app(step_seconds=0) as (demo, app):
        yield demo, app


def original(demo: DemoServer, file: OutputFile) -> bytes:
    """A file as it lies on the server."""
    folder = demo.storage.folder(file.type)
    assert folder is not None
    return (folder / file.subfolder / file.filename).read_bytes()


def a_run(app: RunningApp, pictures: int = 1) -> Run:
    """A finished run of ANN's."""
    return finished(start(app, **{"5.steps": 1, "4.batch_size": pictures, "4.width": 256, "4.height": 256}))


def test_a_file_arrives_as_the_server_made_it(served: Served) -> None:
    """Byte for byte, with its type, its name and the metadata in it."""
    demo, app = served
    run = a_run(app)
    (file,) = run.state.files
    answer = get(app, file_address(run.id, 0, file))
    assert answer.content == original(demo, file)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert file.filename in answer.headers["content-disposition"]
    assert json.loads(Image.open(io.BytesIO(answer.content)).info["prompt"])["5"]["inputs"]["steps"] == 1


def test_a_part_of_a_file(served: Served) -> None:
    """A range is answered with that range, so that a video can be wound."""
    demo, app = served
    run = finished(start(app, "animation", **{"5.steps": 1, "7.steps": 1, "6.amount": 2}))
    at, video = next((at, file) for at, file in enumerate(run.state.files) if file.kind == "video")
    answer = get(app, file_address(run.id, at, video), Range="bytes=4-11")
    assert answer.status_code == 206
    assert answer.content == original(demo, video)[4:12]
    assert answer.headers["content-range"].startswith("bytes 4-11/")


def test_the_name_in_an_address_decides_nothing(served: Served) -> None:
    """Only the run and the place in it count; whatever stands as the name is not looked at."""
    demo, app = served
    run = a_run(app)
    answer = get(app, f"/files/{run.id}/0/..%2f..%2fetc%2fpasswd.png")
    assert answer.status_code in (200, 404)
    assert answer.status_code == 404 or answer.content == original(demo, run.state.files[0])
    assert get(app, f"/files/{run.id}/0/anything.png").content == original(demo, run.state.files[0])


@pytest.mark.parametrize("place", ["1", "-1", "99999999999999999999", "x"])
def test_there_is_nothing_outside_a_runs_results(served: Served, place: str) -> None:
    """A place that a run does not have is 404, or 422 where it is no number."""
    _, app = served
    run = a_run(app)
    assert get(app, f"/files/{run.id}/{place}/x.png").status_code in (404, 422)


@pytest.mark.parametrize("path", ["0/x.png", "all.zip"])
def test_files_are_for_their_owner(served: Served, path: str) -> None:
    """Another browser, one without a cookie, and a run that does not exist get the same 404."""
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
        assert [bundle.read(name) for name in bundle.namelist()] == [original(demo, file) for file in run.state.files]


def test_a_file_that_is_gone(served: Served) -> None:
    """A file that was deleted on the server is an error with a sentence, not a half answer."""
    demo, app = served
    run = a_run(app)
    (file,) = run.state.files
    folder = demo.storage.folder("output")
    assert folder is not None
    (folder / file.subfolder / file.filename).unlink()
    answer = get(app, file_address(run.id, 0, file))
    assert answer.status_code in (404, 502)
    assert answer.json()["detail"]


def test_a_server_that_is_away(served: Served) -> None:
    """Without the server there is an error with a sentence."""
    demo, app = served
    run = a_run(app)
    demo.stop()
    answer = get(app, file_address(run.id, 0, run.state.files[0]))
    assert answer.status_code == 502
    assert "reached" in answer.json()["detail"]


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
    """A name keeps what people read, and loses what leaves a folder or a header."""
    assert safe_name(name) == safe
