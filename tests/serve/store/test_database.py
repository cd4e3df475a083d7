"""The database: migrations make the tables that the code knows, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from serve.errors import ConflictError, TooManyError
from serve.sdk_config import job_config
from serve.settings import Limits, Settings
from serve.store.database import JOBS, METADATA, Database
from serve.store.job_store import NewJob, Sending, create_job, find_job, move, request_cancel
from serve.store.lease import take_lease
from serve.store.migrate import migrate
from ss_ray.errors import ConfigError
from tests.postgres import running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of the tests' own."""
    with running_postgres("serve") as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with its tables."""
    url = f"sqlite:///{tmp_path}/state.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres")
    made = Database(url)
    migrate(made)
    yield made
    with made.write() as db:
        for table in METADATA.sorted_tables:
            db.execute(table.delete())
    made.engine.dispose()


def new_job(name: str | None = None, **changes: Any) -> NewJob:
    values = {
        "namespace": "default",
        "name": name,
        "project": None,
        "description": None,
        "ownership": None,
        "custom_fields": {"k": [1, None, "é"]},
        "data_source": "/tables/people.csv",
        "data": "/tables/people.csv",
        "config": job_config({}, Settings()),
        "created_by": "ann",
    }
    return NewJob(**(values | changes))


def sending(arrived: str = "2026-01-01T00:00:00.000000Z", key: str | None = None, resent: bool = False) -> Sending:
    return Sending(arrived=arrived, key=key, resent=resent)


def test_migrations_make_the_tables_of_the_code(database: Database):
    with database.read() as db:
        assert compare_metadata(MigrationContext.configure(db), METADATA) == []


def test_migrating_again_changes_nothing(database: Database):
    job = create_job(database, new_job(), sending(), "/runs", Limits(max_waiting_jobs=10))
    migrate(database)
    assert find_job(database, JOBS.c.id == job.id) == job


def test_replicas_that_start_together_migrate_once(tmp_path: Path):
    url, failed = f"sqlite:///{tmp_path}/new.sqlite", []

    def start() -> None:
        try:
            migrate(Database(url))
        except Exception as error:  # noqa: BLE001 - any would be wrong
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_jobs_keep_what_was_asked(database: Database):
    job = create_job(database, new_job("mine"), sending(), "/runs", Limits(max_waiting_jobs=10))
    assert (job.name, job.custom_fields, job.run_dir) == ("mine", {"k": [1, None, "é"]}, f"/runs/{job.id}")


def test_a_name_is_taken_once(database: Database):
    create_job(database, new_job("mine"), sending(), "/runs", Limits(max_waiting_jobs=10))
    with pytest.raises(ConflictError):
        create_job(database, new_job("mine"), sending(), "/runs", Limits(max_waiting_jobs=10))


def test_one_key_makes_one_job_also_when_it_comes_many_times_at_once(database: Database):
    made, barrier = [], threading.Barrier(8)

    def send() -> None:
        barrier.wait()
        made.append(create_job(database, new_job(), sending(key="k"), "/runs", Limits(max_waiting_jobs=100)).id)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(set(made))) == (8, 1)


def test_a_first_request_that_comes_after_its_repetition_takes_its_job(database: Database):
    again = create_job(database, new_job(), sending(resent=True), "/runs", Limits(max_waiting_jobs=10))
    first = create_job(
        database, new_job(), sending(arrived="2026-01-01T00:00:00.000000Z"), "/runs", Limits(max_waiting_jobs=10)
    )
    assert first.id == again.id


def test_a_repetition_long_after_is_a_job_of_its_own(database: Database):
    first = create_job(database, new_job(), sending(), "/runs", Limits(max_waiting_jobs=10))
    late = create_job(
        database,
        new_job(),
        sending(arrived="2099-01-01T00:00:00.000000Z", resent=True),
        "/runs",
        Limits(max_waiting_jobs=10),
    )
    assert late.id != first.id


def test_waiting_jobs_are_limited(database: Database):
    create_job(database, new_job(), sending(), "/runs", Limits(max_waiting_jobs=1))
    with pytest.raises(TooManyError):
        create_job(database, new_job(), sending(), "/runs", Limits(max_waiting_jobs=1))


def test_a_job_that_is_over_stays_as_it_is(database: Database):
    job = create_job(database, new_job(), sending(), "/runs", Limits(max_waiting_jobs=10))
    assert move(database, job.id, "pending", submission_id="s", attempt=1)
    assert move(database, job.id, "completed")
    assert not move(database, job.id, "cancelling")
    request_cancel(database, job.id)
    found = find_job(database, JOBS.c.id == job.id)
    assert found is not None
    assert found.status == "completed"


def test_of_many_replicas_one_holds_the_lease_until_it_runs_out(database: Database):
    held, barrier = [], threading.Barrier(6)

    def take(holder: str) -> None:
        barrier.wait()
        held.append(take_lease(database, "l", holder, 60, renew=True))

    threads = [threading.Thread(target=take, args=(f"replica-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(held) == 1


def test_a_lease_that_ran_out_is_taken_by_another(database: Database):
    assert take_lease(database, "l", "one", -1, renew=True)
    assert take_lease(database, "l", "two", 60, renew=True)
    assert not take_lease(database, "l", "one", 60, renew=True)


def test_secrets_are_the_same_for_all_and_differ_by_name(database: Database):
    other = Database(database.url.render_as_string(hide_password=False))
    assert database.secret("a") == other.secret("a")
    assert database.secret("a") != database.secret("b")
    other.engine.dispose()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///relative.sqlite", "nonsense", "postgresql+asyncpg://a/b"])
def test_other_databases_are_refused_without_repeating_the_url(url: str):
    with pytest.raises(ConfigError, match="the service's state") as caught:
        Database(url)
    assert url not in str(caught.value)


def test_the_file_is_only_for_its_owner(tmp_path: Path):
    Database(f"sqlite:///{tmp_path}/deep/state.sqlite")
    assert (tmp_path / "deep" / "state.sqlite").stat().st_mode & 0o077 == 0


def test_a_write_that_fails_is_undone(database: Database):
    def fail() -> None:
        with database.write() as db:
            db.execute(sa.text("DELETE FROM jobs"))
            raise ZeroDivisionError

    job = create_job(database, new_job(), sending(), "/runs", Limits(max_waiting_jobs=10))
    with pytest.raises(ZeroDivisionError):
        fail()
    assert find_job(database, JOBS.c.id == job.id) is not None
