import io
import re
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from ss_ray.demo import dependences, make_patients


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return make_patients()


def test_same_seed_gives_the_same_table_and_another_seed_another(table):
    assert make_patients() == table
    assert make_patients(seed=8) != table


def test_five_thousand_rows_take_less_than_three_seconds():
    started = time.perf_counter()
    make_patients(5000, seed=11)
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize("num_rows", [1, 2, 7, 333])
def test_table_has_the_rows_asked_for(num_rows):
    table = make_patients(num_rows)
    table.validate(full=True)
    assert table.num_rows == num_rows


def test_patient_has_one_to_eight_visits_and_one_identity(table):
    frame = table.to_pandas()
    visits = frame.groupby("patient_id").size()
    assert visits.between(1, 8).all()
    assert visits.nunique() == 8
    own = ["first_name", "last_name", "email", "phone", "street_address", "ssn", "birth_date", "sex", "city", "state"]
    assert (frame.groupby("patient_id")[own].nunique() <= 1).all(axis=None)
    assert frame.groupby("phone")["patient_id"].nunique().max() == 1


def test_visits_of_a_patient_follow_each_other(table):
    frame = table.to_pandas()
    earlier = frame.groupby("patient_id")["discharged"].shift()
    assert (frame["admitted"][earlier.notna()] >= earlier.dropna()).all()
    assert (frame["birth_date"] <= frame["admitted"]).all()


def test_known_dependences_hold(table):
    found = dependences(table)
    shares = ("state_of_city", "diagnosis_of_department", "discharged_after_admitted", "follow_up_of_visit_type")
    assert [found[name] for name in shares] == [1.0] * 4
    assert 0.6 < found["cost_by_department"] < 0.95
    assert 0.5 < found["cost_by_stay"] < 0.95


def test_independent_columns_lose_the_dependences(table):
    rng = np.random.default_rng(0)
    shuffled = pa.table({name: table[name].take(rng.permutation(table.num_rows)) for name in table.column_names})
    found = dependences(shuffled)
    assert found["state_of_city"] < 0.3
    assert found["diagnosis_of_department"] < 0.3
    assert found["discharged_after_admitted"] < 0.7
    assert found["follow_up_of_visit_type"] < 0.7
    assert found["cost_by_department"] < 0.1
    assert abs(found["cost_by_stay"]) < 0.1


def test_dependences_survive_missing_values_and_empty_tables(table):
    rng = np.random.default_rng(0)
    holes = pa.table(
        {name: pc.if_else(pa.array(rng.random(table.num_rows) < 0.3), None, table[name]) for name in table.column_names}
    )
    assert dependences(holes)["state_of_city"] == 1.0
    nothing = pa.table({f.name: pa.nulls(5, f.type) for f in table.schema})
    assert set(dependences(nothing).values()) == {0.0}
    assert set(dependences(table.slice(0, 0)).values()) == {0.0}
    assert dependences(table.slice(0, 1))["state_of_city"] == 1.0


def test_values_survive_csv(table):
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer)
    options = pyarrow.csv.ConvertOptions(column_types=table.schema, strings_can_be_null=True)
    assert pyarrow.csv.read_csv(io.BytesIO(buffer.getvalue()), convert_options=options) == table


def test_notes_are_short_texts_that_mention_many_patients(table):
    frame = table.to_pandas()
    assert frame["note"].str.len().between(60, 160).all()
    named = [first in note for first, note in zip(frame["first_name"], frame["note"], strict=True)]
    called = [phone in note for phone, note in zip(frame["phone"], frame["note"], strict=True)]
    assert 0.5 < np.mean(named) < 0.95
    assert 0.4 < np.mean(called) < 0.9


def test_readmission_can_be_predicted_from_age_and_stay(table):
    frame = table.to_pandas(date_as_object=False)
    nights = (frame["discharged"] - frame["admitted"]).dt.days
    age = (frame["admitted"] - frame["birth_date"]).dt.days / 365.25
    assert 0.1 < frame["readmitted"].mean() < 0.4
    assert nights[frame["readmitted"]].mean() > nights[~frame["readmitted"]].mean() + 1
    assert age[frame["readmitted"]].mean() > age[~frame["readmitted"]].mean() + 5


def test_first_names_agree_with_the_sex():
    from faker.providers.person.en_US import Provider

    frame = make_patients(1000).to_pandas()
    assert frame["first_name"][frame["sex"] == "female"].isin(list(Provider.first_names_female)).all()
    assert frame["first_name"][frame["sex"] == "male"].isin(list(Provider.first_names_male)).all()


def test_nobody_is_real(table):
    frame = table.to_pandas()
    assert frame["ssn"].map(lambda value: re.fullmatch(r"9\d\d-[0-4]\d-\d{4}", value)).all()
    assert frame["phone"].map(lambda value: re.sub(r"\D", "", value)[3:6] == "555").all()
    assert frame["email"].dropna().str.endswith("@mail.example.com").all()


def test_categories_are_uneven_and_as_many_as_documented(table):
    frame = table.to_pandas()
    assert {name: frame[name].nunique() for name in ("city", "state", "department", "diagnosis_code")} == {
        "city": 25,
        "state": 10,
        "department": 8,
        "diagnosis_code": 40,
    }
    assert frame["city"].value_counts().iloc[0] > 5 * frame["city"].value_counts().iloc[-1]
    assert frame["department"].value_counts().min() > 50
