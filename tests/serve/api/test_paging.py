"""Pages, sorts, filters and searches, on a table of five rows."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from serve.api.paging import Listing, parse_page, read_page, visible
from serve.errors import RefusedError, UnusableError
from serve.store.auth import Identity

TABLE = sa.Table(
    "animals", sa.MetaData(), sa.Column("name", sa.String), sa.Column("kind", sa.String), sa.Column("born", sa.String)
)
ROWS = [
    ("ant", "insect", "2026-01-01T00:00:00.000000Z"),
    ("bee", "insect", "2026-01-02T00:00:00.000000Z"),
    ("cat", "mammal", "2026-01-03T12:00:00.000000Z"),
    ("dog", "mammal", "2026-01-03T12:00:00.000000Z"),
    ("100%_er", "robot", "2026-01-05T00:00:00.000000Z"),
]
LISTING = Listing(
    sorts={"born": TABLE.c.born, "name": TABLE.c.name},
    tie=(TABLE.c.name,),
    default_sort="-born",
    filters={"kind": TABLE.c.kind, "name": TABLE.c.name},
    values={"kind": ("insect", "mammal", "robot")},
    dates={"born": TABLE.c.born},
    searches={"name": TABLE.c.name, "kind": TABLE.c.kind},
)


@pytest.fixture
def animals() -> Any:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as db:
        TABLE.create(db)
        db.execute(TABLE.insert(), [dict(zip(("name", "kind", "born"), row, strict=True)) for row in ROWS])
        yield db
    engine.dispose()


def names(db: sa.Connection, query: str) -> list[str]:
    return [row.name for row in read_page(db, sa.select(TABLE), LISTING, parse_page(QueryParams(query), LISTING)).rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["100%_er", "dog", "cat", "bee", "ant"]),
        ("sort=born&page_size=3", ["ant", "bee", "cat"]),
        ("sort=born&page_size=3&page=2", ["dog", "100%_er"]),
        ("sort=born&page_size=3&page=3", []),
        ("page=1000000000&page_size=1000", []),
        ("sort=name&filter[kind]=mammal", ["cat", "dog"]),
        ("sort=name&filter%5Bkind%5D=mammal&filter[name]=dog", ["dog"]),
        ("sort=name&filter[born][gte]=2026-01-03&filter[born][lte]=2026-01-04T00:00:00Z", ["cat", "dog"]),
        ("sort=name&filter[born][gte]=2026-01-03T13:00:00%2B01:00", ["100%_er", "cat", "dog"]),
        ("sort=name&search[born][start]=2026-01-03&search[born][end]=2026-01-04", ["cat", "dog"]),
        ("sort=name&search[name]=ca,do,zz", ["cat", "dog"]),
        ("sort=name&search[name]=ca&search[name]=DO", ["cat", "dog"]),
        ("sort=name&search[name]=a&search[kind]=insect", ["ant"]),
        ("search[name]=%25_", ["100%_er"]),
        ("search[name]=o%25", []),
        ("search[name]=,", ["100%_er", "dog", "cat", "bee", "ant"]),
    ],
)
def test_a_list_gives_what_it_is_asked_for(animals: sa.Connection, query: str, expected: list[str]):
    assert names(animals, query) == expected


@pytest.mark.parametrize(
    "query",
    ["sort=kind", "sort=--born", "page=0", "page=x", "page_size=1001", "page=" + "9" * 30, "page=-1", "page=%C2%B2"],
)
def test_a_page_that_cannot_be_is_422(query: str):
    with pytest.raises(UnusableError) as caught:
        parse_page(QueryParams(query), LISTING)
    assert caught.value.http_status == 422


@pytest.mark.parametrize(
    "query",
    [
        "filter[born][gte]=yesterday",
        "filter[born][gte]=0001-01-01T00:00:00%2B14:00",
        "filter[born]=2026-01-01",
        "filter[born][gt]=2026-01-01",
        "filter[kind]=fish",
        "filter[colour]=red",
        "search[born]=2026",
        "search[name]=" + ",".join("x" * 101),
        "filter[name]=%00",
    ],
)
def test_a_filter_that_cannot_be_is_400_and_not_ignored(query: str):
    with pytest.raises(RefusedError) as caught:
        parse_page(QueryParams(query), LISTING)
    assert caught.value.http_status == 400


def test_the_body_says_which_page_it_is(animals: sa.Connection):
    page = parse_page(QueryParams("page_size=2&page=3&filter[born][gte]=2026-01-01&search[name]=a,o,e"), LISTING)
    found = read_page(animals, sa.select(TABLE), LISTING, page)
    assert found.body([row.name for row in found.rows]) == {
        "object": "list",
        "data": ["ant"],
        "pagination": {"page": 3, "page_size": 2, "current_page_size": 1, "total_pages": 3, "total_results": 5},
        "sort": "-born",
        "filter": {"born": {"gte": "2026-01-01T00:00:00.000000Z"}},
        "search": {"name": ["a", "o", "e"]},
    }


def test_nothing_is_one_empty_page(animals: sa.Connection):
    page = parse_page(QueryParams("search[name]=nobody"), LISTING)
    body = read_page(animals, sa.select(TABLE), LISTING, page).body([])
    assert (body["pagination"]["total_pages"], body["filter"]) == (1, None)


@pytest.mark.parametrize(
    ("roles", "expected"), [({"*": "viewer"}, 5), ({"mammal": "viewer", "robot": "admin"}, 3), ({}, 0)]
)
def test_a_caller_sees_only_where_they_may_look(animals: sa.Connection, roles: dict[str, str], expected: int):
    statement = sa.select(TABLE).where(visible(TABLE.c.kind, Identity(subject="ann", roles=roles)))
    assert read_page(animals, statement, LISTING, parse_page(QueryParams(""), LISTING)).total == expected
