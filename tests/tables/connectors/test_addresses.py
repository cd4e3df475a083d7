"""Addresses of tables: what they name, what they show, and where their secrets come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from ss_ray.addresses import Address, is_address, shown_name
from ss_ray.errors import ConfigError
from ss_ray.location import base_name, real_place


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("postgresql+psycopg://host/db#t", True),
        ("sqlite:////data/a.db#t", True),
        ("iceberg://sales/a.b", True),
        ("delta+s3://bucket/orders", True),
        ("s3://bucket/orders.csv", False),
        ("file:///data/a.csv", False),
        ("https://host/a.csv", False),
        ("/data/a.csv", False),
        (Path("/data/a.csv"), False),
    ],
)
def test_an_address_is_told_from_a_path(uri: object, expected: bool):
    assert is_address(uri) is expected


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://ann:s3cr3t@host:5432/sales#public.orders", "postgresql://host:5432/sales#public.orders"),
        ("mysql://ann:s3cr3t@x@host/sales?password=s3cr3t#orders", "mysql://host/sales#orders"),
        ("postgresql://ann:${PGPASSWORD}@host/sales#orders", "postgresql://host/sales#orders"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Ds3cr3t#orders", "mssql+pyodbc:///#orders"),
        ("mysql://ann:s3/cr?3#t@host/sales#orders", "mysql://host/sales#orders"),
        ("sqlite:////data/a.db#t", "sqlite:////data/a.db#t"),
        ("duckdb:///data/a@b.duckdb#t", "duckdb:///data/a@b.duckdb#t"),
    ],
)
def test_an_address_is_shown_without_its_secrets(uri: str, shown: str):
    assert shown_name(uri) == shown
    assert real_place(uri) == shown
    assert base_name(uri) == shown.rpartition("/")[2]


def test_secrets_come_from_the_environment_or_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SALES_PASSWORD", "s3cr3t")
    (tmp_path / "password").write_text("from a file\n")
    assert Address.parse("mysql://ann:${SALES_PASSWORD}@host/db#t").secret_url == "mysql://ann:s3cr3t@host/db"
    in_file = Address.parse(f"mysql://ann:${{{tmp_path}/password}}@host/db#t")
    assert in_file.secret_url == "mysql://ann:from%20a%20file@host/db"
    monkeypatch.setenv("SALES_PASSWORD", "p@ss/w#rd")
    address = Address.parse("postgresql://ann:${SALES_PASSWORD}@host/db#t")
    assert sa.make_url(address.secret_url).password == "p@ss/w#rd"
    assert str(address) == "postgresql://host/db#t"


def test_a_secret_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="no variable 'NO_SUCH_PASSWORD'"):
        _ = Address.parse("mysql://ann:${NO_SUCH_PASSWORD}@host/db#t").secret_url
    with pytest.raises(ConfigError, match="/nowhere/password of a secret"):
        _ = Address.parse("mysql://ann:${/nowhere/password}@host/db#t").secret_url
