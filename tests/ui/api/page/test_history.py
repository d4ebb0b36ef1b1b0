"""The history over HTTP: listing, search, run again, deletion and privacy."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.uploads import Upload
from comfy.records.blobs import BlobStore
from comfy.runs.input_files import names_on_server
from comfy.runs.interface import Run
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, cookie_of, finished, get, start
from tests.support.samples.forms import node
from tests.support.samples.histories import bytes_kept
from tests.support.serving import (
    PAINTED,
    WORKFLOWS,
    RunningApp,
    Served,
    running_app,
    running_demo_app,
)
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.web.urls import file_address

SMALL = {"5.steps": 1, "4.width": 256, "4.height": 256}
CALLS = [
    ("GET", "/api/v1/runs/{}?with_page=true"),
    ("GET", "/api/v1/runs/{}/values"),
    ("DELETE", "/api/v1/runs/{}"),
]
QUICK = {"8.steps": 1, "5.width": 256, "5.height": 256}


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """Yield the module's server and app, and delete the test's runs afterwards."""
    yield running
    _, app = running
    for run in app.runs.known():
        app.deletion.delete(finished(run).id, run.owner)
    app.close_idle()


def ask(
    app: RunningApp, method: str, path: str, cookie: str = ANN, **headers: str
) -> requests.Response:
    """Send a request as the page of a browser with this cookie does."""
    return requests.request(
        method, app.url + path, cookies=cookie_of(cookie), headers=headers, timeout=LONGEST_WAIT
    )


def past(app: RunningApp, query: str = "", cookie: str = ANN) -> list[dict[str, Any]]:
    """Return the listed runs."""
    answer = get(app, f"/api/v1/runs?with_page=true&{query}", cookie)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["runs"])


def made(app: RunningApp, **values: object) -> Run:
    """Run a workflow as ANN and return the finished run."""
    return finished(start(app, **SMALL, **values))


def photo(colour: str = "teal") -> Upload:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(data, "PNG")
    return Upload("my photo.png", data.getvalue())


def kept_files(app: RunningApp) -> BlobStore:
    return app.services.runs.history.files


def pixels(app: RunningApp, run: Run) -> bytes:
    path = kept_files(app).path(run.state.files[0].digest)
    assert path is not None
    with Image.open(path) as image:
        return image.tobytes()


def test_a_run_is_listed(served: Served) -> None:
    """The entry has the prompt, the end time, the number of results and a thumbnail with its
    proportions."""
    _, app = served
    run = made(app, **{"2.text": "a lighthouse at dusk", "4.batch_size": 2})
    (told,) = past(app)
    tile = told["page"]
    assert told["id"] == run.id
    described = (told["workflow"], told["title"], told["phase"])
    assert described == ("text-to-image", "Text to image", "done")
    assert (tile["asked"], tile["what"], tile["results"]) == ("a lighthouse at dusk", "2 files", 2)
    assert told["finished_at"] == run.state.finished_at
    assert get(app, tile["thumb"]).headers["content-type"] == "image/webp"
    assert tile["ratio"] == 1


def test_the_end_is_reported_as_on_the_socket(served: Served) -> None:
    """The answer has the files' URLs and the run's values in words. Seeds are text, because a
    browser's numbers would round them."""
    _, app = served
    run = made(app, **{"2.text": "a lighthouse", "5.seed": 2**64 - 1, "4.batch_size": 2})
    told = get(app, f"/api/v1/runs/{run.id}?with_page=true").json()
    assert told["seeds"] == {"5.seed": "18446744073709551615"}
    assert [file["url"] for file in told["page"]["files"]] == [
        file_address(run.id, at, file) for at, file in enumerate(run.state.files)
    ]
    assert ["Prompt", "a lighthouse"] in told["page"]["details"]
    assert ["Seed", "18446744073709551615"] in told["page"]["details"]


