"""The pages in a browser: by keyboard, followed without a reload, on a phone, with reports that reach nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.settings import Settings
from serve.store.auth import create_key
from serve.store.database import Database
from tests.pii.test_report import CHROMIUM
from tests.serve.fakes import PromptRunner
from tests.serve.servers import running

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine")]

PHONE = {"width": 390, "height": 844}
NAME = "ss-ray.test"
"""Resolved to this machine by the browser, which trusts it as little as any host that is asked without HTTPS."""
REACHING = """<!DOCTYPE html><h1>Report of José</h1><p id="reached">nothing</p><script>
const reached = [];
try { parent.document.title; reached.push("page"); } catch {}
try { parent.location.href = "https://evil.example/"; } catch {}
try { localStorage.length; reached.push("storage"); } catch {}
fetch("/v1beta1/safe-synthesizer/jobs").then((answer) => answer.ok && reached.push("api")).catch(() => {})
  .finally(() => { document.getElementById("reached").textContent = "reached: " + reached.join(", ") + "."; });
</script>"""


class ReachingRunner(PromptRunner):
    """Its reports try to reach what is around them."""

    def finishes(self, submission_id: str, rows: int = 2) -> None:
        super().finishes(submission_id, rows)
        Path(self.options(submission_id)["out"], "internal/report.html").write_text(REACHING)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def cluster() -> ReachingRunner:
    """Jobs are done after a few rounds; one named "hold", or that reads such a file, waits for the test to end it."""
    return ReachingRunner()


@pytest.fixture
def address(settings: Settings, cluster: ReachingRunner) -> Iterator[str]:
    with running(settings, cluster) as url:
        yield url


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """`open_page("/jobs/new", viewport=PHONE)`; what a page complains of is an error."""
    contexts, complaints = [], []

    def open_it(path: str, **options: Any) -> Any:
        context = browser.new_context(base_url=address, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    open_it.complaints = complaints  # type: ignore[attr-defined]
    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def start(page: Any, source: str, **fields: str) -> None:
    """Fill in the form and send it."""
    page.goto("/jobs/new")
    page.get_by_label("or a data set that is there already").fill(source)
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Start the job").click()
    page.wait_for_url(re.compile(r"/jobs/job-"))


def tab_to(page: Any, name: str, most: int = 40) -> None:
    """Press Tab until something of that name has the focus, and is seen to have it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText || ''").startswith(
            name
        ):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def scrolls_sideways(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def held(settings: Settings) -> str:
    """A table whose job stays where it is."""
    file = Path(settings.data_sources[0]) / "hold.csv"
    file.write_text("a\n1\n")
    return str(file)


def test_a_job_is_started_by_keyboard_and_followed_to_its_report(
    open_page: Callable[..., Any], cluster: ReachingRunner, tmp_path: Path
):
    file = tmp_path / "hold.csv"
    file.write_text("name,age\nAnn,1\n")
    page = open_page("/")
    page.on("filechooser", lambda chooser: None)  # the driver takes choosers from here on, not just when one is due
    tab_to(page, "Skip to the content")
    tab_to(page, "New job")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/new")
    tab_to(page, "Upload a file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(file)
    tab_to(page, "Differential privacy")
    page.keyboard.press("Space")
    tab_to(page, "Synthetic rows")
    page.keyboard.type("2")
    tab_to(page, "Name")
    page.keyboard.type("by keyboard, hold")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/jobs/job-"))
    page.evaluate("window.loaded = 'once'")
    expect(page.locator("#progress .status")).to_have_text("active", timeout=15_000)
    assert page.evaluate("window.loaded") == "once"  # the page changed, and was not loaded again
    (submission,) = cluster.known
    cluster.finishes(submission)
    cluster.says(submission, "SUCCEEDED")
    expect(page.locator("#progress .status")).to_have_text("completed", timeout=15_000)
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    report = page.frame_locator("iframe[title=Report]")
    expect(report.get_by_role("heading")).to_have_text("Report of José")
    expect(report.locator("#reached")).to_have_text("reached: .")
    assert "/jobs/job-" in page.url
    complaints = open_page.complaints  # type: ignore[attr-defined]
    assert all(re.search("Content Security Policy|sandboxed|origin", complaint) for complaint in complaints)
    complaints.clear()


def test_results_are_downloaded_under_their_names(open_page: Callable[..., Any], table: str):
    page = open_page("/")
    start(page, table)
    with page.expect_download(timeout=20_000) as download:
        page.get_by_role("link", name="synthetic_data.csv").click(timeout=20_000)
    assert download.value.suggested_filename == "synthetic_data.csv"
    assert Path(download.value.path()).read_text().startswith("name,age")
    open_page.complaints.clear()  # type: ignore[attr-defined]  # of the report


def test_a_job_is_cancelled_and_deleted_after_a_question(open_page: Callable[..., Any], settings: Settings):
    page = open_page("/")
    start(page, held(settings), Name="held")
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator("#progress .status")).to_have_text("cancelled", timeout=15_000)
    questions: list[str] = []

    def answer(dialog: Any) -> None:
        questions.append(dialog.message)
        dialog.accept() if len(questions) > 1 else dialog.dismiss()

    page.on("dialog", answer)
    delete = page.get_by_role("button", name="Delete the job")
    expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)
    delete.click()
    assert page.get_by_role("heading", level=1).inner_text() == "held"
    delete.click()
    page.wait_for_url(re.compile(r"/$"))
    assert len(questions) == 2
    assert "cannot be undone" in questions[0]
    expect(page.get_by_role("link", name="held")).to_have_count(0)


