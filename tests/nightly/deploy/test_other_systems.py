"""On Windows and macOS, the app uses nothing that only Linux has, and its paths and file types are
correct."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import PureWindowsPath
from urllib.parse import quote

import pytest
from sqlalchemy import make_url

from comfy.base.files import ending_of, is_beside, media_type_of, plain_name, safe_name
from tests.support.environments import ROOT, plain_environment
from tests.support.waiting import LONGEST_WAIT
from tests.test_architecture import MODULES
from ui.settings.options import Settings

# Modules and names that each system lacks. Python's own files that need them are imported first.
MISSING = {
    "win32": {
        "modules": "fcntl grp posix pwd pty readline resource syslog termios tty",
        "os": "chown fchmod fork forkpty getegid geteuid getgid getgroups getloadavg getuid initgroups"
        " killpg lchown mkfifo nice pread pwrite setgid setsid setuid statvfs sync uname wait3 O_CLOEXEC"
        " O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC",
        "signal": "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGUSR1 SIGUSR2 SIGWINCH"
        " alarm pause pthread_kill pthread_sigmask setitimer sigwait",
        "socket": "AF_UNIX AF_NETLINK AF_PACKET SO_REUSEPORT SCM_RIGHTS socketpair TCP_USER_TIMEOUT",
        "time": "clock_gettime tzset",
    },
    "darwin": {
        "modules": "ossaudiodev spwd",
        "os": "O_DIRECT copy_file_range eventfd memfd_create pipe2 posix_fadvise sched_getaffinity",
        "signal": "SIGPOLL SIGPWR SIGRTMIN SIGSTKFLT sigtimedwait sigwaitinfo",
        "socket": "AF_NETLINK AF_PACKET SO_BINDTODEVICE TCP_QUICKACK TCP_USER_TIMEOUT",
        "time": "pthread_getcpuclockid",
    },
}
PROGRAM = """
import importlib, json, os, sys
systems, modules = json.loads(sys.argv[1]), sys.argv[2].split()
for name in modules:  # whatever they need, as it is on this system
    importlib.import_module(name)
for platform, missing in systems.items():
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(f"not on {platform}")
        continue
    for name in modules:
        sys.modules.pop(name, None)
    for name in missing.pop("modules").split():
        sys.modules[name] = None
    for module, names in missing.items():
        for name in names.split():
            if hasattr(sys.modules[module], name):
                delattr(sys.modules[module], name)
    sys.platform = platform
    for name in modules:
        importlib.import_module(name)
    sys.exit(sys.modules["app"].main(["--help"]))
"""


def test_everything_is_imported_there() -> None:
    """Every module of the app imports without the parts that each system lacks, and the app prints
    its usage."""
    # Other programs import these: Alembic, which comes with a database, and ComfyUI.
    alone = ("comfy.records.steps.env", "comfyforms.comfyui_node")
    modules = " ".join(name for name in MODULES if not name.startswith(alone))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(MISSING), modules],
        cwd=ROOT,
        env=plain_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=10 * LONGEST_WAIT,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
    assert done.stdout.count("\nusage: ") == len(MISSING) - 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\Users\\ann\\a cat.png", "a cat.png"),
        ("C:a cat.png", "C_a cat.png"),
        ("C:/Users/ann/a cat.png", "a cat.png"),
        ("\\\\office\\share\\a cat.png", "a cat.png"),
        ("NUL.png", "_NUL.png"),
        ("com1", "_com1"),
    ],
)
def test_windows_paths_and_device_names_are_sanitized(given: str, kept: str) -> None:
    """Only the last part of a path with a drive and backslashes counts. No name is a device's,
    whether it comes from a browser or from a ComfyUI server on Windows."""
    assert plain_name(given) == kept
    assert safe_name(given) == kept


@pytest.mark.parametrize("name", ["C:\\x.png", "C:/x.png", "C:x.png", "a\\b.png", "\\\\office\\x"])
def test_a_file_beside_a_workflow_is_not_on_another_drive(name: str) -> None:
    """On Windows, such names would lead out of the folder."""
    assert not is_beside(name)


def test_a_database_url_keeps_a_windows_path() -> None:
    place = PureWindowsPath("C:\\Users\\Änne B\\forms#1\\history.sqlite")
    assert PureWindowsPath(make_url(f"sqlite:///{quote(str(place))}").database or "") == place


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.webp", "image/webp"),
        ("a.AVIF", "image/avif"),
        ("a.ogg", "audio/ogg"),
        ("a.opus", "audio/ogg"),
        ("a.flac", "audio/flac"),
        ("a.mp4", "video/mp4"),
        ("a.webm", "video/webm"),
        ("a.png", "image/png"),
        ("a.glb", "model/gltf-binary"),
        ("a.latent", "application/octet-stream"),
    ],
)
def test_media_types_do_not_depend_on_the_system(name: str, media_type: str) -> None:
    """The app ignores the system's own list of types, such as the Windows registry. In a container
    without a list, an animation would otherwise not count as an image."""
    assert media_type_of(name) == media_type


def test_a_type_has_one_ending_everywhere() -> None:
    """The app keeps a file that a script sends only with its type under an extension that forms
    take."""
    endings = map(ending_of, ("image/png", "image/webp", "audio/flac", "video/mp4", "image/jpeg"))
    assert list(endings) == [".png", ".webp", ".flac", ".mp4", ".jpg"]
    assert ending_of("model/strange") == ""


def test_the_script_for_windows_names_files_and_options_of_the_app() -> None:
    """`start.bat` has Windows' line ends, starts the checkout with the ComfyUI beside it, and has a
    target for each jump."""
    text = (ROOT / "docs" / "deploy" / "start.bat").read_bytes()
    assert text.count(b"\r\n") == text.count(b"\n")
    script = text.decode("ascii")
    assert (ROOT / "app.py").exists()
    assert set(re.findall(r"goto (\w+)", script)) == set(re.findall(r"^:(\w+)", script, re.M))
    installed = script.index("pip install"), script.index("copy /y"), script.index("--comfyui")
    assert list(installed) == sorted(installed)  # the copy is proof of a whole installation
    options = set(re.findall(r"(--[a-z-]+) [\"%0-9]", script))
    assert {option[2:].replace("-", "_") for option in options} <= set(Settings.model_fields)
