"""`comfyforms space`."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from comfy.__main__ import main
from comfy.base.version import app_version
from comfy.cli.space.contents import requirements_in
from tests.nightly.deploy.dockerfile import complaints
from tests.support.environments import ROOT, environment_at, plain_environment
from tests.support.sampler import prompt
from tests.support.waiting import IMPORTING

WORKFLOWS = ROOT / "workflows"
LINK = "https://huggingface.co/ann/lights/resolve/main/lights.safetensors"
EVIL = 'Bob\'s "best"\nsdk: docker\n---\n# [x](javascript:1) {}: &a *b'


def linked_graph() -> str:
    """Return an editor's graph that links to a model."""
    node = {
        "id": 1,
        "type": "CheckpointLoaderSimple",
        "widgets_values": ["lights.safetensors"],
        "properties": {"models": [{"name": "lights.safetensors", "url": LINK, "directory": "x"}]},
    }
    return json.dumps({"nodes": [node], "links": [], "version": 0.4})


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a Space with the README's command."""
    folder = tmp_path_factory.mktemp("written")
    for ending in ("json", "toml"):
        shutil.copy(WORKFLOWS / f"text-to-image.{ending}", folder / f"my-workflow.{ending}")
    shutil.copy(WORKFLOWS / "text-to-image.webp", folder)
    (command,) = re.findall(r"-m comfyforms (space .*)", (ROOT / "README.md").read_text("utf-8"))
    with chdir(folder):
        assert main(shlex.split(command)) == 0
    return folder / "my-space"


@contextmanager
def changed(file: Path, old: str, new: str) -> Iterator[None]:
    """Replace a text in a file during the block."""
    before = file.read_bytes()
    assert old.encode() in before
    file.write_bytes(before.replace(old.encode(), new.encode()))
    yield
    file.write_bytes(before)


def front_matter(space: Path) -> dict[str, object]:
    head = yaml.safe_load((space / "README.md").read_text("utf-8").split("---\n")[1])
    assert isinstance(head, dict)
    return head


def test_a_space_has_the_app_and_only_the_named_workflow(space: Path) -> None:
    """The folder `comfyforms` has every file of a wheel, without the shipped workflows."""
    parts = ("app.py", "comfy", "comfyui_standin", "ui", "comfyforms")
    parts += ("LICENSE", "requirements.txt")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *parts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    files = {file.relative_to(space).as_posix() for file in space.rglob("*") if file.is_file()}
    app = {
        name if name.startswith("comfyforms/") else f"comfyforms/{name}"
        for name in listed
        if "/tests/" not in name
    }
    assert files - app == {
        "README.md",
        "app.py",
        "requirements.txt",
        ".gitignore",
        f"comfyforms-{app_version()}.dist-info/METADATA",
        *(f"workflows/my-workflow.{ending}" for ending in ("json", "toml")),
        "workflows/text-to-image.webp",
    }
    assert app - files == set()


def test_the_front_matter_names_what_runs_here(space: Path) -> None:
    """The README has the workflow's title, and the versions of Gradio and Python."""
    head = front_matter(space)
    assert head["title"] == "Text to image"
    assert head["short_description"] == "Create an image from a description."
    assert (head["sdk"], head["sdk_version"]) == ("gradio", metadata.version("gradio"))
    assert head["python_version"] == ".".join(map(str, sys.version_info[:2]))
    assert head["license"] == "other"


def test_the_readme_of_a_demo_says_that_results_are_painted(tmp_path: Path) -> None:
    """It names no model that a workflow links to, since none runs. Its card lists the workflows
    that fit."""
    for name in ("photo-of-a-lighthouse", "photo-of-a-mountain", "photo-of-a-valley"):
        (tmp_path / f"{name}.json").write_text(linked_graph())
    demo, real = tmp_path / "demo", tmp_path / "real"
    words = ["space", *map(str, sorted(tmp_path.glob("*.json"))), "--out"]
    main([*words, str(demo), "--demo"])
    main([*words, str(real), "--server", "https://gpu.example.org"])
    painted = "a stand-in server paints its results"
    assert painted in (demo / "README.md").read_text("utf-8")
    assert painted not in (real / "README.md").read_text("utf-8")
    assert (front_matter(demo)["models"], front_matter(real)["models"]) == ([], ["ann/lights"])
    card = front_matter(demo)["short_description"]
    assert card == "Photo of a lighthouse, Photo of a mountain and 1 more"


