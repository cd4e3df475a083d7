"""Names and fingerprints that may leave with a table."""

from __future__ import annotations

import pytest

from ss_ray.config.files import parse_config
from ss_ray.pipelines.facts import public_fingerprint, table_name

SECRETS = {
    "data": {"random_state": 7},
    "replace_pii": {"globals": {"seed": 7}},
    "privacy": {"ledger": "postgresql://ann:secret@host/ledger"},
    "audit_log": None,
}


@pytest.mark.parametrize("section", SECRETS)
def test_the_published_hash_tells_nothing_of_a_secret(section: str) -> None:
    changed = parse_config({section: SECRETS[section]})
    assert public_fingerprint(changed) == public_fingerprint(parse_config({}))


def test_the_published_hash_tells_requests_apart() -> None:
    assert public_fingerprint(parse_config({"training": {"effort": "fast"}})) != public_fingerprint(parse_config({}))
    assert len(public_fingerprint(parse_config({"privacy": None, "replace_pii": None}))) == 64


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("data/visits.2024.csv.gz", "visits"),
        ("s3://bucket/folder/visits", "visits"),
        ("https://host/visits.csv?signature=secret", "visits"),
        ("postgresql://ann:secret@host/sales#public.orders", "orders"),
        ("postgresql://ann:secret@host/sales?password=secret", "sales"),
        ("delta:///data/orders", "orders"),
    ],
)
def test_the_name_of_a_table_is_no_more_than_its_name(place: str, name: str) -> None:
    assert table_name(place) == name
