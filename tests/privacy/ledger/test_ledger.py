"""The ledger on SQLite and PostgreSQL: budgets, reservations, charges, and processes that race or are killed."""

from __future__ import annotations

import math
import os
import pickle
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.errors import ConfigError, PrivacyError, ResourceError, SsRayError
from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.database import LedgerDatabase, ledger_url, shown
from ss_ray.privacy.ledger.ledger import NOISE_LIMITS, Ledger, SpendingLedger
from ss_ray.privacy.ledger.tables import METADATA
from tests.cli.test_main import outcome
from tests.examples import examples
from tests.postgres import running_postgres
from tests.test_layers import loaded_by

pytestmark = pytest.mark.slow

STEP = Charge(mechanism="dp-sgd", noise_multiplier=4.0)
COUNTING = Charge(mechanism="schema: counts", noise_multiplier=20.0)
DELTA = 1e-5
NUM_PROCESSES = 4
DATASETS = [f"data {number:02}" for number in range(20)]
PROCESSES = get_context("forkserver")  # forked from a process without threads
PROCESSES.set_forkserver_preload([__name__])


def steps(count: int) -> Charge:
    return replace(STEP, count=count)


def fitting(count: int) -> float:
    """Epsilon that pays for this many steps and no more."""
    return (epsilon_of([steps(count)], DELTA, "rdp") + epsilon_of([steps(count + 1)], DELTA, "rdp")) / 2


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of the tests' own."""
    with running_postgres("ledger") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty ledger's database, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.sqlite"
        return
    server = request.getfixturevalue("postgres")
    yield server
    engine = sa.create_engine(ledger_url(server), poolclass=sa.NullPool)
    METADATA.drop_all(engine)


@pytest.fixture
def ledger(url: str) -> Ledger:
    """An empty ledger."""
    return Ledger(url)


def opened(ledger: Ledger, job: str = "first", dataset: str = "adult", unit: str = "row", delta: float = DELTA) -> str:
    ledger.open_job(job, dataset, unit, delta)
    return job


def rows(url: str, table: str) -> list[sa.Row]:
    with sa.create_engine(ledger_url(url), poolclass=sa.NullPool).connect() as db:
        return list(db.execute(sa.select(METADATA.tables[table])))


def test_a_job_reserves_charges_and_closes(ledger: SpendingLedger):
    ledger.open_job("first", "adult", "row", DELTA)
    ledger.reserve("first", [steps(10), COUNTING])
    assert [ledger.charge("first", STEP), ledger.charge("first", steps(3)), ledger.charge("first", COUNTING)] == [
        1,
        4,
        1,
    ]
    ledger.close_job("first")
    assert set(ledger.spent("first")) == {steps(4), COUNTING}


def test_another_ledger_on_the_same_database_knows_what_was_spent(ledger: Ledger, url: str):
    ledger.reserve(opened(ledger), [steps(10)])
    ledger.charge("first", steps(3))
    again = Ledger(url)
    assert again.spent("first") == (steps(3),)
    assert again.charge("first", STEP) == 4


def test_nothing_is_charged_beyond_the_reservation(ledger: Ledger):
    ledger.reserve(opened(ledger), [steps(3)])
    ledger.charge("first", steps(2))
    with pytest.raises(PrivacyError, match="reserved 1 more uses of 'dp-sgd'"):
        ledger.charge("first", steps(2))
    assert ledger.spent("first") == (steps(2),)
    assert ledger.charge("first", STEP) == 3


@pytest.mark.parametrize("call", [Ledger.reserve, Ledger.charge])
def test_an_unknown_and_a_closed_job_are_refused(ledger: Ledger, call: Callable[..., object]):
    argument = [STEP] if call is Ledger.reserve else STEP
    with pytest.raises(PrivacyError, match="knows no job 'first'"):
        call(ledger, "first", argument)
    ledger.reserve(opened(ledger), [STEP])
    ledger.close_job("first")
    with pytest.raises(PrivacyError, match="job 'first' is closed"):
        call(ledger, "first", argument)
    assert ledger.spent("first") == ()


def test_what_an_unknown_job_spent_is_an_error_and_not_zero(ledger: Ledger):
    for call in (ledger.spent, ledger.close_job):
        with pytest.raises(PrivacyError, match="knows no job"):
            call("first")