def test_the_requirements_are_pinned_within_their_bounds(space: Path) -> None:
    """Only packages that Gradio's extras also need keep their bounds."""
    lines = (space / "requirements.txt").read_text("utf-8").splitlines()
    written = {one.name: one for one in map(Requirement, lines)}
    needed = requirements_in(ROOT / "requirements.txt")
    assert written.keys() == {one.name for one in needed}
    free = {name for name, one in written.items() if not str(one.specifier).startswith("==")}
    assert free == {"pydantic", "authlib"}


def test_the_app_tells_its_version_without_an_installation(space: Path, tmp_path: Path) -> None:
    """Both commands work with nothing but the requirements: in a Space, and in a checkout."""
    python = environment_at(tmp_path / "environment") / "python"
    for folder, command in ((space, ["app.py"]), (ROOT, ["-m", "comfyforms"])):
        done = subprocess.run(
            [python, *command, "--version"],
            cwd=folder,
            env={**plain_environment(), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=IMPORTING,
        )
        assert done.stdout == f"ComfyForms {app_version()}\n"


@pytest.mark.parametrize(("variables", "kept"), [({}, "data"), ({"SPACE_ID": "ann/x"}, "")])
def test_a_space_on_another_machine_keeps_its_own_data(
    space: Path, variables: dict[str, str], kept: str
) -> None:
    """A trial doesn't write into the data of an installed app."""
    code = "import os, runpy; runpy.run_path(os.path.abspath('app.py')); print(os.environ.get('COMFYFORMS_DATA', ''))"
    done = subprocess.run(
        [sys.executable, "-c", code, space / "app.py"],
        cwd=space,
        env={**plain_environment(), **variables, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=IMPORTING,
    )
    assert done.stdout.strip() == (str(space / kept) if kept else "")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("README.md", "sdk_version: 6", "sdk_version: 5", "Use the same version."),
        ("README.md", "python_version: '3", "python_version: '2", "python_version must be"),
        ("README.md", "title: ", "- [", "the lines between --- are wrong"),
        ("README.md", "sdk: gradio", "sdk: static", "sdk must be gradio"),
        ("README.md", "sdk: gradio", "sdk: docker", "Dockerfile is missing"),
        ("README.md", "app_file: app.py", "app_file: ../../x.py", "app_file must name"),
        ("requirements.txt", "segno==", "Segno2==", "requirements.txt lacks segno"),
        ("requirements.txt", "segno==", "?", "requirements.txt has a wrong line"),
        ("workflows/my-workflow.json", "{", "", "my-workflow: "),
        ("workflows/my-workflow.json", "{", "", "0 of 2. “my-workflow” can't: "),
        ("workflows/my-workflow.json", '"latent_image"', '"other"', "isn't connected."),
    ],
)
def test_check_names_each_mistake(
    space: Path, name: str, old: str, new: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check exits with 1, and says what to change and which workflows don't run."""
    with changed(space / name, old, new):
        assert main(["space", "--check", str(space)]) == 1
    assert said in capsys.readouterr().out


def test_check_counts_the_workflows_of_a_demo(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo runs any node. The last line has the titles."""
    nodes = [{"id": 1, "type": "Mystery", "widgets_values": ["a lighthouse"]}]
    file = space / "workflows" / "lighthouse.json"
    file.write_text(json.dumps({"nodes": nodes, "links": [], "version": 0.4}))
    capsys.readouterr()

    assert main(["space", "--check", str(space)]) == 0

    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Workflows that run here as a demo: 2 of 2 (“")
    assert "“Lighthouse”" in last
    file.unlink()


def test_check_names_a_workflow_that_the_demo_refuses(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its form is complete, but a link has the wrong type."""
    sampler = prompt(5)
    sampler["8"] = {"class_type": "PrimitiveString", "inputs": {"value": "euler"}}
    sampler["4"]["inputs"]["latent_image"] = ["8", 0]
    file = space / "workflows" / "lighthouse.json"
    file.write_text(json.dumps(sampler))

    assert main(["space", "--check", str(space)]) == 1

    file.unlink()
    said = capsys.readouterr().out
    assert "! lighthouse: “KSampler”: Latent image has a broken link." in said
    assert "1 of 2 (“Text to image”). “lighthouse” can't: “KSampler”: Latent" in said


def test_check_tells_what_zerogpu_needs(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = "sdk: gradio\nsuggested_hardware: zero-a10g\n"
    with changed(space / "README.md", "sdk: gradio\n", asked):
        assert main(["space", "--check", str(space)]) == 0
    assert "ZeroGPU needs more lines in app.py" in capsys.readouterr().out


PACKS = """
comfyui = "0.33.0"
[[model]]
name = "lights.safetensors"
folder = "loras"
url = "https://huggingface.co/ann/lights/resolve/main/lights.safetensors"
[[pack]]
id = "lora-stack"
version = "1.2.0"
[[pack]]
id = "ann/xyz"
version = "abc1234"
"""


@pytest.fixture(scope="module")
def gpu_space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a Space with ComfyUI."""
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "my.toml").write_text(PACKS, encoding="utf-8")
    words = ["space", str(WORKFLOWS / "upscale.json"), "--gpu", "--lock", str(folder / "my.toml")]
    assert main([*words, "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_a_space_with_comfyui_installs_the_lock(
    gpu_space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The front matter is one of Docker, user 1000 installs the versions of the lock, and the app
    fetches the models."""
    head = front_matter(gpu_space)
    assert (head["sdk"], head["app_port"], head["models"]) == ("docker", 7860, ["ann/lights"])
    assert head["suggested_hardware"] == "l4x1"
    assert not {"sdk_version", "python_version", "app_file"} & head.keys()
    steps = (gpu_space / "Dockerfile").read_text("utf-8")
    before, user, after = steps.partition("\nUSER 1000\n")
    assert "useradd --create-home --uid 1000" in before
    assert user
    assert "--branch v0.33.0 https://github.com/Comfy-Org/ComfyUI" in after
    assert "cm-cli install --exit-on-fail lora-stack@1.2.0\n" in after
    assert "https://github.com/ann/xyz ComfyUI/custom_nodes/xyz &&" in after
    assert "git -C ComfyUI/custom_nodes/xyz checkout abc1234 &&" in after
    lock = tomllib.loads((gpu_space / "lock.toml").read_text("utf-8"))
    assert [one["name"] for one in lock["model"]] == ["lights.safetensors"]
    assert main(["space", "--check", str(gpu_space)]) == 0
    assert "lights.safetensors has no checksum" in capsys.readouterr().out


def test_the_linter_finds_no_problem_in_a_dockerfile(gpu_space: Path) -> None:
    assert complaints((gpu_space / "Dockerfile").read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("README.md", "app_port: 7860", "app_port: 80", "app_port must be 7860"),
        ("lock.toml", "0.33.0", "0.34.0", "lacks: RUN git clone --depth 1 --branch v0.34.0"),
        ("lock.toml", "https://huggingface.co", "ftp://x", "wrong url for lights.safetensors"),
        ("lock.toml", "https://huggingface.co", "https://x.example", "isn't an allowed host"),
        ("lock.toml", 'version = "abc1234"', 'version = ""', "Enter the version"),
        ("Dockerfile", "lora-stack@1.2.0", "lora-stack", "Dockerfile doesn't match lock.toml"),
    ],
)
def test_check_names_each_mistake_of_a_space_with_comfyui(
    gpu_space: Path, name: str, old: str, new: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It compares the Dockerfile with the lock."""
    with changed(gpu_space / name, old, new):
        assert main(["space", "--check", str(gpu_space)]) == 1
    assert said in capsys.readouterr().out


def test_a_space_with_comfyui_needs_a_complete_lock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --lock the command makes one, and refuses it if the workflow doesn't say enough."""
    out = tmp_path / "x"
    workflow = str(WORKFLOWS / "text-to-image.json")
    assert main(["space", workflow, "--gpu", "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "The lock isn't complete. comfyui is empty." in said
    assert f"`comfyforms lock {workflow}`" in said
    assert not out.exists()


def test_check_names_missing_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder isn't a Space."""
    assert main(["space", "--check", str(tmp_path)]) == 1
    assert "README.md is missing" in capsys.readouterr().out


def test_check_names_a_missing_folder_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelled folder is one line, not one per file."""
    folder = tmp_path / "none"
    assert main(["space", "--check", str(folder)]) == 1
    assert capsys.readouterr().out == f"! There is no folder {folder}.\n"


def test_a_hostile_title_stays_one_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line breaks, quotes and YAML in a title or license don't add settings."""
    file = tmp_path / "a.json"
    file.write_text(linked_graph())
    file.with_suffix(".toml").write_text(f"title = {json.dumps(EVIL)}\ncover = '../x.webp'")
    (tmp_path / "x.webp").write_bytes(b"private")
    out = tmp_path / "out"
    words = ["space", str(file), "--out", str(out), "--license", "mit\nsdk: docker"]
    main([*words, "--server", "https://gpu.example.org"])
    head = front_matter(out)
    assert head["title"] == " ".join(EVIL.split())
    assert (head["sdk"], head["license"]) == ("gradio", "mit sdk: docker")
    assert head["models"] == ["ann/lights"]
    assert {one.name for one in (out / "workflows").iterdir()} == {"a.json", "a.toml"}
    with changed(out / "README.md", "- ann/lights", "- ann/other"):
        capsys.readouterr()
        assert main(["space", "--check", str(out)]) == 1
        assert "models must name ann/lights" in capsys.readouterr().out


def test_the_servers_address_is_in_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The upload commands set it as a secret. Without the secret, the Space doesn't start."""
    monkeypatch.setenv("COMFYFORMS_SERVER_TOKEN", "hush-hush")
    out = tmp_path / "forms"
    words = ["space", str(WORKFLOWS / "upscale.json"), "--out", str(out)]
    assert main([*words, "--server", "http://ann:pass@gpu.example.org:8188"]) == 0
    for file in (one for one in out.rglob("*") if one.is_file()):
        content = file.read_bytes()
        assert b"gpu.example.org" not in content
        assert b"hush-hush" not in content
    said = capsys.readouterr().out
    secrets = "-s COMFYFORMS_SERVER=http://ann:pass@gpu.example.org:8188 -s COMFYFORMS_SERVER_TOKEN"
    assert f"hf repos create forms --type space --sdk gradio {secrets}\n" in said
    assert "can't reach http://gpu.example.org:8188" in said
    assert "Workflows that run on ComfyUI: 1 of 1 (“Upscale”)." in said.splitlines()[-1]
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=out,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=IMPORTING,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Set the secret COMFYFORMS_SERVER")


def test_a_chain_brings_its_workflows_and_a_folder_its_files(tmp_path: Path) -> None:
    """Both keep their subfolders. Links and hidden files stay where they are."""
    chain = WORKFLOWS / "image-caption-image.chain.toml"
    folder = tmp_path / "mine"
    shutil.copytree(WORKFLOWS / "wildcards", folder / "wildcards")
    (folder / "small.json").write_text(json.dumps(prompt(5)))
    (folder / ".private.json").write_text("{}")
    (folder / "passwd.txt").symlink_to("/etc/passwd")
    assert main(["space", str(chain), str(folder), "--out", str(tmp_path / "out")]) == 0
    written = tmp_path / "out" / "workflows"
    assert {one.relative_to(written).as_posix() for one in written.rglob("*") if one.is_file()} == {
        chain.name,
        "upscale.webp",
        "small.json",
        "wildcards/times.txt",
        "steps/describe-image.json",
        "steps/describe-image.toml",
        *(f"text-to-image.{ending}" for ending in ("json", "toml", "webp")),
        *(f"text-to-image-{idea}.webp" for idea in ("boat", "lake", "lighthouse")),
    }


def test_a_refusal_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each refusal is one line, and exits with 2."""
    good, out = str(WORKFLOWS / "upscale.json"), str(tmp_path / "out")
    for name in ("upscale.json", "bad\nname.json"):
        (tmp_path / name).write_text(json.dumps(prompt(5)))
    for words, said in (
        ([good], "--out"),
        ([good, "--out", str(tmp_path)], "isn't empty"),
        ([good, str(tmp_path / "upscale.json"), "--out", out], "Two files are called"),
        ([str(tmp_path / "bad\nname.json"), "--out", out], "Rename it"),
        ([str(ROOT / "README.md"), "--out", out], "isn't supported"),
        ([str(tmp_path / "none.json"), "--out", out], "none.json"),
        ([good, "--out", out, "--server", "ftp://x"], "http"),
    ):
        assert main(["space", *words]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.startswith("comfyforms space: ")
        assert error.count("\n") == 1
    assert {one.name for one in tmp_path.iterdir()} == {"upscale.json", "bad\nname.json"}
