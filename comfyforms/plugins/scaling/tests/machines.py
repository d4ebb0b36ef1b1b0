"""Commands that start and stop ComfyUI stand-ins in processes of their own, as administrators'
scripts start and stop machines."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from comfyforms.plugins.scaling.rules import Scale
from tests.support.app_process import ROOT
from tests.support.waiting import eventually

# Both commands append a line to the journal, and do what the file of the same name says.
_COMMON = """
    #!{python}
    import os, signal, socket, subprocess, sys, time
    from pathlib import Path
    folder, name = Path({folder!r}), Path(__file__).name
    server = os.environ["SCALE_SERVER"]
    words = [name, server, os.environ["SCALE_NAME"], os.environ["SCALE_URL"], *sys.argv[1:]]
    with (folder / "journal").open("a") as journal:
        journal.write(" ".join(words) + "\\n")
    behavior = folder / (name + ".behavior")
    exec(behavior.read_text() if behavior.exists() else "")
"""
_UP = """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    machine = subprocess.Popen(
        [sys.executable, "-m", "comfyforms.plugins.scaling.tests.machine", str(port), {step!r}],
        cwd={root!r}, start_new_session=True, env={{**os.environ, "TMPDIR": str(folder)}},
    )
    (folder / (server + ".pid")).write_text(str(machine.pid))
    print("Starting a machine", flush=True)
    print(f"http://127.0.0.1:{{port}}/", flush=True)
"""
_DOWN = """
    with open(folder / (server + ".pid")) as pid:
        os.kill(int(pid.read()), signal.SIGTERM)
"""


class Machines:
    """The scripts, what they were called for, and the machines that run."""

    def __init__(self, folder: Path, step_seconds: float) -> None:
        self.folder = folder
        self.up, self.down = folder / "up", folder / "down"
        values = {"python": sys.executable, "folder": str(folder), "root": str(ROOT)}
        for script, text in ((self.up, _UP), (self.down, _DOWN)):
            whole = textwrap.dedent(_COMMON).lstrip() + textwrap.dedent(text)
            script.write_text(whole.format(**values, step=str(step_seconds)))
            script.chmod(0o700)

    def behave(self, script: Path, code: str = "") -> None:
        """Have a script run this code first; without any, it works again."""
        script.with_suffix(".behavior").write_text(code)

    def calls(self, script: Path) -> list[list[str]]:
        """Return the words of each call of a script: the server's id, the scale, the address in the
        environment, and the arguments."""
        journal = self.folder / "journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        words = [line.split(" ") for line in lines]
        return [rest for name, *rest in words if name == script.name]

    def called(self, script: Path, count: int = 1) -> None:
        """Wait until a script was called this often."""
        eventually(lambda: len(self.calls(script)) >= count, f"{count} calls of {script.name}")

    @property
    def running(self) -> list[int]:
        """Return the process numbers of the machines that run."""
        return [pid for pid in self._pids() if _is_alive(pid)]

    def kill(self) -> None:
        """Kill all machines, as a provider takes back spot machines."""
        for pid in self.running:
            os.kill(pid, signal.SIGKILL)

    def _pids(self) -> Iterator[int]:
        for file in self.folder.glob("*.pid"):
            with contextlib.suppress(ValueError):  # it is being written
                yield int(file.read_text())

    def scale(self, address: Callable[..., object], **options: object) -> Scale:
        """Return a scale with these commands."""
        settings = {"after_waiting": 0.0, "idle": 0.5, "timeout": 60.0} | options
        commands = (str(self.up), "--gpu", "one machine"), (str(self.down),)
        return Scale("cloud", *commands, address, **settings)  # type: ignore[arg-type]

    def table(self, **options: object) -> str:
        """Return the scale as a table of the file of `--config`."""
        settings = {"name": "cloud", "up": str(self.up), "down": str(self.down), **options}
        lines = (
            f"{key} = {str(one).lower() if isinstance(one, bool) else repr(one)}"
            for key, one in settings.items()
        )
        return "\n".join(("[[scale]]", *lines, ""))


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@contextlib.contextmanager
def machines_in(folder: Path, step_seconds: float = 0.05) -> Iterator[Machines]:
    """Write the scripts into a new folder. On exit, kill the machines that still run."""
    folder.mkdir(parents=True)
    machines = Machines(folder, step_seconds)
    try:
        yield machines
    finally:
        machines.kill()
        eventually(lambda: not machines.running, "the end of the machines")