def test_runs_that_came_to_nothing_are_listed_in_words(served: Served) -> None:
    """A stopped run says that it was stopped, and has no thumbnail. A failed run names the field
    that caused the failure."""
    demo, app = served
    demo.speed.step = 0.2
    failing = start(app, **SMALL | {"5.steps": 40})
    eventually(lambda: failing.state.phase is Phase.RUNNING)
    failing.cancel()
    finished(failing)
    demo.speed.step = 0
    tile = past(app)[0]["page"]
    assert (tile["what"], tile["results"], tile["thumb"]) == ("Stopped", 0, None)
    words = get(app, f"/api/v1/runs/{failing.id}?with_page=true").json()
    assert (words["id"], words["phase"], words["headline"]) == (failing.id, "stopped", "Stopped")
    failed = finished(start(app, **SMALL | {"7.filename_prefix": "../outside"}))
    words = get(app, f"/api/v1/runs/{failed.id}?with_page=true").json()
    assert words["page"]["failed_field"] == "7.filename_prefix"
    assert words["headline"].endswith(words["errors"][words["page"]["failed_field"]])


def test_pages_search_and_workflows(served: Served) -> None:
    """The list is newest first and paged. Search filters it by words or by workflow."""
    _, app = served
    runs = [
        made(app, **{"2.text": f"image {number} of a {'harbour' if number % 2 else 'tower'}"})
        for number in range(5)
    ]
    newest = [run.id for run in reversed(runs)]
    first = get(app, "/api/v1/runs?with_page=true&zone=UTC").json()
    assert [told["id"] for told in first["runs"]] == newest
    assert [count for _, count in first["page"]["days"]] == [5]
    assert first["page"]["any"]
    assert [told["id"] for told in past(app, f"cursor={newest[1]}")] == newest[2:]
    assert [told["id"] for told in past(app, f"cursor={newest[0]}&skip=2")] == newest[3:]
    none = get(app, "/api/v1/runs?with_page=true&workflow=inpaint&zone=UTC").json()["page"]
    assert none == {"days": [], "any": True}
    assert not get(app, "/api/v1/runs?with_page=true&zone=UTC", BOB).json()["page"]["any"]
    assert {told["id"] for told in past(app, "text=HARBOUR")} == {run.id for run in runs[1::2]}
    assert past(app, "text=harbour%20tower") == []
    assert len(past(app, "workflow=text-to-image")) == 5
    assert past(app, "workflow=inpaint") == []


def test_hostile_questions(served: Served) -> None:
    """The app answers with a list, or refuses an unknown cursor."""
    _, app = served
    made(app)
    for query in (
        "text=%00%25_'",
        "workflow=../x",
        "text=" + "x" * 5000,
        "skip=999999999999999999999999",
    ):
        assert past(app, query) == []
    for cursor in ("%00", "%F0%9F%A4%AF"):
        assert get(app, f"/api/v1/runs?with_page=true&cursor={cursor}").status_code == 422
    assert len(past(app, "zone=../../etc/passwd")) == 1
    assert len(past(app, "text=%20&cursor=&workflow=&other=1")) == 1


def test_other_users_see_nothing(served: Served) -> None:
    """The list leaves out other users' runs. Any request by another user's run id gets the same 404
    as for an unknown run."""
    _, app = served
    run = made(app)
    assert past(app, cookie=BOB) == past(app, cookie="") == []
    for method, path in CALLS:
        answers = [
            ask(app, method, path.format(run.id), BOB),
            ask(app, method, path.format(run.id), ""),
            ask(app, method, path.format("00000000-0000-0000-0000-000000000000")),
        ]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert len({answer.text for answer in answers}) == 1
    assert len(past(app)) == 1
    assert len(app.services.runs.owned(f"browser:{BOB}")) == 0


@pytest.mark.parametrize("cookie", ["", "short"])
def test_scripts_without_an_identity_get_an_empty_list(served: Served, cookie: str) -> None:
    """Clients without the app's cookie are anonymous. They can reach their run only by its id."""
    _, app = served
    run = finished(start(app, cookie="", **SMALL))
    assert past(app, cookie=cookie) == []
    assert get(app, f"/api/v1/runs/{run.id}?with_page=true", cookie).status_code == 200
    assert get(app, f"/api/v1/runs/{run.id}?with_page=true", ANN).status_code == 404


