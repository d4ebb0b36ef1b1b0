"""Full disks, who makes room for whom, and whose eyes the files are for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


FULL = """
import contextlib, sys
from pathlib import Path
sys.path.insert(0, ".")
from tests.support.serving import open_history, running_demo_app
from tests.support.http_client import start, finished, get
from tests.support.waiting import LONGEST_WAIT

folder = Path(sys.argv[1])
with running_demo_app(step_seconds=0, data=folder) as (demo, app):
    values = {"5.steps": 1, "4.width": 256, "4.height": 256}
    with demo.hold("GET /view") as held:
        run = start(app, **values)
        assert held.reached.wait(LONGEST_WAIT)
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as full:
            while full.write(b"x" * 512):
                pass
        held.release()
        finished(run)
    print(get(app, f"/history/{run.id}").json()["page"]["advice"])
    try:
        start(app, **values)
    except Exception as problem:
        print(f"{type(problem).__name__}: {problem}")
    filler.unlink()
    run = finished(start(app, **values))
    print("kept" if run.state.files[0].digest else "lost")
"""


def test_finding_26_a_full_disk_is_called_one(tmp_path: Path) -> None:
    """On a disk of 2 MB that is full: the page says that this app's disk is, not that ComfyUI could
    not be asked; so does a run that cannot be remembered. With room again, all is well."""
    mounting = f"mount -t tmpfs -o size=2m none {tmp_path}"
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-rm", "sh", "-c", mounting], capture_output=True).returncode
    ):
        pytest.skip(
            "needs to mount a small disk of its own (unshare -rm), which this machine does not"
            " allow"
        )
    command = f'{mounting} && exec "$0" -c "$1" {tmp_path}'
    told = subprocess.run(
        [unshare, "-rm", "sh", "-c", command, sys.executable, FULL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"TMPDIR": "/tmp"},
    )
    assert "Traceback" not in told.stderr, told.stderr
    result, refused, afterwards = told.stdout.splitlines()
    assert "The disk of this app is full" in result
    assert "ComfyUI server" not in result
    assert refused == "DiskFull: The disk of this app is full: the history could not be written."
    assert afterwards == "kept"