def test_the_list_follows_its_jobs_and_keeps_the_focus(open_page: Callable[..., Any], settings: Settings):
    page = open_page("/")
    start(page, held(settings), Name="held")
    page.goto("/")
    page.get_by_role("link", name="held").focus()
    expect(page.locator("td .status")).to_have_text("active", timeout=15_000)
    page.wait_for_timeout(2500)
    assert page.evaluate("document.activeElement.innerText") == "held"


def test_what_was_typed_is_still_there_when_it_is_wrong(open_page: Callable[..., Any], table: str):
    page = open_page("/jobs/new")
    page.get_by_label("or a data set that is there already").fill(table)
    page.get_by_label("Synthetic rows", exact=True).fill("many")
    page.get_by_text("Advanced settings (YAML)").click()
    page.get_by_label("All parameters of ss-ray config").fill("evaluation:\n  target: <b>age</b>")
    page.get_by_role("button", name="Start the job").click()
    expect(page.get_by_role("alert")).to_contain_text("num_records")
    expect(page.get_by_label("Synthetic rows", exact=True)).to_have_value("many")
    expect(page.get_by_label("All parameters of ss-ray config")).to_have_value("evaluation:\n  target: <b>age</b>")
    open_page.complaints.clear()  # type: ignore[attr-defined]  # the browser's own word on the 422


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desk"])
def test_no_page_scrolls_sideways_and_each_has_its_colours(
    open_page: Callable[..., Any], table: str, viewport: dict[str, int], scheme: str, tmp_path: Path
):
    page = open_page("/jobs/new", viewport=viewport, color_scheme=scheme)
    start(page, table, Name="a_rather_long_name_of_a_job_" * 4)
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=20_000)
    finished = page.url
    for number, path in enumerate(("/", "/jobs/new", "/budgets", "/sign-in", finished, "/jobs/none")):
        page.goto(path)
        page.screenshot(path=tmp_path / f"{viewport['width']}-{scheme}-{number}.png", full_page=True)
        assert not scrolls_sideways(page), path
        red, green, blue = map(
            int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
        )
        assert (red + green + blue < 200) == (scheme == "dark")
    open_page.complaints.clear()  # type: ignore[attr-defined]  # of the report, and of the page that is not there


def test_a_key_signs_in_where_the_browser_trusts_the_host_no_more_than_others(browser: Any, settings: Settings):
    guarded = Settings.model_validate(settings.model_dump() | {"auth": {"api_keys": True}})
    with running(guarded, PromptRunner()) as url:
        page = browser.new_context(base_url=url.replace("127.0.0.1", NAME)).new_page()
        page.goto("/")
        page.get_by_label("API key").fill(create_key(Database(guarded.database), "ann", {"*": "admin"}))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
        start(page, held(settings), Name="held")
        page.get_by_role("button", name="Sign out").click()
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.context.close()
