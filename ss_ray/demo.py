"""The demo table: visits to a clinic, invented from a seed, with dependences that a synthetic table should keep.

    patient  -> name, e-mail, phone, address, SSN-like number, birth date, sex, city; the same on all of their visits
    sex      -> first name                    city                  -> state (always)
    age, sex -> department                    department            -> diagnosis code (always), stay
    stay     -> visit type (always)           visit type            -> follow_up_days missing (exactly outpatients)
    age      -> insurance                     department, stay      -> cost (log-normal)
    age, stay, department -> readmitted       department, patient   -> note

Nobody is real: numbers have the exchange 555, SSNs the area 9xx that is never issued, e-mails end in example.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from faker import Faker

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_VISITS = 8
FIRST_DAY = date(2018, 1, 1)
_EPOCH_DAYS = FIRST_DAY.toordinal() - date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class _Department:
    """What is typical of a department.

    Attributes:
        share: Relative number of visits.
        ages: Smallest and largest age in years.
        mean_nights: Mean stay in nights.
        cost: Median cost in dollars of a visit without a night.
        risk: Log-odds of a readmission, on top of age and stay.
        codes: Diagnosis codes, the most frequent first.
        complaints: Complaints that its notes mention.
    """

    share: float
    ages: tuple[int, int]
    mean_nights: float
    cost: float
    risk: float
    codes: tuple[str, ...]
    complaints: tuple[str, ...]


_DEPARTMENTS = {
    "Emergency": _Department(
        0.24, (0, 120), 0.5, 620, 0.2,
        ("R07.9", "S61.4", "R10.9", "T14.8", "R55"), ("chest pain", "a cut on the hand", "abdominal pain"),
    ),
    "General Medicine": _Department(
        0.21, (18, 120), 1.0, 260, -0.2,
        ("J06.9", "E11.9", "I10", "J18.9", "N39.0"), ("a persistent cough", "high blood sugar", "fever"),
    ),
    "Cardiology": _Department(
        0.15, (30, 120), 3.2, 1900, 0.7,
        ("I25.1", "I48.9", "I50.9", "I21.4", "I35.0"), ("palpitations", "shortness of breath", "swollen ankles"),
    ),
    "Orthopedics": _Department(
        0.13, (6, 120), 2.4, 1500, -0.5,
        ("M17.1", "S82.6", "M54.5", "S52.5", "M16.1"), ("knee pain", "a fractured wrist", "back pain"),
    ),
    "Pediatrics": _Department(
        0.10, (0, 17), 0.8, 210, -0.7,
        ("J45.9", "A09", "H66.9", "J20.9", "B08.4"), ("an earache", "wheezing at night", "a rash"),
    ),
    "Maternity": _Department(
        0.20, (18, 45), 2.0, 1100, -0.9,
        ("O80", "O82", "O24.4", "O14.9", "O60.1"), ("a routine check", "early contractions", "nausea"),
    ),
    "Oncology": _Department(
        0.06, (18, 120), 4.5, 3900, 0.9,
        ("C50.9", "C34.9", "C18.9", "C61", "C83.3"), ("the next cycle of therapy", "fatigue", "weight loss"),
    ),
    "Neurology": _Department(
        0.04, (10, 120), 2.8, 1700, 0.4,
        ("G43.9", "I63.9", "G40.9", "G35", "G20"), ("migraine", "numbness in one arm", "a seizure"),
    ),
}  # fmt: skip

# City: state, area code of its phones, relative number of patients.
_CITIES = {
    "Houston": ("TX", "713", 150), "Dallas": ("TX", "214", 90), "Austin": ("TX", "512", 60),
    "El Paso": ("TX", "915", 20), "Los Angeles": ("CA", "213", 130), "San Diego": ("CA", "619", 70),
    "Fresno": ("CA", "559", 25),
    "New York": ("NY", "212", 140), "Buffalo": ("NY", "716", 30), "Albany": ("NY", "518", 15),
    "Miami": ("FL", "305", 60), "Tampa": ("FL", "813", 45), "Orlando": ("FL", "407", 40),
    "Chicago": ("IL", "312", 95), "Peoria": ("IL", "309", 12),
    "Columbus": ("OH", "614", 40), "Cleveland": ("OH", "216", 35), "Toledo": ("OH", "419", 14),
    "Seattle": ("WA", "206", 45), "Spokane": ("WA", "509", 12),
    "Denver": ("CO", "303", 38), "Boulder": ("CO", "720", 10),
    "Atlanta": ("GA", "404", 42), "Savannah": ("GA", "912", 9),
    "Boston": ("MA", "617", 50),
}  # fmt: skip

_INSURANCES = ("Private", "Medicare", "Medicaid", "Self-pay")
# Smallest age: shares of the insurances.
_INSURANCE_SHARES = {
    0: (0.58, 0.00, 0.38, 0.04),
    18: (0.66, 0.02, 0.17, 0.15),
    65: (0.10, 0.84, 0.04, 0.02),
}

_NOTES = (
    "{first} {last} came in with {complaint}. Vital signs stable. Please call {phone} with the results.",
    "Pt {first} {last} reports {complaint} for {days} days. Reached at {phone}, agreed to the plan.",
    "{last}, {first}: seen for {complaint}. Medication adjusted, contact number on file is {phone}.",
    "Seen for {complaint}. {first}'s symptoms improved over {days} days; no further imaging needed.",
    "Follow-up for {complaint}. The patient tolerates treatment well and will return in {days} days.",
    "Spoke with {first} about {complaint}. Left a message at {phone} to confirm the next appointment.",
    "{title} {last} was examined because of {complaint}. Laboratory values are within normal limits.",
    "Chief complaint: {complaint}, onset {days} days ago. Family of {first} {last} informed by phone ({phone}).",
    "Observed for {complaint}; pain score {days} of 10 on arrival, lower after treatment. Discharge planned.",
    "{first} {last} asked for a second opinion on {complaint}. Records were sent, call back on {phone}.",
)


def make_patients(num_rows: int = 5000, seed: int = 7) -> pa.Table:
    """Visits of invented patients, 1 to 8 for each, ordered by patient and day.

    Args:
        num_rows: Visits, at least 1.
        seed: Seed of the table; with the same versions of numpy and Faker it gives the same table.

    Returns:
        A table of 21 columns. Missing: some e-mails, and follow_up_days of outpatients.

    Example:
        >>> table = make_patients(num_rows=5, seed=1)
        >>> table.num_rows, table.column_names[:3]
        (5, ['patient_id', 'first_name', 'last_name'])
        >>> table["patient_id"].to_pylist()
        ['P-000001', 'P-000001', 'P-000002', 'P-000002', 'P-000002']
    """
    rng = np.random.default_rng(seed)
    visits = _visits_per_patient(rng, num_rows)
    patients = _draw_patients(rng, len(visits), seed)
    table = patients.take(pa.array(np.repeat(np.arange(len(visits)), visits)))
    for name, values in _draw_visits(rng, table, visits).items():
        table = table.append_column(name, values)

    return table.append_column("note", pa.array(_write_notes(rng, table), pa.string()))


def dependences(table: pa.Table) -> dict[str, float]:
    """How strongly the known dependences hold in a table like the demo table, real or synthetic.

    Returns:
        Shares of rows in [0, 1]: `state_of_city`, `diagnosis_of_department`, `discharged_after_admitted`,
        `follow_up_of_visit_type`. Correlation ratio in [0, 1] of log cost and department: `cost_by_department`.
        Spearman correlation in [-1, 1] of nights and cost: `cost_by_stay`. Rows in which a value is missing are left
        out (but for follow_up_days); 0 where no row remains.

    Example:
        >>> dependences(make_patients(200))["state_of_city"]
        1.0
    """
    frame = table.to_pandas(date_as_object=False)
    admitted, discharged = (pd.to_datetime(frame[name], errors="coerce") for name in ("admitted", "discharged"))
    stay = (discharged - admitted).dt.days
    departments = {code: name for name, department in _DEPARTMENTS.items() for code in department.codes}
    states = {city: state for city, (state, _, _) in _CITIES.items()}
    outpatient = frame["visit_type"].eq("outpatient")[frame["visit_type"].notna()]
    cost = pd.to_numeric(frame["cost"], errors="coerce")

    return {
        "state_of_city": _share_mapped(frame["city"], frame["state"], states),
        "diagnosis_of_department": _share_mapped(frame["diagnosis_code"], frame["department"], departments),
        "discharged_after_admitted": _mean_of(stay.dropna() >= 0),
        "follow_up_of_visit_type": _mean_of(outpatient == frame["follow_up_days"].isna()[outpatient.index]),
        "cost_by_department": _correlation_ratio(np.log(cost.where(cost > 0)), frame["department"]),
        "cost_by_stay": _rank_correlation(stay, cost),
    }


def _visits_per_patient(rng: np.random.Generator, num_rows: int) -> Ints:
    """Numbers of visits in [1, 8] that add up to num_rows, (num_patients,)."""
    visits = np.minimum(rng.geometric(0.4, size=num_rows), MAX_VISITS)
    before = np.cumsum(visits) - visits
    return np.asarray(np.minimum(visits, num_rows - before)[before < num_rows])


def _draw_patients(rng: np.random.Generator, num_patients: int, seed: int) -> pa.Table:
    """What is the same on all visits of a patient, (num_patients,) rows."""
    faker = Faker("en_US")
    faker.seed_instance(seed)
    female = rng.random(num_patients) < 0.53
    first = [faker.first_name_female() if is_female else faker.first_name_male() for is_female in female]
    last = [faker.last_name() for _ in range(num_patients)]
    weights = np.array([weight for _, _, weight in _CITIES.values()], dtype=float)
    city = rng.choice(list(_CITIES), size=num_patients, p=weights / weights.sum())
    oldest = rng.choice([18, 65, 96], size=num_patients, p=[0.2, 0.52, 0.28])
    youngest = np.select([oldest == 18, oldest == 65], [0, 18], default=65)
    age_days = (youngest + (oldest - youngest) * rng.random(num_patients)) * 365.25

    return pa.table(
        {
            "patient_id": [f"P-{place + 1:06}" for place in range(num_patients)],
            "first_name": first,
            "last_name": last,
            "email": pa.array(_make_emails(rng, first, last), pa.string()),
            "phone": _make_phones(rng, [_CITIES[name][1] for name in city]),
            "street_address": [faker.street_address() for _ in range(num_patients)],
            "ssn": _draw_ssns(rng, num_patients),
            "birth_date": _to_dates(_EPOCH_DAYS - age_days),
            "sex": np.where(female, "female", "male").tolist(),
            "city": city.tolist(),
            "state": [_CITIES[name][0] for name in city],
        }
    )


def _make_emails(rng: np.random.Generator, first: list[str], last: list[str]) -> list[str | None]:
    numbers = rng.integers(1, 1000, size=len(first))
    missing = rng.random(len(first)) < 0.06
    return [
        None if is_missing else f"{a}.{b}{number}@mail.example.com".lower()
        for a, b, number, is_missing in zip(first, last, numbers, missing, strict=True)
    ]


def _make_phones(rng: np.random.Generator, area_codes: list[str]) -> list[str]:
    """Numbers of the exchange 555 in three spellings; different for up to 10,000 patients."""
    lines = rng.permutation(10_000)
    spellings = rng.choice(["({}) 555-{:04}", "{}-555-{:04}", "{}.555.{:04}"], size=len(area_codes), p=[0.6, 0.3, 0.1])
    numbers = (int(lines[place % len(lines)]) for place in range(len(area_codes)))

    return [
        str(spelling).format(code, number)
        for spelling, code, number in zip(spellings, area_codes, numbers, strict=True)
    ]


def _draw_ssns(rng: np.random.Generator, num_patients: int) -> list[str]:
    parts = rng.integers([900, 1, 1], [1000, 50, 10_000], size=(num_patients, 3))
    return [f"{area:03}-{group:02}-{serial:04}" for area, group, serial in parts]


def _draw_visits(rng: np.random.Generator, patients: pa.Table, visits: Ints) -> dict[str, pa.Array]:
    """Columns of the visits; `patients` has the rows of the visits."""
    num_rows = patients.num_rows
    admitted = _admission_days(rng, visits)
    age = (admitted - np.asarray(patients["birth_date"].cast(pa.int32()), dtype=np.int64)) / 365.25
    names = list(_DEPARTMENTS)
    department = _draw_departments(rng, age, np.asarray(pc.equal(patients["sex"], "female")))
    mean_nights, base_cost, risk = (
        np.array([getattr(_DEPARTMENTS[name], trait) for name in names])[department]
        for trait in ("mean_nights", "cost", "risk")
    )
    spread = rng.gamma(2.0, 0.5, size=num_rows) * (0.6 + age / 100)
    nights = np.minimum(rng.poisson(mean_nights * spread), 28)
    cost = base_cost * (1 + nights) ** 0.75 * np.exp(rng.normal(0, 0.35, size=num_rows))
    code = rng.choice(5, size=num_rows, p=[0.40, 0.25, 0.16, 0.11, 0.08])
    follow_up = np.minimum(7 * (1 + rng.poisson(0.6 * nights)), 84)
    readmitted = -2.1 + 0.03 * (age - 45) + 0.15 * nights + risk

    return {
        "department": pa.array([names[i] for i in department]),
        "diagnosis_code": pa.array([_DEPARTMENTS[names[i]].codes[j] for i, j in zip(department, code, strict=True)]),
        "admitted": _to_dates(admitted),
        "discharged": _to_dates(admitted + nights),
        "visit_type": pa.array(np.where(nights == 0, "outpatient", "inpatient").tolist()),
        "cost": pa.array(np.round(cost, 2)),
        "insurance": pa.array(_draw_insurances(rng, age)),
        "follow_up_days": pa.array(follow_up, pa.int64(), mask=nights == 0),
        "readmitted": pa.array(rng.random(num_rows) < 1 / (1 + np.exp(-readmitted))),
    }


def _admission_days(rng: np.random.Generator, visits: Ints) -> Ints:
    """Days since 1970, (num_rows,); a patient's next visit is at least 30 days after the last one began."""
    # (num_patients,), row of each patient's first visit.
    first_visit = np.cumsum(visits) - visits
    gaps = 30 + rng.exponential(75, size=int(visits.sum())).astype(np.int64)
    gaps[first_visit] = rng.integers(0, 730, size=len(visits))
    passed = np.cumsum(gaps)
    return np.asarray(_EPOCH_DAYS + passed - np.repeat(passed[first_visit] - gaps[first_visit], visits))


