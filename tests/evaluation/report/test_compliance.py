import json

from ss_ray.evaluation.metrics import measured, unavailable
from ss_ray.evaluation.report.compliance import NOTICE, RunFacts, evidence_json, make_evidence
from ss_ray.pii.statistics import safe_harbor
from ss_ray.pii.survivors import ScanResult

FACTS = RunFacts(
    run="runs/a",
    created_at="2026-01-01T00:00:00.000+00:00",
    user="ann",
    host="here",
    versions={"ss-ray": "0.1.0"},
    inputs=("abc",),
    request="def",
    seed=7,
    log="audit.jsonl",
    log_line=3,
    log_hash="f" * 64,
    counts={"training rows": 950, "synthetic rows": 1000},
    num_columns=4,
    replaced=("name",),
    kept=("city",),
    searches=(),
    synthetic_scan=ScanResult(),
    safe_harbor=safe_harbor([("name", "FIRST_NAME", "replace"), ("city", "CITY", "keep")]),
    guarantee="none",
)


def test_evidence_says_what_was_done_and_what_it_is_not() -> None:
    risks = {"singling out": measured(0.01, 100), "linkability": unavailable("there is no holdout")}
    found = json.loads(evidence_json(make_evidence(FACTS, risks=risks, figures={"AUC": measured(0.5, 10)})))
    assert found["notice"] == NOTICE
    assert "not legal advice" in NOTICE
    assert found["gdpr"]["risks"]["linkability"]["reason"] == "there is no holdout"
    assert found["gdpr"]["erasure"].startswith("`ss-ray purge runs/a`")
    assert "950 training rows, 1,000 synthetic rows" in found["gdpr"]["data_minimisation"][0]
    assert {item["path"] for item in found["gdpr"]["storage"] if not item["is_private"]} == {
        "release/synthetic, release/synthetic.csv",
        "release/privacy_certificate.json, release/report.html",
        "release/README.md, release/croissant.json",
    }
    assert len(found["hipaa"]["safe_harbor"]) == 18
    assert found["hipaa"]["safe_harbor_open"] == ["B"]
    assert found["hipaa"]["expert_determination"]["AUC"]["value"] == 0.5
    assert found["sox"]["audit_log"] == {"file": "audit.jsonl", "line": 3, "hash": "f" * 64}
    assert found["sox"]["inputs"] == ["abc"]


def test_without_log_and_without_a_search_for_personal_data_nothing_is_claimed() -> None:
    bare = RunFacts(
        **(vars(FACTS) | {"log": None, "log_line": None, "log_hash": None, "user": None, "safe_harbor": ()})
    )
    found = json.loads(evidence_json(make_evidence(bare, risks={}, figures={})))
    assert found["sox"]["audit_log"] == {}
    assert found["sox"]["user"] is None
    assert found["hipaa"]["safe_harbor"] == []
    assert found["hipaa"]["safe_harbor_open"] == []