def test_a_reservation_that_passes_the_budget_is_refused_and_the_earlier_one_stays(ledger: Ledger):
    ledger.set_budget("adult", "row", epsilon=fitting(10), delta=DELTA)
    ledger.reserve(opened(ledger), [steps(10)])
    with pytest.raises(PrivacyError, match="'adult' per row"):
        ledger.reserve("first", [steps(11)])
    assert ledger.charge("first", steps(10)) == 10


def test_jobs_share_a_budget_until_closing_gives_back_what_was_not_spent(ledger: Ledger):
    ledger.set_budget("adult", "row", epsilon=fitting(10), delta=DELTA)
    ledger.reserve(opened(ledger), [steps(8)])
    ledger.charge("first", steps(3))
    opened(ledger, "second")
    with pytest.raises(PrivacyError):
        ledger.reserve("second", [steps(3)])
    ledger.close_job("first")
    ledger.close_job("first")
    with pytest.raises(PrivacyError):
        ledger.reserve("second", [steps(8)])
    ledger.reserve("second", [steps(7)])
    assert ledger.spent("first") == (steps(3),)


def test_a_resumed_job_reserves_on_top_of_what_it_has_spent(ledger: Ledger):
    ledger.set_budget("adult", "row", epsilon=fitting(10), delta=DELTA)
    ledger.reserve(opened(ledger), [steps(8)])
    ledger.charge("first", steps(4))
    ledger.close_job("first")
    opened(ledger)
    with pytest.raises(PrivacyError):
        ledger.reserve("first", [steps(7)])
    ledger.reserve("first", [steps(6)])
    assert ledger.charge("first", steps(6)) == 10


@pytest.mark.parametrize("other", [("other", "row"), ("adult", "rows of customer")])
def test_each_data_set_and_privacy_unit_has_a_budget_of_its_own(ledger: Ledger, other: tuple[str, str]):
    ledger.set_budget("adult", "row", epsilon=fitting(10), delta=DELTA)
    ledger.set_budget(*other, epsilon=fitting(1000), delta=DELTA)
    ledger.reserve(opened(ledger), [steps(10)])
    ledger.reserve(opened(ledger, "second", *other), [steps(1000)])
    assert ledger.balance(*other).epsilon == fitting(1000)


@pytest.mark.parametrize("other", [("other", "row", DELTA), ("adult", "id", DELTA)])
def test_a_known_job_is_not_opened_with_other_values(ledger: Ledger, other: tuple[str, str, float]):
    opened(ledger)
    opened(ledger)
    with pytest.raises(PrivacyError, match="knows job 'first' on data set 'adult' per row"):
        ledger.open_job("first", *other)
    assert [balance.dataset for balance in ledger.balances()] == ["adult"]


def test_thresholds_that_use_up_delta_are_refused(ledger: Ledger):
    threshold = replace(COUNTING, delta=DELTA / 3)
    ledger.set_budget("adult", "row", epsilon=100, delta=DELTA)
    with pytest.raises(PrivacyError, match="to inf"):
        ledger.reserve(opened(ledger), [replace(threshold, count=3)])
    ledger.reserve("first", [replace(threshold, count=2)])
    with pytest.raises(PrivacyError, match="to inf"):
        ledger.reserve(opened(ledger, "second"), [threshold])


def test_without_a_budget_everything_is_accepted_and_shown_for_the_smallest_delta(ledger: Ledger):
    ledger.reserve(opened(ledger), [steps(10**6)])
    ledger.reserve(opened(ledger, "second", delta=DELTA / 10), [steps(10**6)])
    ledger.charge("second", steps(1000))
    balance = ledger.balance("adult", "row")
    assert (balance.epsilon, balance.delta) == (None, DELTA / 10)
    assert balance.epsilon_spent == epsilon_of([steps(1000)], DELTA / 10, "rdp")


def test_a_budget_below_what_is_spent_refuses_everything_further(ledger: Ledger):
    ledger.reserve(opened(ledger), [steps(10)])
    ledger.charge("first", steps(10))
    ledger.set_budget("adult", "row", epsilon=fitting(5), delta=DELTA)
    with pytest.raises(PrivacyError):
        ledger.reserve("first", [STEP])
    with pytest.raises(PrivacyError):
        ledger.reserve(opened(ledger, "second"), [STEP])
    ledger.reserve("second", [])
    ledger.set_budget("adult", "row", epsilon=fitting(11), delta=DELTA)
    ledger.reserve("second", [STEP])


