import base64
import gzip
import json

import pandas as pd
import pytest

from ss_ray.evaluation.report.public_report import render_public_report
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema
from tests.privacy.test_certificate import certify, make_plan


@pytest.fixture(scope="module")
def page(fresh, schema):
    plan = make_plan()
    certificate = certify(plan, plan.charge(plan.num_steps))
    return render_public_report(certificate, fresh.head(200), schema, num_rows=5000, title="visits <b>")


def test_the_page_shows_the_certificate_and_the_table_and_is_not_internal(page):
    assert "5,000" in page
    assert "nothing was computed on the real rows" in page
    assert "INTERNAL" not in page
    assert "This page is not covered" not in page
    assert "visits &lt;b&gt;" in page


def test_every_figure_is_of_synthetic_rows_alone(page):
    start = page.index('id="figures">') + len('id="figures">')
    figures = json.loads(page[start : page.index("</script>", start)])
    assert figures
    assert {trace["meta"] for figure in figures.values() for trace in figure["data"]} == {"synthetic"}
    assert "http" not in page


def test_pairs_and_quantiles_are_of_synthetic_rows_alone(page):
    start = page.index('id="pair-counts">') + len('id="pair-counts">')
    packed = base64.b64decode(page[start : page.index("</script>", start)])
    assert set(json.loads(gzip.decompress(packed))["counts"]) == {"synthetic"}
    assert "<td>synthetic</td>" in page
    assert "<td>real</td>" not in page


def test_a_table_with_one_column_has_a_page(schema):
    plan = make_plan()
    certificate = certify(plan, plan.charge(plan.num_steps))
    html = render_public_report(
        certificate, pd.DataFrame({"n": [1.0, 2.0]}), make_schema(n=Kind.FLOAT), num_rows=2, title="one"
    )
    assert 'id="pair-x"' not in html
