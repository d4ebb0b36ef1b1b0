"""A real ComfyUI that the app starts: COMFYUI_DIR is its folder, COMFYUI_COMMAND `PYTHON main.py
--cpu`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from comfy.comfyui.client.manager import ManagerClient
from comfy.comfyui.protocol.run_state import Phase
from comfy.local_comfyui.installation import Installation
from comfy.prompt.model import Prompt
from comfy.records.record import Job
from comfy.runs.interface import Origin
from tests.local_comfyui.local import supervised
from tests.runs.registry import end
from tests.support.app_process import START
from tests.support.waiting import eventually

FOLDER, COMMAND = os.environ.get("COMFYUI_DIR", ""), os.environ.get("COMFYUI_COMMAND", "")
pytestmark = pytest.mark.skipif(not (FOLDER and COMMAND), reason="needs a real ComfyUI")


@pytest.fixture(autouse=True)
def own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep ComfyUI's compiled code in the test's folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


NODE = '''
import os, signal

class Crash:
    """Ends ComfyUI as the system does when memory runs out."""
    INPUT_TYPES = classmethod(lambda cls: {"required": {"image": ("IMAGE",)}})
    RETURN_TYPES, FUNCTION, CATEGORY = ("IMAGE",), "run", "test"

    def run(self, image):
        os.kill(os.getpid(), signal.SIGKILL)

NODE_CLASS_MAPPINGS = {"Crash": Crash}
'''


def _job(color: int, *, crashes: bool = False) -> Job:
    size = {"width": 64, "height": 32, "batch_size": 1, "color": color}
    prompt: Prompt = {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "3": {
            "class_type": "SaveImage",
            "inputs": {"images": ["2" if crashes else "1", 0], "filename_prefix": "plain"},
        },
    }
    if crashes:
        prompt["2"] = {"class_type": "Crash", "inputs": {"image": ["1", 0]}}
    return Job(prompt, "test")


def _installation(base: Path, *more: str) -> Installation:
    (base / "models").mkdir(parents=True)
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "crash.py").write_text(NODE)
    python, _, *arguments = shlex.split(COMMAND)
    own = ["--base-directory", str(base), "--database-url", "sqlite:///:memory:"]
    text = shlex.join([*arguments, *own, *more])
    return Installation.find(Path(FOLDER), Path(python), text)


def test_a_real_crash_ends_its_run_only(tmp_path: Path) -> None:
    """Runs wait for the start, a killed ComfyUI ends its run with the reason, and the next run
    works after the restart."""
    installation = _installation(tmp_path / "base")
    with supervised(installation, tmp_path / "data") as (supervisor, _, runs):
        first = runs.submit(_job(0), Origin("me"))
        eventually(lambda: supervisor.status.phase == "running", "it starts", START)
        assert end(first).phase is Phase.DONE
        crash = end(runs.submit(_job(1, crashes=True), Origin("me")))
        assert crash.error is not None, supervisor.log.tail(20)
        assert crash.error.message.startswith("ComfyUI ran out of memory during this run")
        waiting = runs.submit(_job(2), Origin("you"))
        eventually(lambda: waiting.state.phase.finished, "the next run ends", START)
        assert waiting.state.phase is Phase.DONE


def test_a_real_manager_answers(tmp_path: Path) -> None:
    """Its version and queue are read, and a restart by the Manager keeps the process."""
    installation = _installation(tmp_path / "base", "--enable-manager")
    with supervised(installation, tmp_path / "data") as (supervisor, pool, _):
        eventually(lambda: supervisor.status.phase == "running", "it starts", START)
        with ManagerClient(pool.servers[0].client.address) as client:
            found = client.find()
            if found is None:
                pytest.skip("its Python has no comfyui-manager")
            assert found.path == "/v2/manager"
            client.reboot(found)
            started = "To see the GUI"
            eventually(
                lambda: sum(started in line for line in supervisor.log.tail()) == 2,
                "it starts again",
                START,
            )
        assert supervisor.status.last_end is None