def test_another_sites_page_can_do_nothing(served: Served) -> None:
    """The app refuses a foreign page's request in the user's browser and changes nothing."""
    _, app = served
    run = made(app)
    for method, path in CALLS:
        answer = ask(app, method, path.format(run.id), Origin="http://evil.example")
        assert answer.status_code == 401
    assert len(past(app)) == 1
    assert len(app.services.runs.owned(f"browser:{ANN}")) == 1


def test_half_an_emoji_does_no_harm(served: Served) -> None:
    """The app repairs text that UTF-8 can't encode, such as a cut-off emoji, when it arrives. The
    list stays intact."""
    _, app = served
    run = made(app, **{"2.text": "a \ud83d half emoji"})
    assert past(app)[0]["id"] == run.id
    assert get(app, f"/api/v1/runs/{run.id}/values").json()["values"]["2.text"] == "a ? half emoji"


def test_run_again(served: Served) -> None:
    """The app starts the same prompt with the same seed, and returns all of the seed's digits."""
    _, app = served
    run = made(app, **{"2.text": "a lighthouse", "5.seed": 2**63 + 1})
    new = ask(app, "POST", f"/api/v1/runs/{run.id}/again").json()
    assert new["seeds"] == {"5.seed": str(2**63 + 1)}
    again = finished(app.services.runs.get(new["id"], f"browser:{ANN}"))
    assert again.state.phase is Phase.DONE
    assert again.job.prompt == run.job.prompt
    assert again.job.values == run.job.values
    assert (again.job.title, again.job.outputs) == (run.job.title, run.job.outputs)
    eventually(lambda: [told["id"] for told in past(app)] == [again.id, run.id], "both are listed")


def test_the_input_image_is_shown_beside_the_result(served: Served) -> None:
    """The finished run links to its input image. The owner gets the original image, and other users
    get 404. A run without an input image has no link."""
    _, app = served
    image = photo()
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": image}))
    before = get(app, f"/api/v1/runs/{run.id}?with_page=true").json()["page"]["before"]
    assert get(app, before).content == image.data
    unpainted = f"{before}/unpainted"
    assert get(app, unpainted).headers["content-type"] == "image/jpeg"
    for address in (before, unpainted):
        assert [get(app, address, who).status_code for who in (BOB, "")] == [404, 404]
        assert get(app, address.replace("/0", "/1")).status_code == 404
    assert get(app, f"/api/v1/runs/{made(app).id}?with_page=true").json()["page"]["before"] == ""


