"""The descriptions beside a release: valid for the tools that read them, and silent about what nothing paid for."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from ss_ray.cards.croissant import croissant_json
from ss_ray.cards.dataset_card import dataset_card
from ss_ray.cards.release_facts import EvaluationSummary, ReleaseFacts
from ss_ray.errors import PrivacyError
from ss_ray.privacy.certificate import Certificate
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema
from tests.privacy.test_certificate import certify, make_plan

TABLE = pa.table(
    {
        "name|of": pa.array(["a", "b"]),
        "fee": pa.array([1.5, None]),
        "paid": pa.array([True, False]),
        "visits": pa.array([1, 2], pa.int64()),
    }
)
EVALUATION = EvaluationSummary(
    quality_grade="Good",
    quality_score=5.9,
    privacy_grade="Excellent",
    is_failed=False,
    utility_synthetic=0.7,
    utility_real=0.8,
    discriminator_auc=0.61,
)
FACTS = ReleaseFacts(
    name="visits",
    description="",
    license="other",
    num_rows=2,
    columns=TABLE.schema,
    schema=make_schema(**{"name|of": Kind.CATEGORY, "fee": Kind.FLOAT, "paid": Kind.BOOLEAN, "visits": Kind.INTEGER}),
    request="ab" * 32,
    created_on="2026-01-31",
    version="0.1.0",
    guarantee=None,
    evaluation=EVALUATION,
)


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    plan = make_plan()
    return certify(plan, plan.charge(plan.num_steps))


def test_the_hub_reads_the_header_of_the_card() -> None:
    header = DatasetCard(dataset_card(replace(FACTS, license="cc-by-4.0", num_rows=5_000))).data.to_dict()
    assert header["license"] == "cc-by-4.0"
    assert header["size_categories"] == ["1K<n<10K"]
    assert header["configs"][0]["data_files"] == [{"split": "train", "path": "synthetic/*.parquet"}]
    assert header["dataset_info"]["features"] == [
        {"name": "name|of", "dtype": "string"},
        {"name": "fee", "dtype": "float64"},
        {"name": "paid", "dtype": "bool"},
        {"name": "visits", "dtype": "int64"},
    ]


def test_the_card_tells_guarantee_evaluation_columns_and_request() -> None:
    card = dataset_card(FACTS)
    assert "There is no formal guarantee" in card
    assert "Quality: Good (5.9 of 10)." in card
    assert "| name\\|of | category | string |" in card
    assert "ab" * 32 in card
    assert "No licence was declared." in card


def test_a_failed_rule_is_told() -> None:
    assert "must not be shared" in dataset_card(replace(FACTS, evaluation=replace(EVALUATION, is_failed=True)))


def test_under_differential_privacy_no_figure_of_real_rows_is_accepted(certificate: Certificate) -> None:
    with pytest.raises(PrivacyError, match="not paid for"):
        replace(FACTS, guarantee=certificate)


def test_under_differential_privacy_the_card_tells_the_certificate_alone(certificate: Certificate) -> None:
    card = dataset_card(replace(FACTS, guarantee=certificate, evaluation=None))
    assert "differential privacy" in card
    assert "they were not paid for" in card
    assert "* the report" in card  # what the certificate does not cover
    assert "Quality:" not in card
    assert "differential-privacy" in DatasetCard(card).data.to_dict()["tags"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib", "ignore::DeprecationWarning:mlcroissant")
@pytest.mark.parametrize("is_private", [False, True])
def test_croissant_is_valid_and_loads_the_rows(
    tmp_path: Path, certificate: Certificate, is_private: bool, caplog: pytest.LogCaptureFixture
) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    (tmp_path / "synthetic").mkdir()
    pq.write_table(TABLE, tmp_path / "synthetic" / "part-00000.parquet")
    facts = FACTS
    digest = None
    if is_private:
        facts = replace(FACTS, guarantee=certificate, evaluation=None)
        (tmp_path / "privacy_certificate.json").write_text(certificate.to_json())
        digest = hashlib.sha256(certificate.to_json().encode()).hexdigest()
    (tmp_path / "croissant.json").write_text(croissant_json(facts, digest))

    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(jsonld=tmp_path / "croissant.json")
    assert dataset.metadata.issues.errors == set()
    assert dataset.metadata.issues.warnings == set()
    records = list(dataset.records("table"))
    assert [record["table/name%7Cof"] for record in records] == [b"a", b"b"]
    assert [record["table/visits"] for record in records] == [1, 2]
    told = json.loads((tmp_path / "croissant.json").read_text())["description"]
    assert ("Quality:" in told) != is_private
