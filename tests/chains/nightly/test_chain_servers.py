"""Chains on one server and on several: where their steps run, and how results get to the next
step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.uploads import Upload
from comfy.runs.input_files import UPLOADS
from comfy.runs.interface import Origin
from comfy.runs.limits import RunLimits
from comfyui_standin import DemoServer
from comfyui_standin.nodes.registry import NODES
from tests.chains.test_chain_servers import OWNER, THREE_TIMES, demos, write_two
from tests.cli.commands import outcomes
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually


def test_deleting_a_moved_run_removes_its_file_from_both_servers() -> None:
    """The app also deletes the file on the server that went away during the run, once that server
    is back."""
    with demos(dict(NODES), dict(NODES)) as (one, other), running_app(one.url, other.url) as app:
        one.speed.step = other.speed.step = 0.25
        given = {"4.image": Upload("photo.png", saved("PNG"))}
        run = app.services.starter.start("image-to-image", given, Origin(OWNER))
        eventually(lambda: run.state.phase is Phase.RUNNING)
        at, then = (one, other) if run.record.server == one.url else (other, one)
        at.stop()
        eventually(lambda: run.record.server == then.url)
        then.speed.step = 0
        *_, state = run.watch(LONGEST_WAIT)
        assert (state.phase, state.restarted) == (Phase.DONE, True)
        assert [size > 0 for size in uploaded(one, other)] == [True, True]
        inputs = replace(run.record, state=replace(state, files=()))  # a server keeps results
        assert not app.services.clean_up(inputs)
        at.start()
        assert app.services.clean_up(inputs)
        assert uploaded(one, other) == [0, 0]


def uploaded(*servers: DemoServer) -> list[int]:
    """Return the sizes in bytes of the files that were uploaded to these servers."""
    folders = [Path(str(one.storage.folder("input"))) / UPLOADS for one in servers]
    return [one.stat().st_size for folder in folders for one in folder.rglob("*.png")]


def app_beginning(
    demo: DemoServer, folder: Path
) -> Callable[[], AbstractContextManager[RunningApp]]:
    return partial(
        running_app,
        demo.url,
        workflows=folder,
        data=folder / "data",
        run_limits=RunLimits(person=1),
    )


def test_a_restart_starts_the_steps_that_were_to_run_again(tmp_path: Path) -> None:
    """After the restart, the chain starts the step that had not begun and continues the other step.
    No step runs twice."""
    write_two(tmp_path)
    with DemoServer(step_seconds=0, painted=64) as demo:
        begin = app_beginning(demo, tmp_path)
        with ExitStack() as until_then, begin() as app:
            chains = app.services.chains
            started = chains.start("two.chain", {}, Origin(OWNER))
            eventually(lambda: chains.get(started.id, OWNER).state == "done")
            held = until_then.enter_context(demo.hold("progress"))
            values = {**chains.values(started.id, OWNER), "one.2.text": "a red boat"}
            chains.go_on(started.id, OWNER, values, again=["one", "other"])
            assert held.reached.wait(LONGEST_WAIT)
            assert len(demo.journal.all()) == 3
        with begin() as app:
            chains = app.services.chains
            eventually(lambda: chains.get(started.id, OWNER).state == "done")
            assert outcomes(demo)["success"] == 4  # ComfyUI may have been told to end the first


def test_a_resumed_step_runs_only_its_remaining_runs(tmp_path: Path) -> None:
    """After an app restart or a stop in the middle of the step's runs, the chain resumes with the
    remaining runs only. If the user later runs the step again, all of its runs repeat."""
    write_two(tmp_path)
    (tmp_path / "three.chain.toml").write_text(THREE_TIMES)
    with DemoServer(step_seconds=0, painted=64) as demo:
        begin = app_beginning(demo, tmp_path)

        def state(app: RunningApp) -> str:
            return app.services.chains.get(started.id, OWNER).state

        with ExitStack() as until_then, begin() as app:
            chains = app.services.chains
            started = chains.start("three.chain", {}, Origin(OWNER))
            eventually(lambda: state(app) == "done")
            held = until_then.enter_context(demo.hold("execution_start", after=1))
            chains.go_on(started.id, OWNER, again=["one"])
            assert held.reached.wait(LONGEST_WAIT)
            assert len(demo.journal.all()) == 5
        with begin() as app:
            chains = app.services.chains
            eventually(lambda: state(app) == "done")
            assert outcomes(demo)["success"] == 6
            values = {
                **chains.values(started.id, OWNER),
                "one.2.text": "a red boat",
            }  # else ComfyUI has it at once
            with demo.hold("progress", after=1) as held:
                chains.go_on(started.id, OWNER, values, again=["one"])
                assert held.reached.wait(LONGEST_WAIT)
                chains.stop(started.id, OWNER)
            assert state(app) == "stopped"
            chains.go_on(started.id, OWNER)
            eventually(lambda: state(app) == "done")
            assert boats(app) == 1
            chains.go_on(started.id, OWNER, again=["one"])
            eventually(lambda: state(app) == "done")
            assert boats(app) == 2


def boats(app: RunningApp) -> int:
    values = (run.record.job.values for run in app.runs.owned(OWNER))
    return sum((one["5.seed"], one["2.text"]) == (1, "a red boat") for one in values)
