"""A table out of completions: first of rows drawn without a model, then of a random model's actors, which may die."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.codec.identifiers import fresh_values
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.config.constraints import FormatConstraint, OrderConstraint, RangeConstraint, UniqueConstraint
from ss_ray.config.generation import GenerationParameters
from ss_ray.constraints.check import violations
from ss_ray.constraints.enforce import make_enforcer
from ss_ray.errors import ConfigError, GenerationError
from ss_ray.generation import text_table
from ss_ray.generation.results import GenerationRequest, SyntheticTable
from ss_ray.generation.text_actor import TextActor
from ss_ray.generation.text_table import Given, TextTable, given_of
from ss_ray.location import Location
from ss_ray.plans.plan import GenerationPlan
from tests.generation.test_rows import plan
from tests.generation.test_text_actor import GROUPS, PLAN, ROWS, WriterActor

YOUNG = RangeConstraint(column="age", minimum=-5, maximum=60)
NEVER = RangeConstraint(column="score", minimum=0.601, maximum=0.609)  # it has two decimals


def request(**generation: object) -> GenerationRequest:
    return GenerationRequest(generation=GenerationParameters(**generation), encoding="utf8", real_rows=None)


def writer(codec: JsonCodec = ROWS, lag: int = 5, **changes: object) -> TextActor:
    return WriterActor(codec, replace(PLAN, **changes), lag)


def table_of(codec: JsonCodec, made: GenerationPlan, folder: Path, given: Given | None = None) -> TextTable:
    enforcer = make_enforcer(made.constraints, codec.schema)
    return TextTable(codec, enforcer, made, given or Given(), Location.parse(folder / "work"))


def fill(table: TextTable, actor: TextActor, rows: int | None = None) -> TextTable:
    """What the pool does, with one actor; which is killed once there are some rows."""
    while not table.is_done and (rows is None or table.made < rows):
        table.add(actor.work(table.asks(room=16)))
        table.settle()
    return table


def released(table: TextTable, folder: Path) -> tuple[SyntheticTable, pa.Table]:
    result = table.release(Location.parse(folder / "table"), None)
    assert not (folder / "work").exists()
    return result, pq.ParquetDataset(folder / "table").read()


def test_rows_are_exactly_as_many_as_asked_for_and_numbered_without_gaps(tmp_path: Path) -> None:
    made = plan([YOUNG], num_records=60)
    result, table = released(fill(table_of(ROWS, made, tmp_path), writer()), tmp_path)
    assert (result.num_rows, len(table), result.incomplete) == (60, 60, "")
    ROWS.schema.check(table)
    assert not violations(YOUNG, table).any()
    assert result.rejected["range(age)"] > 0
    assert table["id"] == pa.chunked_array([fresh_values(ROWS.schema["id"], 0, 60, made.seed)])


def test_identifiers_stay_as_the_constraints_saw_them(tmp_path: Path) -> None:
    made = plan([YOUNG, FormatConstraint(column="id", pattern=".*[02468]")], num_records=40)
    _, table = released(fill(table_of(ROWS, made, tmp_path), writer()), tmp_path)
    assert len(table) == 40
    assert all(value[-1] in "02468" for value in table["id"].to_pylist())


@pytest.mark.parametrize("room", [3, 40])
def test_the_table_does_not_depend_on_when_completions_are_finished(tmp_path: Path, room: int) -> None:
    made = plan([UniqueConstraint(columns=("age",))], num_records=50)
    _, expected = released(fill(table_of(ROWS, made, tmp_path / "a"), writer()), tmp_path / "a")
    table, actors = table_of(ROWS, made, tmp_path / "b"), [writer(lag=n, batch_size=n) for n in (2, 40)]
    while not table.is_done:
        for actor in actors:
            table.add(actor.work(table.asks(room)))
            table.settle()
    assert released(table, tmp_path / "b")[1].equals(expected)


def test_a_killed_run_goes_on_with_the_parts_that_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_table, "PART_ROWS", 20)
    made = plan([YOUNG, UniqueConstraint(columns=("id",)), UniqueConstraint(columns=("age", "day"))], num_records=90)
    _, expected = released(fill(table_of(ROWS, made, tmp_path / "a"), writer()), tmp_path / "a")
    fill(table_of(ROWS, made, tmp_path / "b"), writer(), rows=50)
    (tmp_path / "b/work/parts/part-00009.parquet").write_bytes(b"not finished")
    table = table_of(ROWS, made, tmp_path / "b")
    assert 20 <= table.made < 90
    result, found = released(fill(table, writer()), tmp_path / "b")
    assert found.equals(expected)
    assert result.num_files > 2


def test_a_run_that_was_killed_while_it_released_its_parts_begins_again(tmp_path: Path) -> None:
    made = plan(num_records=20)
    fill(table_of(ROWS, made, tmp_path), writer())
    Location.parse(tmp_path / "work/parts").move_to(Location.parse(tmp_path / "table"))
    table = table_of(ROWS, made, tmp_path)
    assert table.made == 0
    assert released(fill(table, writer()), tmp_path)[0].num_rows == 20


def test_groups_are_exactly_as_many_as_asked_for(tmp_path: Path) -> None:
    made = plan([RangeConstraint(column="visit", minimum=0, maximum=8)], num_groups=40)
    result, table = released(fill(table_of(GROUPS, made, tmp_path), writer(GROUPS)), tmp_path)
    frame = table.to_pandas()
    assert frame["who"].unique().tolist() == list(range(8, 48))
    assert (frame.groupby("who")["sex"].nunique() == 1).all()
    assert frame.groupby("who").size().between(1, 4).all()
    assert frame["visit"].max() <= 8
    assert result.num_rows == len(frame)


def test_what_cannot_be_made_is_given_up_and_the_rest_is_kept(tmp_path: Path) -> None:
    rare = RangeConstraint(column="age", minimum=40, maximum=41)
    made = plan([rare], num_records=5000, patience=2)
    result, table = released(fill(table_of(ROWS, made, tmp_path), writer()), tmp_path)
    assert 0 < len(table) < 5000
    assert result.incomplete.startswith(f"{len(table):,} of 5,000 rows: range(age) rejected ")
    with pytest.raises(GenerationError, match=r"not a single row could be made: range\(score\) rejected"):
        released(fill(table_of(ROWS, plan([NEVER]), tmp_path / "b"), writer()), tmp_path / "b")


def seeded(folder: Path, text: str, made: GenerationPlan, codec: JsonCodec = ROWS) -> Given:
    folder.mkdir(exist_ok=True)
    (folder / "seeds.csv").write_text(text)
    return given_of(codec, made, PLAN, request(seed_table=str(folder / "seeds.csv")))


def test_given_rows_are_filled_in_their_order(tmp_path: Path) -> None:
    made = plan([OrderConstraint(low="score", high="age", strict=True)], patience=50)
    rows = [("Male", "1.5"), ("", "2"), ("ü", ""), ("Female", "")] * 5
    given = seeded(tmp_path, "sex,score\n" + "".join(f"{a},{b}\n" for a, b in rows), made)
    assert given.texts[:3] == ('{"sex":"Male","score":1.50}', '{"score":2.00}', '{"sex":"ü"}')
    actor = writer(one_record=True)
    result, table = released(fill(table_of(ROWS, made, tmp_path, given), actor), tmp_path)
    assert (result.num_rows, result.incomplete) == (20, "")
    assert [sex for sex, (asked, _) in zip(table["sex"].to_pylist(), rows, strict=True) if asked] == [
        "Male",
        "ü",
        "Female",
    ] * 5
    assert table["score"].to_pylist()[::4] == [1.5] * 5
    assert result.rejected["order(score < age)"] > 0  # some were asked again
    assert table["id"] == pa.chunked_array([fresh_values(ROWS.schema["id"], 0, 20, made.seed)])


def test_a_given_row_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    made = plan([OrderConstraint(low="score", high="age")])
    given = seeded(tmp_path, "age\n50\n-5\n60\n", made)
    actor = writer(one_record=True)
    result, table = released(fill(table_of(ROWS, made, tmp_path, given), actor), tmp_path)
    assert table["age"].to_pylist() == [50, 60]
    assert result.incomplete.startswith("2 of 3 rows: order(score <= age) rejected")


def test_values_and_shares_are_given_as_literals(tmp_path: Path) -> None:
    made = plan(num_records=8, num_groups=None)
    assert given_of(ROWS, made, PLAN, request(given={"sex": "Male", "age": 3})).texts == ('{"sex":"Male","age":3}',)
    shares = given_of(ROWS, made, PLAN, request(shares={"sex": {"Male": 3, "ü": 1}}))
    assert sorted(shares.texts) == ['{"sex":"Male"}'] * 6 + ['{"sex":"ü"}'] * 2
    of_groups = given_of(GROUPS, plan(num_groups=4), PLAN, request(shares={"sex": {"Male": 1}}))
    assert of_groups == Given(texts=('{"sex":"Male"}',) * 4, is_per_row=True)


@pytest.mark.parametrize(
    ("codec", "constrained", "generation", "message"),
    [
        (ROWS, False, {"given": {"sex": "Male"}}, "structured_generation.enabled"),
        (ROWS, True, {"given": {"id": "K0001"}}, "'id' cannot be given"),
        (GROUPS, True, {"shares": {"sex": {"Male": 1}}}, "num_groups"),
    ],
)
def test_what_cannot_be_given_is_refused(
    codec: JsonCodec, constrained: bool, generation: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        given_of(codec, plan(), replace(PLAN, is_constrained=constrained), request(**generation))


def actors() -> Iterator[int]:
    """Processes of generation actors, found by the title that Ray gives them."""
    for child in psutil.Process().children(recursive=True):
        if "TextWorker" in " ".join(child.cmdline()):
            yield child.pid
