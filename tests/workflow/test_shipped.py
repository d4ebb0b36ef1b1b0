"""What our own workflows say of themselves is a message each, to be translated; what others say is
not."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.chains.folder import ChainFolder
from comfy.messages import Message
from comfy.workflow.config import read_config
from comfy.workflow.shipped import SHIPPED

WORKFLOWS = Path(__file__).parents[2] / "workflows"
FILES = {file.name: file for file in WORKFLOWS.rglob("*.toml")}


def test_every_shipped_file_has_its_words() -> None:
    """Each is there, and no other."""
    assert FILES.keys() == SHIPPED.keys()


@pytest.mark.parametrize("name", FILES)
def test_our_words_are_messages(name: str) -> None:
    """Title and description, and the titles of a chain's steps, as the file has them."""
    if name.endswith(".chain.toml"):
        chain = ChainFolder(WORKFLOWS).get(name.removesuffix(".toml"))
        told = (chain.title, chain.description, *(step.title for step in chain.steps))
    else:
        config = read_config(FILES[name])
        told = (config.title, config.description)
    assert told == SHIPPED[name]
    assert all(isinstance(one, Message) for one in told)


def test_the_words_of_others_stay_as_they_are(tmp_path: Path) -> None:
    """Also in a file that is called like one of ours, and has one of its titles."""
    for name, about in (("upscale", "My own."), ("mine", "Enlarge your image and add detail.")):
        file = tmp_path / f"{name}.toml"
        file.write_text(f'title = "Upscale"\ndescription = "{about}"\n')
        config = read_config(file)
        assert (config.title, config.description) == ("Upscale", about)
        assert not isinstance(config.title, Message)
        assert not isinstance(config.description, Message)
