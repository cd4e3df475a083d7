"""The report in a browser: explanations without a mouse, pairs on demand, files, tables, a phone, no script."""

import csv
from pathlib import Path

import pytest

from ss_ray.evaluation.report.public_report import render_public_report
from ss_ray.evaluation.report.report import render_report
from tests.evaluation.report.test_report import CONTEXT
from tests.pii.test_report import CHROMIUM
from tests.privacy.test_certificate import certify, make_plan

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine")]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(evaluation, train, fresh, schema, tmp_path_factory) -> dict[str, Path]:
    """The internal page and the public one, of a table with a long name, a formula and long texts."""
    folder = tmp_path_factory.mktemp("reports")
    plan = make_plan()
    certificate = certify(plan, plan.charge(plan.num_steps))
    made = fresh.head(200).assign(city="=1+1", remark="word" * 200)
    pages = {
        "internal": render_report(evaluation, train.head(200), made, schema, CONTEXT),
        "public": render_public_report(certificate, made, schema, num_rows=200, title="a/very/long/path/" * 20),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture
def page(browser, files):
    opened = open_drawn(browser, files["internal"])
    yield opened
    opened.context.close()


def open_drawn(browser, file, **options):
    opened = browser.new_context(**options).new_page()
    opened.goto(file.as_uri())
    opened.locator("html[data-drawn=yes]").wait_for(state="attached")
    return opened


def downloaded(page, name):
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(download.value.path())


@pytest.mark.parametrize("name", ["internal", "public"])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(browser, files, name, mode):
    phone = open_drawn(browser, files[name], viewport={"width": 390, "height": 844}, color_scheme=mode, has_touch=True)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    term = phone.locator(".term").first
    term.tap()
    expect(term.locator(".tip")).to_be_visible()
    box = term.locator(".tip").bounding_box()
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    phone.context.close()


def test_an_explanation_is_reached_by_keyboard_and_left_by_escape(page):
    term = page.locator(".term").first
    expect(term.locator(".tip")).to_be_hidden()
    term.focus()
    expect(term.locator(".tip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(term.locator(".tip")).to_be_hidden()


def test_two_columns_are_drawn_on_demand(page):
    page.locator("#pair-x").select_option(label="income")
    page.locator("#pair-y").select_option(label="class")
    rows = list(csv.reader(downloaded(page, "CSV of Real rows").read_text().splitlines()))
    assert [row[0] for row in rows[1:]] == ["low", "high"] or [row[0] for row in rows[1:]] == ["high", "low"]
    assert sum(float(cell) for row in rows[1:] for cell in row[1:]) == pytest.approx(100.0)


def test_every_figure_is_a_file(page):
    plots = page.locator(".plot, .heat").count()
    assert plots > 10
    assert page.get_by_role("button", name="PNG of").count() == plots
    assert downloaded(page, "PNG of age").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.reader(downloaded(page, "CSV of city").read_text().splitlines()))
    assert rows[0] == ["series", "x", "y"]
    assert "'=1+1" in {row[1] for row in rows}  # a spreadsheet would run the formula


def test_a_table_is_sorted_and_filtered(page):
    table = page.locator("table[data-name=columns]")
    table.get_by_role("button", name="Distinct real").click()
    counts = [int(text.replace(",", "")) for text in table.locator("tbody tr td:nth-child(5)").all_inner_texts()]
    assert counts == sorted(counts)
    table.get_by_role("button", name="Distinct real").click()
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.locator(".table-tools", has=page.get_by_role("button", name="CSV of the table columns")).locator("input").fill(
        "inco"
    )
    expect(table.locator("tbody tr:visible")).to_have_count(1)
    assert len(downloaded(page, "CSV of the table columns").read_text().splitlines()) == 2


def test_without_javascript_verdicts_rows_and_explanations_are_there(browser, files):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["internal"].as_uri())
    expect(page.get_by_text("For a manager")).to_be_visible()
    expect(page.locator("table.cells tr")).to_have_count(11)
    term = page.locator(".term").first
    term.focus()
    expect(term.locator(".tip")).to_be_visible()
    context.close()
