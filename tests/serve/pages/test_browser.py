"""The pages in a browser: by keyboard, followed without a reload, on a phone, for all people; reports reach nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.looks.looker import Looker
from serve.settings import Settings
from serve.store.auth import create_key
from serve.store.database import Database
from tests.pii.test_report import CHROMIUM
from tests.serve.fakes import PromptRunner
from tests.serve.servers import running

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
expect = playwright.expect
Axe = axe.Axe

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine")]

PHONE = {"width": 390, "height": 844}
WIDE = "name,a_rather_long_name_of_a_column_without_a_space,note\n" + "\n".join(
    f"Ann Lee,{number % 3},Ann Lee came on a Monday and Bob Ray on day {number}" for number in range(30)
)
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
def address(settings: Settings, cluster: ReachingRunner, looker: Looker) -> Iterator[str]:
    with running(settings, cluster, looker) as url:
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
    look_at(page, source)
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Start the job").click()
    page.wait_for_url(re.compile(r"/jobs/job-"))


def look_at(page: Any, source: str) -> None:
    """Choose a table and look at it."""
    page.get_by_label("or a data set that is there already").fill(source)
    page.get_by_role("button", name="Look at the table").click()
    expect(page.get_by_role("heading", name="First rows")).to_be_visible(timeout=60_000)


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
    tab_to(page, "Look at the table")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="First rows")).to_be_visible(timeout=60_000)
    tab_to(page, "Preview the replacement")
    page.keyboard.press("Enter")
    expect(page.locator("#preview")).to_contain_text("the header names AGE", timeout=60_000)
    tab_to(page, "Synthetic rows")
    page.keyboard.type("2")
    tab_to(page, "Off")
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("radio", name="Balanced, epsilon 8").is_checked()
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
    questions: list[str] = []

    def answer(dialog: Any) -> None:
        questions.append(dialog.message)
        dialog.dismiss() if len(questions) % 2 else dialog.accept()

    page.on("dialog", answer)
    cancel = page.get_by_role("button", name="Cancel the job")
    cancel.click()
    cancel.click()
    expect(page.locator("#progress .status")).to_have_text("cancelled", timeout=15_000)
    delete = page.get_by_role("button", name="Delete the job")
    expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)
    delete.click()
    assert page.get_by_role("heading", level=1).inner_text() == "held"
    delete.click()
    page.wait_for_url(re.compile(r"/$"))
    assert len(questions) == 4
    assert "is lost" in questions[0]
    assert "cannot be undone" in questions[2]
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
    look_at(page, table)
    page.get_by_label("Synthetic rows", exact=True).fill("many")
    page.get_by_text("Advanced settings (YAML)").click()
    page.get_by_label("All parameters of ss-ray config").fill("evaluation:\n  target: <b>age</b>")
    page.get_by_role("button", name="Start the job").click()
    expect(page.get_by_role("alert")).to_contain_text("Synthetic rows: ")
    expect(page.get_by_label("Synthetic rows", exact=True)).to_have_value("many")
    expect(page.get_by_label("All parameters of ss-ray config")).to_have_value("evaluation:\n  target: <b>age</b>")
    open_page.complaints.clear()  # type: ignore[attr-defined]  # the browser's own word on the 422


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desk"])
def test_no_page_scrolls_sideways_and_each_is_open_to_all(
    open_page: Callable[..., Any], table: str, viewport: dict[str, int], scheme: str, tmp_path: Path
):
    page = open_page("/jobs/new", viewport=viewport, color_scheme=scheme)
    Path(table).write_text(WIDE)
    start(page, table, Name="a_rather_long_name_of_a_job_" * 4)
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=20_000)
    finished = page.url
    job = finished.rpartition("/")[2]
    again = create_second(page, table)
    looked = f"/jobs/new?source={table}"
    paths = (
        "/",
        "/jobs/new",
        looked,
        "/data-sets",
        "/budgets",
        f"/compare?job={job}&job={again}",
        "/sign-in",
        finished,
    )
    for number, path in enumerate((*paths, "/jobs/none")):
        page.goto(path)
        if path == looked:
            page.get_by_role("button", name="Preview the replacement").click()
            expect(page.get_by_role("heading", name="Preview of the replacement")).to_be_visible(timeout=60_000)
        page.screenshot(path=tmp_path / f"{viewport['width']}-{scheme}-{number}.png", full_page=True)
        assert not scrolls_sideways(page), path
        red, green, blue = map(
            int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
        )
        assert (red + green + blue < 200) == (scheme == "dark")
        assert list_barriers(page) == [], path
    open_page.complaints.clear()  # type: ignore[attr-defined]  # of the report, and of the page that is not there


def create_second(page: Any, source: str) -> str:
    """Another finished job; its id."""
    start(page, source)
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=20_000)
    return str(page.url.rpartition("/")[2])


def list_barriers(page: Any) -> list[str]:
    """Serious faults that axe finds in a page, its report aside."""
    found = Axe().run(page, options={"iframes": False, "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]}"
        for fault in found.response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


def test_jobs_are_searched_compared_and_run_again(open_page: Callable[..., Any], table: str):
    page = open_page("/")
    start(page, table, Name="first", **{"Synthetic rows": "7"})
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="Run again with changes").click()
    expect(page.get_by_label("Synthetic rows", exact=True)).to_have_value("7", timeout=60_000)
    page.get_by_label("Synthetic rows", exact=True).fill("9")
    page.get_by_label("Name", exact=True).fill("second")
    page.get_by_role("button", name="Start the job").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=20_000)

    page.goto("/")
    page.get_by_label("Compare first").check()
    page.get_by_label("Compare second").check()
    with page.expect_response("**/ui/jobs*"):
        pass
    page.get_by_role("button", name="Compare the chosen jobs").click()
    expect(page.get_by_role("row", name="generation.num_records")).to_contain_text("9")
    page.goto("/")
    page.get_by_label("Name contains").fill("sec")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("td.name")).to_have_text(["second"])
    open_page.complaints.clear()  # type: ignore[attr-defined]  # of the reports


def test_the_log_stays_open_and_the_estimate_follows_the_form(open_page: Callable[..., Any], settings: Settings):
    page = open_page("/jobs/new")
    look_at(page, held(settings))
    before = page.locator("#estimate").inner_text()
    page.get_by_label("Synthetic rows", exact=True).fill("9000000")
    page.get_by_label("Name", exact=True).fill("held")
    expect(page.locator("#estimate")).not_to_have_text(before)
    page.get_by_role("button", name="Start the job").click()
    page.wait_for_url(re.compile(r"/jobs/job-"))
    expect(page.locator(".total")).to_contain_text("hours")
    page.locator("#log summary").click()
    expect(page.locator(".log")).to_contain_text("train: starts", timeout=15_000)
    expect(page.locator(".log")).to_be_visible()


def test_a_key_signs_in_where_the_browser_trusts_the_host_no_more_than_others(
    browser: Any, settings: Settings, looker: Looker
):
    guarded = Settings.model_validate(settings.model_dump() | {"auth": {"api_keys": True}})
    with running(guarded, PromptRunner(), looker) as url:
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
