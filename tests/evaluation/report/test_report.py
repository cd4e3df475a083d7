import base64
import gzip
import re
import subprocess
from dataclasses import replace

import pandas as pd
import pytest

from ss_ray.evaluation.evaluate import evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import measured, unavailable
from ss_ray.evaluation.report.page import duration, number, percent
from ss_ray.evaluation.report.readers import PiiRow
from ss_ray.evaluation.report.report import ReportContext, render_report
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema
from tests.pii.test_report import CHROMIUM

CONTEXT = ReportContext(
    title="Table <1>",
    run="run 1",
    created_at="2026-11-21 20:00 UTC",
    model="compact",
    counts={"Training rows": 1200},
    pii=(PiiRow(column="e<mail", entity_type="EMAIL_ADDRESS", replaced=1234),),
    notes=("five epochs & no more",),
    stage_seconds={"train": 134.0},
    privacy_statement="No formal guarantee was asked for.",
)


def page_without_plotly(html):
    """The page less the library, which is packed."""
    start = html.index('<script type="application/gzip"')
    return html[:start] + html[html.index("</script>", start) :]


@pytest.fixture(scope="module")
def page(evaluation, train, fresh, schema):
    return render_report(evaluation, train.head(200).assign(city="</script><u>"), fresh.head(200), schema, CONTEXT)


def test_the_page_says_that_it_is_internal(page):
    assert "<title>INTERNAL: computed on real data" in page


def test_the_library_is_inside_once_and_nothing_is_loaded(page):
    start = page.index('id="plotly">') + len('id="plotly">')
    library = gzip.decompress(base64.b64decode(page[start : page.index("</script>", start)])).decode()
    assert "plotly.js v" in library[:200]
    assert page.count("application/gzip") == 2
    rest = page_without_plotly(page)
    assert "http://" not in rest
    assert "https://" not in rest
    assert len(page) < 5e6


def test_the_sections_that_the_page_links_to_are_there(page):
    links = re.findall(r'<a href="#([a-z-]+)">', page)
    assert len(links) > 8
    assert all(f'id="{link}"' in page for link in links)


def test_names_and_values_of_the_table_are_escaped(page):
    rest = page_without_plotly(page)
    assert "&lt;b&gt;x&lt;/b&gt;" in rest
    assert "<b>x</b>" not in rest
    assert "</script><u>" not in rest
    assert "Table &lt;1&gt;" in rest
    assert "e&lt;mail" in rest


def test_every_part_is_on_the_page(page):
    for text in (
        "Privacy verdict",
        "No formal guarantee was asked for.",
        "EMAIL_ADDRESS",
        "e-mail address",
        "For a manager",
        "For a privacy officer",
        "For a statistician",
        "Thresholds behind these verdicts",
        "Ten rows of the synthetic table",
        "Jensen-Shannon distance</b>",
        "1,234",
        "Five epochs &amp; no more.",
        "2 min 14 s",
        "not scored, because identifiers are made afresh",
        "What these numbers do not show",
    ):
        assert text in page


def test_a_table_with_many_columns_shows_the_first_ones():
    frame = pd.DataFrame({f"n{i}": [float((i + j) % 7) for j in range(30)] for i in range(30)})
    schema = make_schema(**dict.fromkeys(frame.columns, Kind.FLOAT))
    html = render_report(
        evaluate(EvaluationTables(frame, None, frame.head(19), schema), target=None), frame, frame, schema, CONTEXT
    )
    assert html.count('class="plot" id="column-') == 24
    assert "The first 24 of 30 scored columns are plotted." in html


def test_a_table_without_anything_to_plot_has_a_page():
    frame = pd.DataFrame({"i": ["a", "b"]})
    schema = make_schema(i=Kind.IDENTIFIER)
    evaluation = evaluate(EvaluationTables(frame, None, frame.head(0), schema), target=None)
    html = render_report(evaluation, frame, frame.head(0), schema, CONTEXT)
    assert "Not available" in html


def test_numbers_are_spelled_for_people():
    assert number(measured(0.5, 9, std_error=0.01)) == "0.500\u00a0±\u00a00.020"
    assert number(unavailable("x")) == "–"
    assert percent(measured(0.123, 9)) == "12.3%"
    assert [duration(s) for s in (4.23, 200, 3900)] == ["4.2 s", "3 min 20 s", "1 h 5 min"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine")
def test_a_browser_unpacks_the_library_and_draws_every_plot(page, tmp_path):
    (tmp_path / "report.html").write_text(page)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom")
    command = [CHROMIUM, *options, (tmp_path / "report.html").as_uri()]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert '<html lang="en" data-drawn="yes">' in drawn
    plots = re.findall(r'class="(?:plot|heat)[^"]*" id="[a-z0-9-]+"', page)
    assert drawn.count('class="plot-container plotly"') == len(plots) > 5


def page_with(evaluation, train, fresh, schema, auc):
    fidelity = replace(evaluation.fidelity, discriminator=measured(auc, 200), discriminator_baseline=measured(0.5, 200))
    return render_report(replace(evaluation, fidelity=fidelity), train.head(200), fresh.head(200), schema, CONTEXT)


@pytest.mark.parametrize(("auc", "place"), [(0.45, 8.3), (0.5, 16.7), (1.0, 100.0), (0.2, 20.0)])
def test_the_discriminator_is_drawn_where_its_number_is(evaluation, train, fresh, schema, auc, place):
    html = page_with(evaluation, train, fresh, schema, auc)
    drawn = re.search(r'title="synthetic against real" style="left: ([0-9.]+)%', html)
    assert float(drawn[1]) == pytest.approx(place, abs=0.1)
    assert ("what is below it is chance" in html) == (auc < 0.5)


def test_few_unseen_rows_are_called_few(train, holdout, fresh, schema):
    found = evaluate(EvaluationTables(train.head(200), holdout.head(40), fresh.head(200), schema), target="class")
    html = render_report(found, train.head(200), fresh.head(200), schema, CONTEXT)
    assert "The few unseen real rows (40) score" in html
    assert "there are 40 unseen rows, so every number of them is rough" in html
