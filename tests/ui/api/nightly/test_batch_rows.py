"""A batch's rows and the names of their files, over REST."""

from __future__ import annotations

import io
import zipfile

from tests.support.serving import RunningApp
from tests.ui.api.api_calls import QUICK, call
from tests.ui.api.test_batch_rows import BATCH, result_of


def test_a_text_changed_by_several_axes_is_shown_whole(app: RunningApp) -> None:
    """The value of one axis is only a part of the text and wouldn't tell rows apart. File names
    contain the values of both axes."""
    axes = [
        {"field": "2.text", "text": "a boat\na red boat"},
        {"field": "2.text", "replace": "boat\nship"},
    ]
    body = {"values": QUICK, "axes": axes}
    batch = call(app, "POST", BATCH, json=body).json()
    rows = call(app, "GET", f"{batch['url']}/rows").json()["rows"]
    told = [row["values"] for row in rows]
    texts = ["a boat", "a ship", "a red boat", "a red ship"]
    assert told == [{"2.text": text} for text in texts]
    assert [row["run"]["values"]["2.text"] for row in rows] == texts
    archive = result_of(app, batch["id"], "results.zip?pattern={Prompt}")
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    of_files = ["a-boat-boat", "a-boat-ship", "a-red-boat-boat", "a-red-boat-ship"]
    assert names == [*(f"{name}.png" for name in of_files), "results.csv"]