def test_the_balance_composes_all_jobs(ledger: Ledger):
    ledger.set_budget("adult", "row", epsilon=50, delta=DELTA)
    ledger.reserve(opened(ledger), [steps(10), COUNTING])
    ledger.reserve(opened(ledger, "second"), [steps(5)])
    ledger.charge("first", steps(4))
    ledger.charge("second", steps(5))
    ledger.close_job("second")
    balance = ledger.balance("adult", "row")
    assert balance.epsilon_spent == epsilon_of([steps(9)], DELTA, "rdp")
    assert balance.epsilon_reserved == pytest.approx(epsilon_of([steps(15), COUNTING], DELTA, "rdp"), rel=1e-12)
    assert [(entry.job, entry.closed, entry.charges) for entry in balance.jobs] == [
        ("first", False, (steps(4),)),
        ("second", True, (steps(5),)),
    ]
    assert set(balance.jobs[0].reserved) == {steps(6), COUNTING}
    assert balance.jobs[0].dated_charges[0].last_at >= balance.jobs[0].opened_at
    assert ledger.balances() == (balance,)


def test_a_data_set_nobody_used_has_an_empty_balance(ledger: Ledger):
    balance = ledger.balance("adult", "row")
    assert (balance.epsilon, balance.delta, balance.epsilon_reserved, balance.jobs) == (None, None, 0.0, ())
    assert ledger.balances() == ()


@pytest.mark.parametrize(
    "other",
    [
        {"noise_multiplier": math.nextafter(4.0, 5)},
        {"sample_rate": math.nextafter(1.0, 0)},
        {"delta": 5e-324},
        {"mechanism": "dp-sgd "},
    ],
)
def test_a_mechanism_that_differs_in_the_last_bit_is_another_one(ledger: Ledger, other: dict[str, object]):
    ledger.reserve(opened(ledger), [STEP])
    with pytest.raises(PrivacyError, match="reserved 0 more"):
        ledger.charge("first", replace(STEP, **other))
    ledger.reserve("first", [STEP, replace(STEP, **other)])
    assert ledger.charge("first", replace(STEP, **other)) == 1
    assert ledger.charge("first", STEP) == 1


def test_numbers_come_back_with_the_same_bits(ledger: Ledger):
    opened(ledger)
    noise = st.floats(*NOISE_LIMITS)
    rate = st.floats(min_value=0, max_value=1, exclude_min=True)
    delta = st.floats(min_value=0, max_value=1, exclude_max=True)

    @examples(25)
    @given(noise, rate, delta)
    def check(noise_multiplier: float, sample_rate: float, delta: float) -> None:
        charge = Charge(
            mechanism="any", noise_multiplier=noise_multiplier, sample_rate=sample_rate, count=1, delta=delta
        )
        ledger.reserve("first", [charge])
        assert ledger.charge("first", charge) >= 1
        assert charge in {replace(spent, count=1) for spent in ledger.spent("first")}

    check()


@pytest.mark.parametrize(
    "broken",
    [
        {"count": -1},
        {"count": 0.5},
        {"count": 10**10},
        {"noise_multiplier": 0.0},
        {"noise_multiplier": -4.0},
        {"noise_multiplier": 1e7},
        {"noise_multiplier": math.nan},
        {"noise_multiplier": math.inf},
        {"sample_rate": 0.0},
        {"sample_rate": 1.5},
        {"delta": -1e-9},
        {"delta": 1.0},
        {"delta": math.nan},
    ],
)
def test_what_is_no_charge_is_refused(tmp_path: Path, broken: dict[str, float]):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.reserve(opened(ledger), [steps(5)])
    for call in (ledger.charge, lambda job, charge: ledger.reserve(job, [charge])):
        with pytest.raises(PrivacyError, match="not a charge"):
            call("first", replace(STEP, **broken))
    assert ledger.charge("first", steps(5)) == 5


