"""Chains on one server and on several: where their steps run, and how results get to the next
step."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import Record
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from comfyui_standin.nodes.registry import NODES
from tests.support.http_client import ANN, get
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

OWNER = "user:ann"
UPLOAD = "POST /upload/image"
CHAIN = "create-upscale-detail.chain"
SIDE_BY_SIDE = """
[[steps]]
name = "one"
workflow = "text-to-image"
[[steps]]
name = "other"
workflow = "text-to-image"
"""
BACK_AGAIN = """
[[steps]]
name = "base"
workflow = "text-to-image"
[[steps]]
name = "upscale"
workflow = "upscale"
[steps.inputs]
"Your image" = "base"
[[steps]]
name = "repaint"
workflow = "image-to-image"
[steps.inputs]
"Your image" = "upscale"
"""
THREE_TIMES = """
[[steps]]
name = "one"
workflow = "text-to-image"
[steps.values]
Steps = 1
[steps.repeat]
Seed = [1, 2, 3]
"""


def without(*classes: str) -> dict[str, object]:
    return {name: node for name, node in NODES.items() if name not in classes}


@contextmanager
def demos(*all_nodes: dict[str, object]) -> Iterator[tuple[DemoServer, DemoServer]]:
    one, other = (DemoServer(step_seconds=0, painted=64, nodes=nodes) for nodes in all_nodes)  # type: ignore[arg-type]
    with one, other:
        yield one, other


def whole(app: RunningApp, chain: str = CHAIN) -> list[Record]:
    """Run a chain to its end, and return its runs, the first one first."""
    started = app.services.chains.start(chain, {}, Origin(OWNER))

    def state() -> str:
        return next(one.state for one in app.services.chains.recent(OWNER) if one.id == started.id)

    eventually(lambda: state() != "running")
    assert state() == "done"
    runs = sorted(app.runs.owned(OWNER), key=lambda run: run.submitted_at)
    return [run.record for run in runs]


def test_results_of_a_step_keep_the_order_of_its_runs(tmp_path: Path) -> None:
    """The order doesn't depend on which run ends first, for example when one of two servers is
    slow. The step's result is the result of its last run."""
    write_two(tmp_path)
    (tmp_path / "times.chain.toml").write_text(THREE_TIMES)
    owner = f"browser:{ANN}"
    with (
        demos(dict(NODES), dict(NODES)) as servers,
        running_app(*(one.url for one in servers), workflows=tmp_path) as app,
        servers[0].hold("progress") as at_first,
        servers[1].hold("progress") as at_second,
    ):
        chains = app.services.chains
        started = chains.start("times.chain", {}, Origin(owner))

        def seeds() -> list[object]:
            (step,) = chains.get(started.id, owner).steps
            return [app.runs.record(run, owner).job.values["5.seed"] for run in step.ended]

        assert at_first.reached.wait(LONGEST_WAIT)
        assert at_second.reached.wait(LONGEST_WAIT)
        (first,) = (one for one in app.runs.owned(owner) if one.record.job.values["5.seed"] == 1)
        holds = [at_first, at_second]
        late = holds.pop([one.url for one in servers].index(first.record.server))
        holds[0].release()
        eventually(lambda: seeds() == [2, 3])
        late.release()
        eventually(lambda: chains.get(started.id, owner).state == "done")
        assert seeds() == [1, 2, 3]
        (told,) = get(app, f"/api/v1/chains/{started.id}").json()["steps"]
        assert [run["values"]["5.seed"] for run in told["results"]] == [1, 2, 3]
        (result,) = chains.get(started.id, owner).results.values()
        assert result.job.values["5.seed"] == 3


def test_results_on_the_same_server_are_not_uploaded_again() -> None:
    """The app uploads nothing for the next step. If a result is gone on the server, the app uploads
    the copy that it keeps."""
    with DemoServer(step_seconds=0, painted=64) as demo, running_app(demo.url) as app:
        base, upscale, _ = whole(app)
        assert demo.requests[UPLOAD] == 0
        given = upscale.job.inputs["4.image"].result
        assert given is not None
        assert given.value == f"{base.state.files[0].filename} [output]"
        app.services.clean_up(upscale)
        assert demo.requests[UPLOAD] == 0  # there is no copy to be emptied
        output = demo.storage.folder("output")
        assert output is not None
        (output / base.state.files[0].filename).unlink()
        again = app.runs.submit(
            replace(upscale.job, prompt=dict(upscale.job.prompt)), Origin(OWNER)
        )
        *_, state = again.watch(LONGEST_WAIT)
        assert state.phase is Phase.DONE
        assert demo.requests[UPLOAD] == 1


def test_across_servers_results_are_moved(tmp_path: Path) -> None:
    """The app moves a result from the server that made it to the server that can run the next
    step."""
    (tmp_path / "back.chain.toml").write_text(BACK_AGAIN)
    copy_workflows(tmp_path, "text-to-image", "upscale", "image-to-image")
    with (
        demos(without("ImageScaleBy"), without("EmptyLatentImage", "ImageScale")) as (one, other),
        running_app(one.url, other.url, workflows=tmp_path) as app,
    ):
        servers = [run.server for run in whole(app, "back.chain")]
        assert servers == [one.url, other.url, one.url]
        assert (one.requests[UPLOAD], other.requests[UPLOAD]) == (1, 1)


def copy_workflows(folder: Path, *names: str) -> None:
    for name in names:
        for ending in (".json", ".toml"):
            shutil.copy(WORKFLOWS / f"{name}{ending}", folder)


def write_two(folder: Path) -> None:
    (folder / "two.chain.toml").write_text(SIDE_BY_SIDE)
    copy_workflows(folder, "text-to-image")


def test_independent_steps_run_in_parallel(tmp_path: Path) -> None:
    """Each step runs on its own server."""
    write_two(tmp_path)
    with demos(dict(NODES), dict(NODES)) as (one, other):
        one.speed.step = other.speed.step = 0.05
        with (
            running_app(one.url, other.url, workflows=tmp_path) as app,
            one.hold("progress") as at_one,
            other.hold("progress") as at_other,
        ):
            app.services.chains.start("two.chain", {}, Origin(OWNER))
            assert at_one.reached.wait(LONGEST_WAIT)
            assert at_other.reached.wait(LONGEST_WAIT)
