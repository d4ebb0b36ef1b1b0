"""The start of runs from a form's values."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy.base.errors import ComfyError, RunNotFound, WorkflowError
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.form.seeds import CountUp
from comfy.launch.start import FieldErrors, StartedRuns, Starter
from comfy.launch.uploads import Refused, Upload, UploadLimits
from comfy.library.catalog import CatalogCache
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.media.checks import FileLimits
from comfy.records.serialization import to_text
from comfy.runs.input_files import names_on_server
from comfy.runs.interface import UNWATCHED, Origin, Run, RunPolicy
from comfy.runs.limits import RunLimits
from comfy.runs.registry import LocalRunRegistry
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeResult,
    NodeRun,
    fixed,
    node_info,
    spec,
)
from comfyui_standin.nodes.registry import NODES
from tests.support.samples.forms import node, text_to_image
from tests.support.samples.histories import bytes_kept
from tests.support.serving import open_history
from tests.support.waiting import LONGEST_WAIT, eventually

ANN, BOB = "user:ann", "user:bob"
ME, YOU = Origin(ANN), Origin(BOB)
LOADER = {"1": node("CheckpointLoaderSimple", ckpt_name="demo-landscapes.safetensors")}
TEXT = text_to_image(n4=LOADER["1"], n5=node("EmptyLatentImage", width=64, height=64, batch_size=1))
IMAGE = {
    "1": node("LoadImage", "Photo", image="example.png"),
    "2": node("SaveImage", images=["1", 0], filename_prefix="given"),
}
UPLOAD = "POST /upload/image"


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server, Client(server.url) as client:
        for name in ("example.png", "anothers.png"):
            client.upload(photo().data, name, subfolder="")
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> WorkflowFolder:
    """Create a folder with two workflows."""
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "text.json").write_text(json.dumps(TEXT))
    (tmp_path / "workflows" / "image.json").write_text(json.dumps(IMAGE))
    return WorkflowFolder(tmp_path / "workflows")


Make = Callable[..., Starter]


@pytest.fixture
def make(demo: DemoServer, folder: WorkflowFolder, tmp_path: Path) -> Iterator[Make]:
    """Yield a function that creates a starter for that server."""
    with ExitStack() as stack:

        def services(*, permissions: Permissions | None = None, **options: Any) -> Starter:
            client = stack.enter_context(Client(demo.url))
            history = stack.enter_context(closing(open_history(tmp_path / "data")))
            limits = RunLimits(**{"person": 5} | options)
            servers = ServerPool(client)
            runs = LocalRunRegistry(
                servers,
                history,
                limits=limits,
            )
            stack.callback(runs.close)
            forms = Forms(
                folder.get, CatalogCache(client.object_info), permissions or Permissions()
            )
            return Starter(runs, forms, history.files, servers)

        yield services


@pytest.fixture
def starter(make: Make) -> Starter:
    return make()


def photo(colour: str = "teal", size: int = 48) -> Upload:
    data = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(data, "PNG")
    return Upload("my photo.png", data.getvalue())


def end(run: Run) -> RunState:
    *_, last = run.watch(timeout=LONGEST_WAIT)
    return last


def sent(demo: DemoServer, run: Run) -> dict[str, Any]:
    """Return the prompt that the server received."""
    return dict(demo.queue.history_of(run.id)[run.id]["prompt"][2])


def kept(starter: Starter) -> int:
    return bytes_kept(starter.blobs)


def test_values_become_a_run(demo: DemoServer, starter: Starter) -> None:
    """The app sends the given values, draws a missing seed and takes the rest from the author."""
    run = starter.start("text", {"6.text": "a fox", "3.steps": "2"}, ME, UNWATCHED)
    assert end(run).phase is Phase.DONE
    prompt = sent(demo, run)
    assert (prompt["6"]["inputs"]["text"], prompt["3"]["inputs"]["steps"]) == ("a fox", 2)
    assert prompt["7"]["inputs"]["text"] == "blurry"
    assert prompt["3"]["inputs"]["seed"] == run.job.values["3.seed"]
    assert run.job.values["3.seed"] != 7
    assert (run.job.title, run.job.outputs) == ("Text", frozenset({"9"}))


def seeds(batch: StartedRuns) -> list[object]:
    return [run.job.values["3.seed"] for run in batch.runs]


def test_runs_of_a_batch_have_seeds_of_their_own(make: Make) -> None:
    """Each run draws its own random seed. Fixed and counting seeds increase by one per run. The
    runs of one press share a group and all other values."""
    starter = make(person=20)
    given = {"3.steps": 1, "6.text": "a fox"}
    drawn = starter.start_several("text", given | {"3.seed": None}, ME, 3)
    assert len(set(seeds(drawn))) == 3
    assert seeds(starter.start_several("text", given | {"3.seed": "41"}, ME, 3)) == [41, 42, 43]
    counted = starter.start_several("text", given | {"3.seed": CountUp(6)}, ME, 2)
    assert seeds(counted) == [7, 8]
    typed = CountUp(6, is_used=False)
    assert seeds(starter.start_several("text", given | {"3.seed": typed}, ME, 2)) == [6, 7]
    single = starter.start_several("text", given, ME, 1)
    groups = [{run.record.group for run in batch.runs} for batch in (drawn, counted, single)]
    assert [len(group) for group in groups] == [1, 1, 1]
    assert groups[0] != groups[1]
    assert groups[2] == {""}
    assert {run.job.values["6.text"] for run in drawn.runs} == {"a fox"}
    for batch in (drawn, counted, single):
        assert batch.refused is None
        for run in batch.runs:
            run.cancel()


def test_a_fixed_seed_stays_fixed_if_another_is_random(
    starter: Starter, folder: WorkflowFolder
) -> None:
    """Fixed seeds increase only if all seeds are fixed. Otherwise the runs differ anyway."""
    prompt = copy.deepcopy(TEXT)
    prompt["13"] = copy.deepcopy(prompt["3"])
    prompt["13"]["inputs"] |= {"latent_image": ["3", 0], "seed": 1}
    prompt["8"]["inputs"]["samples"] = ["13", 0]
    (folder.path / "two.json").write_text(json.dumps(prompt))
    batch = starter.start_several("two", {"3.seed": "5", "13.seed": None}, ME, 2)
    assert seeds(batch) == [5, 5]
    assert len({run.job.values["13.seed"] for run in batch.runs}) == 2
    both = starter.start_several("two", {"3.seed": "5", "13.seed": "9"}, ME, 2)
    assert seeds(both) == [5, 6]
    assert [run.job.values["13.seed"] for run in both.runs] == [9, 10]


def test_as_many_runs_start_as_the_limit_allows(make: Make) -> None:
    """The app starts as many runs as fit and says why it refuses the rest. If none fits, it refuses
    the batch like a single run."""
    starter = make(person=2)
    batch = starter.start_several("text", {"3.steps": 500}, ME, 4)
    assert len(batch.runs) == 2
    assert "limit is 2 at a time" in str(batch.refused)
    with pytest.raises(ComfyError, match="limit is 2 at a time"):
        starter.start_several("text", {}, ME, 4)
    with pytest.raises(FieldErrors):
        starter.start_several("text", {"3.steps": "many"}, YOU, 4)


def test_a_form_is_built_once_for_a_run(starter: Starter) -> None:
    """The app builds the form once for the page, the start, each page at the run's end, the details
    and a repeated run."""
    _, drawn = starter.forms.form("text", ANN)
    run = starter.start("text", {"3.steps": 1, "6.text": "a fox"}, ME, UNWATCHED)
    end(run)
    for _ in range(3):
        assert starter.forms.form("text", ANN, run.job.values, offline=True)[1] is drawn
    end(starter.again(run.id, ME, RunPolicy(keeps_going=True)))
    assert starter.forms.form("text", ANN)[1] is drawn


def test_wrong_values_start_nothing(demo: DemoServer, starter: Starter) -> None:
    """The user gets all sentences at once, each on its field. The app starts no run and keeps no
    file."""
    with pytest.raises(FieldErrors) as problem:
        starter.start("text", {"3.steps": "many", "5.width": -1, "9.no": 1}, ME)
    assert set(problem.value.errors) == {"3.steps", "5.width", "9.no"}
    with pytest.raises(FieldErrors, match="Fix"):
        starter.start("image", {"1.image": photo(), "1.nothing": 1}, ME)
    assert (kept(starter), starter.runs.owned(ANN)) == (0, ())
    assert demo.requests["POST /prompt"] == 0


def test_an_uploaded_file_is_sent_only_when_its_run_starts(
    demo: DemoServer, starter: Starter
) -> None:
    """At the start the app only stores the file. The job says which inputs get its name, and no
    server knows it yet."""
    before = demo.requests[UPLOAD]
    with demo.hold("progress"):
        first = starter.start("text", {"3.steps": 4}, ME, UNWATCHED)
        run = starter.start("image", {"1.image": photo()}, ME, UNWATCHED)
        eventually(lambda: first.state.phase is Phase.RUNNING)
        (given,) = run.job.inputs.values()
        assert given.targets == (("1", "image"),)
        below = [given.digest, hashlib.sha256(b"not kept").hexdigest()]
        over = [Upload("over.png", photo().source, one) for one in below]
        again = [starter.start("image", {"1.image": one}, ME, UNWATCHED) for one in over]
        assert [one.job.inputs["1.image"].below for one in again] == [given.digest, ""]
        for one in again:
            one.cancel()
        assert run.job.values["1.image"] == run.job.prompt["1"]["inputs"]["image"] == "my photo.png"
        assert starter.blobs.path(given.digest)
        assert demo.requests[UPLOAD] == before
    assert end(run).phase is Phase.DONE
    assert sent(demo, run)["1"]["inputs"]["image"] == names_on_server(run.record)["1.image"]


def test_an_unchanged_example_file_is_not_uploaded(demo: DemoServer, starter: Starter) -> None:
    """An unchanged image names the author's file, and the app doesn't send it."""
    before = demo.requests[UPLOAD]
    run = starter.start("image", {}, ME, UNWATCHED)
    assert end(run).phase is Phase.DONE
    assert sent(demo, run)["1"]["inputs"]["image"] == "example.png"
    assert demo.requests[UPLOAD] == before


@pytest.mark.parametrize(
    "name", ["anothers.png", "example.png [input]", "../output/a.png", "comfyforms/0/a.png"]
)
def test_server_file_names_are_refused_as_values(starter: Starter, name: str) -> None:
    """A server file that isn't the author's may belong to another user, regardless of its name."""
    with pytest.raises(FieldErrors) as problem:
        starter.start("image", {"1.image": name}, ME)
    assert problem.value.errors == {"1.image": "Send the file itself."}


def test_a_file_named_like_a_server_file_is_uploaded(demo: DemoServer, starter: Starter) -> None:
    """The app sends a user's file under its plain name into its own folder. Another user's file
    with that name stays unread."""
    mine = Upload("anothers.png", photo("red", 32).data)
    run = starter.start("image", {"1.image": mine}, ME, UNWATCHED)
    state = end(run)
    path = starter.blobs.path(state.files[0].digest)
    assert path is not None
    with Image.open(path) as result:
        assert result.size == (32, 32)
    assert sent(demo, run)["1"]["inputs"]["image"] != "anothers.png"


def test_an_uploaded_name_is_allowed_only_in_its_inputs(
    starter: Starter, folder: WorkflowFolder
) -> None:
    """Only the inputs that get a user's file may hold its name. The app refuses another input with
    that name."""
    name = starter.forms.open(BOB, "two.json", json.dumps(IMAGE).encode()).name
    run = starter.start(name, {"1.image": Upload("anothers.png", photo().data)}, YOU, UNWATCHED)
    end(run)
    other = {
        "3": node("LoadImage", image="anothers.png"),
        "4": node("PreviewImage", images=["3", 0]),
    }
    job = replace(run.job, prompt={**run.job.prompt, **other})
    forged = starter.runs.submit(job, YOU, UNWATCHED)
    end(forged)
    with pytest.raises(WorkflowError, match="another user"):
        starter.again(forged.id, YOU)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Refused("This file is no longer here."), "This file is no longer here."),
        (Upload("a.png", b"no image"), "Choose an image file"),
        (Upload("a.png", b""), "empty"),
        (Upload("gone.png", Path("/nowhere/gone.png")), "no longer exists"),
    ],
)
def test_an_invalid_file_is_reported_on_its_field(
    starter: Starter, value: object, said: str
) -> None:
    """The app checks a file before it keeps anything."""
    with pytest.raises(FieldErrors) as problem:
        starter.start("image", {"1.image": value}, ME)
    assert said in problem.value.errors["1.image"]
    assert kept(starter) == 0


def test_a_text_field_refuses_a_file(starter: Starter) -> None:
    """A text field takes no file, because no check would judge the file."""
    with pytest.raises(FieldErrors) as problem:
        starter.start("text", {"6.text": photo()}, ME)
    assert problem.value.errors["6.text"] == "This field doesn't take files."


def test_file_sizes_are_limited(starter: Starter) -> None:
    """The app limits the size of each file and of all files in a run."""
    small = replace(starter, limits=UploadLimits(FileLimits(size=100)))
    with pytest.raises(FieldErrors) as problem:
        small.start("image", {"1.image": photo()}, ME)
    assert "The maximum is" in problem.value.errors["1.image"]
    with pytest.raises(FieldErrors) as problem:
        replace(starter, limits=UploadLimits(run=10)).start("image", {"1.image": photo()}, ME)
    assert "in total" in problem.value.errors["1.image"]


def test_a_repeated_run_has_the_same_job(demo: DemoServer, starter: Starter) -> None:
    """The new run has the same job, seed and files. It is a separate run that names its source."""
    run = starter.start("image", {"1.image": photo()}, ME, UNWATCHED)
    end(run)
    again = starter.again(run.id, ME, RunPolicy(keeps_going=True))
    assert end(again).phase is Phase.DONE
    assert again.job == run.job
    assert again.record.parents == (run.id,)
    assert names_on_server(again.record) != names_on_server(run.record)
    with pytest.raises(RunNotFound):
        starter.again(run.id, YOU)


def test_again_needs_its_files(starter: Starter) -> None:
    """The app refuses to repeat a run whose file it no longer keeps, and names the file."""
    run = starter.start("image", {"1.image": photo()}, ME, UNWATCHED)
    end(run)
    (given,) = run.job.inputs.values()
    starter.blobs.remove(given.digest)
    with pytest.raises(WorkflowError, match=r"my photo\.png") as problem:
        starter.again(run.id, ME)
    assert problem.value.hint


def test_a_run_above_the_limit_stores_no_file(make: Make) -> None:
    """The app refuses a run above the user's limit before it does any work. No file stays
    behind."""
    starter = make(person=1)
    with pytest.raises(WorkflowError):
        starter.start("nothing", {}, ME)
    run = starter.start("text", {"3.steps": 500}, ME, UNWATCHED)
    for name in ("nothing", "image"):
        with pytest.raises(ComfyError, match="limit is 1 at a time"):
            starter.start(name, {"1.image": photo()}, ME)
    with pytest.raises(ComfyError, match="limit is 1 at a time"):
        starter.again(run.id, ME)
    assert kept(starter) == 0


def test_a_run_refused_by_the_registry_leaves_nothing(starter: Starter) -> None:
    """A run that arrives during shutdown leaves none of its files."""

    class Late(Upload):
        """Upload that closes the registry when it is read."""

        def chunks(self) -> Iterator[bytes]:
            starter.runs.close()
            yield from super().chunks()

    with pytest.raises(ComfyError, match="shutting down"):
        starter.start("image", {"1.image": Late("a.png", photo().data)}, ME)
    assert kept(starter) == 0


def test_a_shell_names_files_of_the_servers(demo: DemoServer, make: Make) -> None:
    """A user with a shell may name the server's files and set the values that authors set."""
    starter = make(permissions=Permissions.of_a_shell())
    run = starter.start("image", {"1.image": "anothers.png"}, Origin("shell"), UNWATCHED)
    assert end(run).phase is Phase.DONE
    assert sent(demo, run)["1"]["inputs"]["image"] == "anothers.png"


