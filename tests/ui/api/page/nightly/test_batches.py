"""Batches over HTTP: estimate, progress, actions and owners."""

from __future__ import annotations

from comfy.batches.spec import AxisSpec, Seeds
from comfy.prompt.wildcards import literal_text
from tests.support.http_client import ANN
from tests.support.serving import RunningApp
from tests.ui.api.page.test_batches import (
    STEPS,
    TEXT,
    WIDTH,
    ask,
    begin,
    downloaded,
    rows_of,
    table_in,
    until,
)


def test_alternatives_in_the_forms_text_are_drawn_once(app: RunningApp) -> None:
    """The rows differ only in the varied field, and each row's values contain the drawn text. With
    a seed per row, the app draws new alternatives per row. The table of results lists drawn texts
    for reuse."""
    text = "a {red|green|blue|white|black|pink|gold} \\{boat\\}"

    def made(*axes: AxisSpec, seeds: Seeds, **values: object) -> tuple[list[str], str]:
        batch = begin(app, *axes, seeds=seeds, **{TEXT: text, **values})
        until(app, batch, "done")
        runs = [app.runs.record(row["run"], f"browser:{ANN}") for row in rows_of(app, batch)]
        row = ask(app, "GET", f"/{batch.id}/rows/0/values").json()["values"]
        texts = [str(run.job.values[TEXT]) for run in runs]
        typed = [one.get("Prompt") for one in table_in(downloaded(app, batch, "results.csv"))]
        is_told = seeds == "each" or len(axes) > 1
        assert typed == [literal_text(one) if is_told else None for one in texts]
        assert (row[TEXT] == text) == (seeds == "each")
        return texts, row[TEXT]

    several = AxisSpec(WIDTH, text="256..512:32")
    texts, told = made(several, seeds="one")
    assert len({*texts}) == 1
    assert texts[0].endswith(" {boat}")
    assert told == literal_text(texts[0])
    assert len({*made(several, seeds="each")[0]}) > 1
    found = AxisSpec(TEXT, replace="boat\nship")
    texts, _ = made(found, AxisSpec(STEPS, text="1,2"), seeds="one")
    assert len({*texts}) == 2
