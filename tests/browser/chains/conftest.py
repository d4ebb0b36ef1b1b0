"""A site with chains in addition to the shipped workflows: a chain of three steps, and a chain that
runs a step twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.fixtures import SOON, STEP
from tests.support.samples.forms import WORKFLOWS
from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visitor

BOATS = "boats.chain"
CHAIN = """
title = "Boats in three steps"
description = "A boat, enlarged and painted over."

[switches]
look = ["painting", "photo"]

[[steps]]
name = "make"
title = "Make"
workflow = "text-to-image"
show = ["Prompt", "Seed", "Width", "Height"]
[steps.values]
Steps = 4
Prompt = "a small boat"
Width = 256
Height = 256

[[steps]]
name = "large"
title = "Enlarge"
workflow = "upscale"
show = ["Scale", "Model"]
optional = true
[steps.values]
Steps = 4
[steps.inputs]
"Your image" = "make"

[[steps]]
name = "over"
title = "Paint over"
workflow = "image-to-image"
show = ["Prompt"]
when = "look=painting"
[steps.values]
Steps = 4
[steps.inputs]
"Your image" = "large"
"""

PAIRS = "pairs.chain"
EACH = """
title = "Two boats, each enlarged"

[[steps]]
name = "make"
workflow = "text-to-image"
show = ["Prompt"]
[steps.values]
Steps = 2
Images = 2
Width = 256
Height = 256

[[steps]]
name = "large"
title = "Enlarge"
workflow = "upscale"
[steps.values]
Steps = 2
[steps.inputs]
"Your image" = "make[each]"
"""

STUCK = "stuck.chain"
STEP_OF_ONE_CHOICE = """
title = "One choice cannot run"

[switches]
look = ["painting", "photo"]

[[steps]]
name = "make"
title = "Make"
workflow = "text-to-image"
show = ["Prompt"]
when = "look=painting"

[[steps]]
name = "large"
title = "Enlarge"
workflow = "upscale"
[steps.inputs]
"Your image" = "make"
"""


@pytest.fixture(scope="session")
def chain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the shipped workflows and the chains."""
    folder = tmp_path_factory.mktemp("chains") / "workflows"
    shutil.copytree(WORKFLOWS, folder)
    (folder / f"{BOATS}.toml").write_text(CHAIN, encoding="utf-8")
    (folder / f"{PAIRS}.toml").write_text(EACH, encoding="utf-8")
    (folder / f"{STUCK}.toml").write_text(STEP_OF_ONE_CHOICE, encoding="utf-8")
    return folder


@pytest.fixture
def chains(chain_folder: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Run a site for this test only, with a server slow enough to act during a run."""
    with running_demo_app(
        workflows=chain_folder, step_seconds=STEP, timing=SOON, may_keep=True
    ) as (demo, app):
        yield Site(app.url, demo, app)


def choose(person: Visitor, key: str, name: str) -> None:
    """Select an option from a list of the form."""
    person.entry(key).click()
    person.page.locator("#form").get_by_role("option", name=name).click()
