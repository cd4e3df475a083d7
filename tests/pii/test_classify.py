import json

import pyarrow as pa
import pyarrow.csv
import pytest

from ss_ray.pii.classify import classify_column, classify_table, header_type

PHONES = [f"(212) 555-{number:04}" for number in range(40)]
EMAILS = [f"person{number}@example.com" for number in range(40)]
NAMES = ["Anna", "Bo", "Mary-Jane", "O'Neil", "José", "李"]

CASES = [  # header, values, entity type
    ("contact", EMAILS, "EMAIL_ADDRESS"),
    ("x", PHONES, "PHONE_NUMBER"),
    ("x", [*EMAILS[:37], "none", "n/a", "-"], "EMAIL_ADDRESS"),  # 92 %
    ("x", EMAILS[:30] + [f"none {n}" for n in range(10)], "FREE_TEXT"),  # 75 %
    ("x", EMAILS[:20] + PHONES[:20], "FREE_TEXT"),
    ("phone", EMAILS, "EMAIL_ADDRESS"),  # values before the header
    ("remarks", ["call (212) 555-0147", "fine"], "FREE_TEXT"),
    ("remarks", ["fine", "well", ""], None),
    ("first_name", NAMES, "FIRST_NAME"),
    ("Patient Name", ["Anna Li", "Dr. Bo O'Neil", "Fernandez, Rosa"], "PERSON"),
    ("first_name", [], "FIRST_NAME"),
    ("Home Address", ["1 Main St", "PO Box 7"], "ADDRESS"),
    ("ssn", ["219-09-9998", "123456789"], "US_SSN"),
    ("ssn", ["219099998", "12345678"], "US_SSN"),  # integers
    ("phone", ["5550147", "030 901820", "+41 44 668 18 00"], "PHONE_NUMBER"),
    ("tax_id", ["12-3456789"], "TAX_ID"),
    ("email", ["yes", "no"], "UNKNOWN"),
    ("ssn", ["A", "B", "C"], "UNKNOWN"),
    ("customer_name", ["A1", "B2", "C3"], "UNKNOWN"),
    ("ip", ["8.8.8.8", "8.8.4.4"], "IP_ADDRESS"),
    ("phone_service", ["yes", "no"], None),
    ("city", ["Rome", "Bonn"], None),
    ("count", ["1", "2", "219099998"], None),
]


@pytest.mark.parametrize(("header", "values", "expected"), CASES)
def test_column_is_typed_by_values_then_header(detector, header, values, expected):
    typing = classify_column(header, values, detector)
    assert (typing.entity_type if typing else None) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("first_name", "FIRST_NAME"),
        ("GivenName", "FIRST_NAME"),
        ("LAST NAME", "LAST_NAME"),
        ("patient_first_name", "FIRST_NAME"),
        ("E-Mail", "EMAIL_ADDRESS"),
        ("phone 2", "PHONE_NUMBER"),
        ("customer_e-mail", "EMAIL_ADDRESS"),
        ("provider_name", "PERSON"),
        ("name", "PERSON"),
        ("username", None),
        ("event_name", None),
        ("class_name", None),
        ("patient", None),
        ("patient_id", None),
        ("email_opt_in", None),
        ("native_country", None),
    ],
)
def test_header_must_be_plain(header, expected):
    assert header_type(header) == expected


def test_explanation_and_suspicion_name_no_value(detector):
    typing = classify_column("email", ["secret one", "secret two"], detector)
    assert typing.suspected == "EMAIL_ADDRESS"
    assert "secret" not in typing.explanation
    assert 0 <= typing.confidence <= 1


def test_sample_covers_the_whole_column(detector):
    values = [f"word{number}" for number in range(600)] + EMAILS
    assert classify_column("x", values, detector).entity_type == "FREE_TEXT"


def test_numbers_that_resemble_a_card_are_not_searched_as_text(detector):
    table = pa.table({"ratio": [104.981119112664, 0.4111111111111111, 4111111111111111.5], "code": [1, 2, 3]})
    assert classify_table(table, detector) == {}


def test_integers_and_floats_are_typed_like_the_text_a_person_would_write(detector):
    phones = [2125550100 + number for number in range(20)]
    table = pa.table({"a": phones, "b": pa.array([float(p) for p in phones[:-1]] + [None]), "ssn": [219099998] * 20})
    assert {name: typing.entity_type for name, typing in classify_table(table, detector).items()} == {
        "a": "PHONE_NUMBER",
        "b": "PHONE_NUMBER",
        "ssn": "US_SSN",
    }


# Headers and a few values each of adult, california_housing, hotel_rates and telco_churn: no personal column.
PLAIN_TABLES = {
    "age": ["39", "50"],
    "fnlwgt": ["77516", "1484705"],
    "native_country": ["United-States", "Outlying-US(Guam-USVI-etc)"],
    "occupation": ["Adm-clerical"],
    "longitude": ["-122.23", "-118.4"],
    "median_house_value": ["452600", "500001"],
    "agent": ["devin_rivera_borrego", "not_applicable"],
    "company": ["not_applicable"],
    "country": ["prt", "aus"],
    "arrival_date": ["2016-07-02", "2017-08-31"],
    "customerID": ["7590-VHVEG", "5575-GNVDE"],
    "PhoneService": ["Yes", "No"],
    "PaymentMethod": ["Electronic check", "Mailed check"],
    "TotalCharges": ["1889.5", "108.15"],
}


@pytest.mark.parametrize(("header", "values"), PLAIN_TABLES.items())
def test_plain_columns_raise_no_alarm(detector, header, values):
    assert classify_column(header, values, detector) is None


def test_typing_is_publishable_as_json(detector):
    from dataclasses import asdict

    assert json.loads(json.dumps(asdict(classify_column("x", EMAILS, detector))))["entity_type"] == "EMAIL_ADDRESS"