@pytest.mark.parametrize(("epsilon", "delta"), [(0, DELTA), (math.inf, DELTA), (math.nan, DELTA), (1, 0), (1, 1)])
def test_a_budget_out_of_range_is_refused(tmp_path: Path, epsilon: float, delta: float):
    with pytest.raises(ConfigError, match="a budget needs"):
        Ledger(f"sqlite:///{tmp_path}/ledger.sqlite").set_budget("adult", "row", epsilon=epsilon, delta=delta)


def test_a_thousand_steps_leave_one_row_and_no_event_each(ledger: Ledger, url: str):
    ledger.set_budget("adult", "row", epsilon=1000, delta=DELTA)
    ledger.reserve(opened(ledger), [steps(20)])
    for _ in range(15):
        ledger.charge("first", STEP)
    ledger.close_job("first")
    (row,) = rows(url, "ledger_charges")
    assert (row.spent, row.reserved, row.first_at < row.last_at) == (15, 0, True)
    events = [(entry.event, entry.job, entry.mechanism, entry.uses) for entry in rows(url, "ledger_events")]
    assert events == [
        ("set-budget", None, None, None),
        ("open", "first", None, None),
        ("reserve", "first", "dp-sgd", 20),
        ("give-back", "first", "dp-sgd", 5),
    ]


