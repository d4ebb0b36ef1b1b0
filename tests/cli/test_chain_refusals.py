"""Errors of `python -m comfy chain` before it starts."""

from __future__ import annotations

import json

import pytest

from comfy.__main__ import main
from tests.cli.chain_folder import THREE, Folder
from tests.cli.commands import outcomes
from tests.support.sampler import prompt


def test_all_errors_are_reported_before_anything_runs(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command reports errors in the values of every step, including later steps, and everything
    that the server lacks."""
    odd = prompt(5) | {"9": {"class_type": "Nowhere", "inputs": {}, "_meta": {"title": "It"}}}
    odd["1"]["inputs"]["ckpt_name"] = "gone.safetensors"
    (folder.path / "odd.json").write_text(json.dumps(odd))
    chain = f'{THREE}[[steps]]\nname = "odd"\nworkflow = "odd"\n'
    wrong = ["--set", "base.steps=many", "--set", "double.Scale factor=-3"]
    assert main(folder.words(chain, *wrong)) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Step “base”, Steps: Enter a whole number."
    assert told[1].startswith("Step “double”, Scale factor: Minimum ")
    assert told[2].startswith("Step “odd”, Missing node: Nowhere.")
    assert told[3].startswith("Step “odd”, Model: “gone.safetensors” isn't available.")
    assert told[4] == "Nothing was started."
    assert (outcomes(folder.demo), folder.out.exists()) == ({}, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "base"], "STEP.FIELD=VALUE"),
        (
            ["--set", "base", "--set", "double"],
            "--set 'base' is not STEP.FIELD=VALUE.\n--set 'double' is not STEP.FIELD=VALUE.\nWrite",
        ),
        (["--set", "bose.steps=3"], "There is no step “bose”. Did you mean “base”?"),
        (["--set", "base.stepz=3"], "Did you mean “Steps”?"),
        (["--set", "look=photo"], "There is no switch “look”."),
        (["--set", "double.image=x.png"], "The chain already sets it."),
        (["--without", "base"], "Step “base” can't be left out."),
        (["--again", "bose"], "There is no step “bose”."),
        (
            ["--set", "double.image=x.png", "--without", "double"],
            "Step “double” isn't part of this run.",
        ),
        (["--again", "double", "--without", "double"], "Step “double” isn't part of this run."),
    ],
)
def test_an_invalid_call_exits_with_2(
    folder: Folder, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """The command prints an error and makes nothing."""
    assert main(folder.words(THREE, *words)) == 2
    assert said in capsys.readouterr().err
    assert not folder.out.exists()


def test_a_workflow_name_too_long_for_a_file_is_reported(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command reports the name like a workflow that doesn't exist."""
    assert main(folder.words(f'[[steps]]\nname = "one"\nworkflow = "{"x" * 300}"\n')) == 2
    assert "There is no workflow “xxx" in capsys.readouterr().err


def test_invalid_names_are_reported_with_other_errors(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command reports unknown steps, switches and fields together, with the wrong values of
    existing fields."""
    words = ["--without", "double", "--again", "hlaf"]
    settings = "look=photo", "bose.steps=3", "double.image=x", "base.stepz=3", "base.steps=many"
    wrong = [word for one in settings for word in ("--set", one)]
    assert main(folder.words(THREE, *words, *wrong)) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[:3] == [
        "There is no switch “look”.",
        "There is no step “bose”. Did you mean “base”?",
        "There is no step “hlaf”. Did you mean “half”?",
    ]
    assert told[3] == "Step “double” isn't part of this run. Remove its --set and --again."
    assert told[4].startswith("Step “base”, There is no field “stepz”.")
    assert told[5] == "Step “base”, Steps: Enter a whole number."
    assert "--check lists the steps and their fields." in told[6]
    assert len(told) == 7
    assert not folder.out.exists()
    names = ["--set", "look=photo", "--set", "bose.steps=3", "--without", "base"]
    assert main(folder.words(THREE, *names)) == 2
    assert [line[:20] for line in capsys.readouterr().err.splitlines()[:3]] == [
        "There is no switch “",
        "There is no step “bo",
        "Step “base” can't be",
    ]


def test_checking_a_chain_reports_a_choice_that_never_runs(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chain can run with its other choices, and the command checks these as before."""
    chain = """
        [switches]
        size = ["small", "large"]
        [[steps]]
        name = "base"
        workflow = "small"
        when = "size=small"
        [[steps]]
        name = "last"
        workflow = "scale"
        inputs = { Image = "base" }
    """
    assert main(folder.words(chain, "--check")) == 0
    told = capsys.readouterr()
    said = "This chain can't run with “size: large”: Step “last” needs “base”, which is turned off."
    assert told.err.splitlines()[1:] == [said]
    assert "2 last: Scale, after base" in told.out
    assert main(folder.words(chain)) == 0
    assert said not in capsys.readouterr().err