def test_a_guide_is_not_shown_beside_the_result(served: Served) -> None:
    """The finished run links to the image that the result shows, and not to its mask."""
    _, app = served
    prompt = json.loads((WORKFLOWS / "image-to-image.json").read_text(encoding="utf-8"))
    prompt["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    prompt["3a"] = node("LoadImageMask", image="example.png", channel="red")
    prompt["7a"] = node("SetLatentNoiseMask", samples=["7", 0], mask=["3a", 0])
    prompt["8"]["inputs"]["latent_image"] = ["7a", 0]
    address = f"{app.url}/api/v1/workflows?file=a.json"
    made = requests.post(
        address, json.dumps(prompt), cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    ).json()
    given = {"3a.image": photo(), "4.image": photo()}
    run = finished(start(app, made["name"], **QUICK, **given))
    (shown,) = [at for at, key in enumerate(run.record.job.inputs) if key == "4.image"]
    before = get(app, f"/api/v1/runs/{run.id}?with_page=true").json()["page"]["before"]
    assert before.endswith(f"/given/{shown}")


def test_a_stored_input_is_sent_again(served: Served) -> None:
    """Run again works if the server has lost the user's upload. The app sends the copy that it
    kept."""
    demo, app = served
    given = photo()
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": given}))
    (kept,) = run.job.inputs.values()
    path = kept_files(app).path(kept.digest)
    assert kept.name == "my photo.png"
    assert path is not None
    assert path.read_bytes() == given.data
    uploaded = demo.storage.find(names_on_server(run.record)["4.image"])
    assert uploaded is not None
    uploaded.unlink()
    new = ask(app, "POST", f"/api/v1/runs/{run.id}/again").json()["id"]
    again = finished(app.services.runs.get(new, f"browser:{ANN}"))
    assert again.state.phase is Phase.DONE
    assert again.job == run.job
    assert again.record.parents == (run.id,)
    sent_again = demo.storage.find(names_on_server(again.record)["4.image"])
    assert sent_again is not None
    assert sent_again.read_bytes() == given.data
    assert pixels(app, again) == pixels(app, run)
    assert ask(app, "DELETE", f"/api/v1/runs/{run.id}").status_code == 200
    assert path.is_file()
    assert ask(app, "DELETE", f"/api/v1/runs/{new}").status_code == 200
    assert not path.exists()


def test_the_values_of_a_run(served: Served) -> None:
    """The app returns values as the page keeps them: every field, large numbers as text, and files
    as copies that the page can show."""
    _, app = served
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo("red")}))
    told = get(app, f"/api/v1/runs/{run.id}/values").json()
    assert told["workflow"] == "image-to-image"
    place = app.services.copies.uploads.find(
        f"browser:{ANN}", told["values"].pop("4.image")["file"]
    )
    assert place is not None
    assert place.name == "my photo.png"
    assert place.read_bytes() == photo("red").data
    for key, value in told["values"].items():
        assert value == run.job.values[key] or value == str(run.job.values[key])
    large = made(app, **{"5.seed": 2**64 - 1})
    assert get(app, f"/api/v1/runs/{large.id}/values").json()["values"]["5.seed"] == str(2**64 - 1)


def test_a_workflow_that_is_gone(tmp_path: Path) -> None:
    """The history still lists its results, and the user can run them again. For their values there
    is no form, and the error says so."""
    shutil.copy(WORKFLOWS / "text-to-image.json", tmp_path / "gone.json")
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        run = finished(
            start(app, "gone", **{"5.steps": 1, "1.ckpt_name": "demo-landscapes.safetensors"})
        )
        (tmp_path / "gone.json").unlink()
        answer = get(app, f"/api/v1/runs/{run.id}/values")
        assert answer.status_code == 404
        assert "“Gone” is no longer available." in answer.json()["detail"]
        assert [told["id"] for told in past(app)] == [run.id]
        new = ask(app, "POST", f"/api/v1/runs/{run.id}/again").json()["id"]
        assert finished(app.services.runs.get(new, f"browser:{ANN}")).state.phase is Phase.DONE


def test_delete(served: Served) -> None:
    """The run, its files, its thumbnails and its inputs are gone from the app and from the disk. A
    second request gets a 404."""
    _, app = served
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
    get(app, f"/files/{run.id}/0/thumb")
    assert bytes_kept(kept_files(app)) > 0
    assert ask(app, "DELETE", f"/api/v1/runs/{run.id}").status_code == 200
    assert past(app) == []
    assert bytes_kept(kept_files(app)) == 0
    assert get(app, file_address(run.id, 0, run.state.files[0])).status_code == 404
    assert ask(app, "DELETE", f"/api/v1/runs/{run.id}").status_code == 404
    assert ask(app, "POST", f"/api/v1/runs/{run.id}/again").status_code == 404


def test_a_running_run_is_not_deleted() -> None:
    """The user has to stop the run first, and the error says so."""
    with running_demo_app(step_seconds=2) as (_, app):  # until it is stopped
        run = start(app, **SMALL | {"5.steps": 40})
        answer = ask(app, "DELETE", f"/api/v1/runs/{run.id}?stop=false")
        assert answer.status_code == 409
        assert "finished yet" in answer.json()["detail"]
        run.cancel()
        finished(run)


def test_files_of_a_refused_run_are_not_stored() -> None:
    """A refused run leaves none of its files behind."""
    with running_demo_app(step_seconds=0) as (_, app):
        app.services.runs.close()
        with pytest.raises(ComfyError):
            start(app, "image-to-image", **QUICK, **{"4.image": photo()})
        assert bytes_kept(kept_files(app)) == 0