def _draw_departments(rng: np.random.Generator, age: Floats, female: npt.NDArray[np.bool_]) -> Ints:
    """Indices into the departments, (num_rows,), each open to the patient's age and sex."""
    shares = np.tile([department.share for department in _DEPARTMENTS.values()], (len(age), 1))
    for place, (name, department) in enumerate(_DEPARTMENTS.items()):
        youngest, oldest = department.ages
        shares[(age < youngest) | (age >= oldest + 1) | ((name == "Maternity") & ~female), place] = 0
    return _draw_choice(rng, shares)


def _draw_insurances(rng: np.random.Generator, age: Floats) -> list[str]:
    bands = np.searchsorted(list(_INSURANCE_SHARES), age, side="right") - 1
    return [_INSURANCES[i] for i in _draw_choice(rng, np.array(list(_INSURANCE_SHARES.values()))[bands])]


def _draw_choice(rng: np.random.Generator, shares: Floats) -> Ints:
    """One index for each row of relative shares, (num_rows, num_choices) -> (num_rows,)."""
    limits = np.cumsum(shares, axis=1)
    return np.asarray((rng.random((len(shares), 1)) * limits[:, -1:] >= limits).sum(axis=1))


def _write_notes(rng: np.random.Generator, table: pa.Table) -> list[str]:
    templates = rng.integers(len(_NOTES), size=table.num_rows)
    complaints = rng.integers(3, size=table.num_rows)
    days = rng.integers(2, 10, size=table.num_rows)
    columns = (table[name].to_pylist() for name in ("first_name", "last_name", "phone", "sex", "department"))

    return [
        _NOTES[template].format(
            first=first,
            last=last,
            phone=phone,
            title="Ms." if sex == "female" else "Mr.",
            complaint=_DEPARTMENTS[department].complaints[complaint],
            days=day,
        )
        for first, last, phone, sex, department, template, complaint, day in zip(
            *columns, templates, complaints, days, strict=True
        )
    ]


def _to_dates(days: Ints | Floats) -> pa.Array:
    return pa.array(np.asarray(days, dtype=np.int32)).cast(pa.date32())


def _share_mapped(keys: pd.Series, values: pd.Series, expected: dict[str, str]) -> float:
    present = keys.notna() & values.notna()
    return _mean_of(keys[present].astype(object).map(expected) == values[present].astype(object))


def _correlation_ratio(values: pd.Series, groups: pd.Series) -> float:
    """Square root of the share of the variance that lies between the groups, in [0, 1]."""
    present = values.notna() & groups.notna()
    values = values[present]
    groups = groups[present].astype(object)
    total = float(((values - values.mean()) ** 2).sum())
    between = float(((values.groupby(groups).transform("mean") - values.mean()) ** 2).sum())
    if total > 0:
        return (between / total) ** 0.5

    return 0.0


def _rank_correlation(left: pd.Series, right: pd.Series) -> float:
    present = left.notna() & right.notna()
    left = left[present].rank()
    right = right[present].rank()
    if left.nunique() > 1 and right.nunique() > 1:
        return float(left.corr(right))
    return 0.0


def _mean_of(flags: pd.Series) -> float:
    if len(flags):
        return float(flags.mean())
    return 0.0
