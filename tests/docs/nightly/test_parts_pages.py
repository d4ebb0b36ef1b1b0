"""The programs on plugins' pages work."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.docs.nightly.test_api_page import WRITTEN, done
from tests.docs.test_api_page import ROOT
from tests.support.programs import SCRIPTS, needs_gradio_client
from tests.support.samples.shipped import prompt
from tests.support.serving import running_demo_app
from tools.docs_site import parts_pages

BLOCKS = {
    page: re.findall(r"```(python|js)\n(.*?)```", (ROOT / page).read_text("utf-8"), re.S)
    for page in parts_pages()
}


@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if blocks])
def test_the_programs_of_a_page_work(page: str, tmp_path: Path) -> None:
    """They run in order, those in Python in a single folder, and say that they are done."""
    # Gradio's client keeps files where these say.
    folders = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    (tmp_path / "prompt.json").write_text(json.dumps(prompt(n5_steps=2)), encoding="utf-8")
    with running_demo_app(step_seconds=0) as (_, app):
        for language, written in BLOCKS[page]:
            block = written.replace(WRITTEN, app.url)
            if language == "js":
                needs_gradio_client()
                printed = done(["node", "--input-type=module", "-e", block], SCRIPTS)
            else:
                printed = done([sys.executable, "-c", block], tmp_path, folders)
            assert re.search("^done", printed, re.M), printed