@st.composite
def actions(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    kinds = st.sampled_from(["open", "reserve", "charge", "charge", "close"])
    return draw(
        st.lists(st.tuples(kinds, st.sampled_from(["a", "b", "c"]), st.integers(1, 8)), min_size=5, max_size=25)
    )


@examples(25)
@given(actions())
def test_whatever_jobs_do_the_budget_is_kept_and_every_accepted_charge_is_there(todo: list[tuple[str, str, int]]):
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{folder}/ledger.sqlite")
        ledger.set_budget("adult", "row", epsilon=fitting(12), delta=DELTA)
        accepted = dict.fromkeys("abc", 0)
        for kind, job, count in todo:
            try:
                if kind == "open":
                    opened(ledger, job)
                elif kind == "reserve":
                    ledger.reserve(job, [steps(count)])
                elif kind == "close":
                    ledger.close_job(job)
                else:
                    ledger.charge(job, steps(count))
                    accepted[job] += count
            except PrivacyError:
                pass  # a refusal changes nothing, which the figures below would show
            balance = ledger.balance("adult", "row")
            assert balance.epsilon_spent <= balance.epsilon_reserved <= fitting(12)
            assert balance.epsilon_spent == epsilon_of([steps(sum(accepted.values()))], DELTA, "rdp")


def at_once(work: Callable[..., int], url: str) -> list[int]:
    """What `work(url, job, barrier)` returned in each of several processes that began at the same time."""
    barrier, results = PROCESSES.Barrier(NUM_PROCESSES), PROCESSES.SimpleQueue()
    jobs = [f"job {n}" for n in range(NUM_PROCESSES)]
    processes = [PROCESSES.Process(target=begin, args=(work, url, job, barrier, results)) for job in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * NUM_PROCESSES
    return [results.get() for _ in processes]


def begin(work: Callable[..., int], url: str, job: str, barrier: Barrier, results: SimpleQueue[int]) -> None:
    barrier.wait(30)
    results.put(work(url, job, barrier))


def charge_in_rounds(url: str, job: str, _: Barrier) -> int:
    """Reserve and charge three steps again and again until the budget is used up; steps charged."""
    ledger = Ledger(url)
    ledger.open_job(job, "adult", "row", DELTA)
    charged = 0
    while True:
        try:
            ledger.reserve(job, [steps(3)])
        except PrivacyError:
            return charged
        for _ in range(3):
            ledger.charge(job, STEP)
            charged += 1


def test_processes_at_the_same_time_never_pass_the_budget(ledger: Ledger, url: str):
    ledger.set_budget("adult", "row", epsilon=fitting(41), delta=DELTA)
    charged = at_once(charge_in_rounds, url)
    assert 41 - 2 - 3 * (NUM_PROCESSES - 1) <= sum(charged) <= 41  # each may hold three when the last is refused
    balance = ledger.balance("adult", "row")
    assert sorted(charge.count for entry in balance.jobs for charge in entry.charges) == sorted(filter(None, charged))
    assert balance.epsilon_reserved <= fitting(41)


def reserve_what_fits_one(url: str, job: str, barrier: Barrier) -> int:
    """Reservations accepted, one tried on each data set."""
    ledger = Ledger(url)
    accepted = 0
    for dataset in DATASETS:
        ledger.open_job(f"{job} on {dataset}", dataset, "row", DELTA)
        barrier.wait(30)
        with suppress(PrivacyError):
            ledger.reserve(f"{job} on {dataset}", [steps(3)])
            accepted += 1
    return accepted


def test_of_jobs_that_reserve_the_last_of_a_budget_at_once_one_is_accepted(ledger: Ledger, url: str):
    for dataset in DATASETS:
        ledger.set_budget(dataset, "row", epsilon=fitting(5), delta=DELTA)
    assert sum(at_once(reserve_what_fits_one, url)) == len(DATASETS)
    assert [len([entry for entry in balance.jobs if entry.reserved]) for balance in ledger.balances()] == [1] * 20


def charge_all(url: str, _: str, barrier: Barrier) -> int:
    """Charge a job that other processes charge, until its reservation is used up; steps charged."""
    ledger = Ledger(url)
    for charged in count():
        try:
            ledger.charge("first", STEP)
        except PrivacyError:
            return charged
    raise AssertionError


def test_processes_of_one_job_share_its_reservation(ledger: Ledger, url: str):
    ledger.reserve(opened(ledger), [steps(100)])
    assert sum(at_once(charge_all, url)) == 100
    assert ledger.spent("first") == (steps(100),)


def open_own(url: str, job: str, _: Barrier) -> int:
    opened(Ledger(url), job)
    return 1


def test_processes_may_all_be_the_first(url: str):
    assert sum(at_once(open_own, url)) == len(Ledger(url).balance("adult", "row").jobs)


def execute_steps(url: str, executed: str) -> None:
    """Charge each step, then execute it: the noise is a byte that reaches the file at once."""
    ledger = Ledger(url)
    file = os.open(executed, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    while True:
        ledger.charge("first", STEP)
        os.write(file, b".")


def test_a_killed_process_has_never_executed_more_than_it_was_charged_for(ledger: Ledger, url: str, tmp_path: Path):
    ledger.reserve(opened(ledger), [steps(10**6)])
    executed = tmp_path / "executed"
    executed.touch()
    for attempt in range(1, 4):
        before = executed.stat().st_size
        process = PROCESSES.Process(target=execute_steps, args=(url, str(executed)))
        process.start()
        while executed.stat().st_size < before + 10 * attempt:
            assert process.is_alive()
            time.sleep(0.001)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        (spent,) = ledger.spent("first")
        assert executed.stat().st_size <= spent.count <= executed.stat().st_size + attempt


def test_file_and_folder_of_a_ledger_are_private(tmp_path: Path):
    Ledger(f"sqlite:///{tmp_path}/private/ledger.sqlite").balances()
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "private/ledger.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_home_folder_and_links_lead_to_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    expected = ledger_url(f"sqlite:///{tmp_path}/ledger.sqlite")
    assert ledger_url("sqlite:///~/ledger.sqlite") == expected
    assert ledger_url(f"sqlite:///{tmp_path}/link/ledger.sqlite") == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "absolute path"),
        ("sqlite:///:memory:", "absolute path"),
        ("sqlite:///ledger.sqlite", "absolute path"),
        ("sqlite:///file:ledger?mode=memory&uri=true", "absolute path"),
        ("mysql://me:secret@host/ledger", "not in mysql"),
        ("sqlite+aiosqlite:////tmp/ledger.sqlite", "not in sqlite"),
        ("me:secret@host", "cannot be read"),
    ],
)
def test_a_database_that_would_not_keep_a_ledger_safe_is_refused(url: str, message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        Ledger(url)
    assert "secret" not in str(caught.value)


def test_a_removed_file_is_an_error_and_not_an_empty_ledger(tmp_path: Path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.reserve(opened(ledger), [steps(5)])
    (tmp_path / "ledger.sqlite").unlink()
    with pytest.raises(ResourceError, match=r"ledger\.sqlite does not answer \(OperationalError: no such table"):
        ledger.charge("first", STEP)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="does not answer"):
        Ledger(f"sqlite:///{tmp_path}/file/ledger.sqlite").balances()


def test_messages_hide_user_and_password():
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'ss-ray[postgresql]'")
    url = "postgresql://me:secret@127.0.0.1:1/ledger?options=-csearch_path%3Dsecret&connect_timeout=2"
    assert shown(ledger_url(url)) == "postgresql://127.0.0.1:1/ledger"
    with pytest.raises(ResourceError, match=r"postgresql://127\.0\.0\.1:1/ledger does not answer") as caught:
        Ledger(url).balances()
    assert "secret" not in str(caught.value)


def test_postgresql_commits_are_durable_whatever_the_server_default(postgres: str):
    with LedgerDatabase(postgres).transaction() as db:
        shown_settings = [
            db.exec_driver_sql(f"SHOW {name}").scalar() for name in ("synchronous_commit", "lock_timeout")
        ]
    assert shown_settings == ["on", "1min"]


def test_balances_pickle(tmp_path: Path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.reserve(opened(ledger), [steps(5)])
    balance = ledger.balance("adult", "row")
    assert pickle.loads(pickle.dumps(balance)) == balance


def test_the_commands_set_show_and_close(ledger: Ledger, url: str, capsys: pytest.CaptureFixture[str]):
    budget = ["ledger", "set-budget", "adult", "--epsilon", "200", "--delta", "1e-5", "--unit", "row", "--ledger", url]
    assert outcome(budget, capsys)[0] == 0
    ledger.reserve(opened(ledger), [steps(1500), COUNTING])
    ledger.charge("first", steps(20))
    ledger.open_job("second", "other", "rows of id", DELTA)
    code, out, _ = outcome(["ledger", "show", "--ledger", url], capsys)
    spent = f"{epsilon_of([steps(20)], DELTA, 'rdp'):.4g}"
    table = [line.split() for line in out.splitlines()]
    assert code == 0
    assert table[0] == "data set privacy unit delta budget spent reserved left jobs".split()
    assert [row[0] for row in table[1:]] == ["adult", "other"]
    assert table[1][1:5] == ["row", "1e-05", "200", spent]
    assert table[2][-1] == "1"

    code, out, _ = outcome(["ledger", "show", "--dataset", "adult", "--ledger", url], capsys)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "budget epsilon 200 at delta 1e-05" in lines
    assert f"spent epsilon {epsilon_of([steps(20)], DELTA, 'rdp'):.4g}" in lines
    assert any(line.startswith("first open dp-sgd 4 1 20 1,480 20") for line in lines)
    assert "first open schema: counts 20 1 0 1 -" in lines
    _, out, _ = outcome(["ledger", "show", "--dataset", "other", "--ledger", url], capsys)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert {"other, per rows of id", "budget none set", "second open - - - - - -"} <= set(lines)
    assert outcome(["ledger", "close", "first", "--ledger", url], capsys) == (0, "first is closed\n", "")
    _, out, _ = outcome(["ledger", "show", "--dataset", "adult", "--ledger", url], capsys)
    assert "first  closed" in out
    assert "other" not in out


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["show"], ConfigError, "there is no privacy ledger yet at {folder}/none/ledger.sqlite"),
        (["close", "first"], ConfigError, "there is no privacy ledger yet at {folder}/none/ledger.sqlite"),
        (["set-budget", "adult", "--epsilon", "-1", "--delta", "1e-5"], ConfigError, "a budget needs epsilon > 0"),
        (["set-budget", "adult"], ConfigError, "Missing option"),
    ],
)
def test_a_command_that_cannot_be_done_is_one_line(
    arguments: list[str],
    error: type[SsRayError],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    url = f"sqlite:///{tmp_path}/none/ledger.sqlite"
    code, _, err = outcome(["ledger", *arguments, "--ledger", url], capsys)
    assert (code, err.count("\n")) == (error.exit_code, 1)
    assert message.format(folder=tmp_path) in err
    assert not (tmp_path / "none").exists()


def test_an_unknown_data_set_and_an_unknown_job_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    Ledger(url).set_budget("adult", "row", epsilon=1, delta=DELTA)
    assert "no data set 'adlut'" in outcome(["ledger", "show", "--dataset", "adlut", "--ledger", url], capsys)[2]
    assert outcome(["ledger", "close", "first", "--ledger", url], capsys)[0] == PrivacyError.exit_code


def test_the_command_line_is_imported_without_database_and_ray():
    assert loaded_by("import ss_ray.cli.main") & {"ray", "sqlalchemy", "dp_accounting"} == set()
