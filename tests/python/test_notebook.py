"""What a notebook shows, without a notebook: the HTML of tables, and that Jupyter is not imported."""

from __future__ import annotations

import sys

from ss_ray.progress import Progress
from ss_ray.python.notebook import ProgressTable, in_notebook


def test_each_stage_has_a_row_with_its_latest_reading() -> None:
    drawn: list[str] = []
    show = ProgressTable(drawn.append)
    show(Progress(stage="read", done=3, total=None))
    show(Progress(stage="train", done=1, total=9, unit="steps", note="loss < 2"))
    show(Progress(stage="train", done=9, total=9, unit="steps"))
    assert len(drawn) == 3
    assert "<tr><th>train</th><td>1/9 steps</td><td>loss &lt; 2</td></tr>" in drawn[1]
    assert drawn[2].count("<tr>") == 3
    assert "<td>3 rows</td>" in drawn[2]


def test_elsewhere_there_is_no_notebook_and_none_is_loaded() -> None:
    loaded = "IPython" in sys.modules
    assert not in_notebook()
    assert ("IPython" in sys.modules) == loaded