NAME = "ETN_LoadImageBase64"
WORKFLOW = {
    "1": node(NAME, image=""),
    "2": node("SaveImage", images=["1", 0], filename_prefix="given"),
}


def decoded(run: NodeRun, inputs: Inputs) -> NodeResult:
    data = base64.b64decode(inputs["image"], validate=True)
    with Image.open(io.BytesIO(data)) as image:
        return NodeResult(((image.convert("RGB"),), (Image.new("L", image.size, 0),)))


@pytest.fixture
def base64_demo() -> Iterator[DemoServer]:
    info = node_info(
        NAME, "Load", "x", required={"image": spec("STRING")}, outputs=["IMAGE", "MASK"]
    )
    loader = NodeClass(fixed(info), decoded)
    with DemoServer(step_seconds=0.01, nodes={**NODES, NAME: loader}) as server:
        yield server


@pytest.fixture
def base64_starter(base64_demo: DemoServer, tmp_path: Path) -> Iterator[Starter]:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "given.json").write_text(json.dumps(WORKFLOW))
    with Client(base64_demo.url) as client, closing(open_history(tmp_path / "data")) as history:
        servers = ServerPool(client)
        runs = LocalRunRegistry(servers, history)
        with closing(runs):
            folder = WorkflowFolder(tmp_path / "workflows")
            forms = Forms(folder.get, CatalogCache(client.object_info), Permissions())
            yield Starter(runs, forms, history.files, servers)


def size_of_result(base64_starter: Starter, run: Run) -> tuple[int, int]:
    *_, state = run.watch(timeout=LONGEST_WAIT)
    assert state.phase is Phase.DONE
    path = base64_starter.blobs.path(state.files[0].digest or "")
    assert path is not None
    with Image.open(path) as image:
        return image.size


def test_the_server_gets_the_text_and_the_record_the_name(
    base64_demo: DemoServer, base64_starter: Starter
) -> None:
    """The app uploads nothing. A repeated run sends the same image."""
    file = io.BytesIO()
    Image.effect_noise((160, 120), 90).save(file, "PNG")
    run = base64_starter.start(
        "given", {"1.image": Upload("photo.png", file.getvalue())}, ME, UNWATCHED
    )
    assert size_of_result(base64_starter, run) == (160, 120)
    assert run.job.values["1.image"] == "photo.png"
    assert len(to_text(run.record)) < len(file.getvalue())
    assert base64_demo.requests["POST /upload/image"] == 0
    assert size_of_result(base64_starter, base64_starter.again(run.id, ME)) == (160, 120)
