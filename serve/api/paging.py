"""Lists in pages: `page`, `page_size`, `sort`, `filter[...]` and `search[...]` of a request, on any SELECT.

LISTING = Listing(sorts={"created_at": T.c.created_at}, tie=(T.c.number,), filters={"name": T.c.name},
                  dates={"created_at": T.c.created_at}, searches={"name": T.c.name})
asked = parse_page(request.query_params, LISTING)            # 422 or 400 where it asks for what there is not
with database.read() as db:
    found = read_page(db, sa.select(T).where(visible(T.c.namespace, identity)), LISTING, asked)
return found.body([row.name for row in found.rows])
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from starlette.datastructures import QueryParams

from serve.bodies import is_portable
from serve.errors import RefusedError, UnusableError
from serve.store.auth import Identity
from serve.store.database import time_text

PAGE_SIZE = 10
MAX_PAGE_SIZE = 1000
MAX_PAGE = 10**9
MAX_TERMS = 100
PARAMETER = re.compile(r"(filter|search)\[(\w+)\](?:\[(\w+)\])?(?:\[\])?")
BOUNDS = {
    ("filter", "gte"): "gte",
    ("filter", "lte"): "lte",
    # As the entity store's clients write it.
    ("search", "start"): "gte",
    ("search", "end"): "lte",
}
Column = sa.ColumnElement[Any]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Orders and filters that a list supports.

    Attributes:
        sorts: Name -> column that rows can be ordered by, upwards or, with "-" before the name, downwards.
        tie: Columns that order what is otherwise equal; together unique, so that no row is on two pages.
        default_sort: Default order, as a request would write it.
        filters: Name -> column that must be equal.
        values: Name of a filter -> what it may be, where that is not anything.
        dates: Name -> column with a time, as `database.now` writes it; `filter[...][gte]` and `[lte]`, or
            `search[...][start]` and `[end]`, bound it.
        searches: Name -> column that must contain one of several texts, in capitals or not.
    """

    sorts: Mapping[str, Column]
    tie: Sequence[Column]
    default_sort: str = "-created_at"
    filters: Mapping[str, Column] = field(default_factory=dict)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dates: Mapping[str, Column] = field(default_factory=dict)
    searches: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """The part of a list that a request asks for.

    Attributes:
        number: From 1 on.
        size: Rows of a page.
        sort: Name of a column, perhaps with "-" before it.
        filters: Name -> value.
        bounds: Name -> "gte" or "lte" -> time as tables have it.
        searches: Name -> texts, one of which the column contains.
    """

    number: int
    size: int
    sort: str
    filters: Mapping[str, str]
    bounds: Mapping[str, Mapping[str, str]]
    searches: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of a list.

    Attributes:
        page: Page as the request describes it.
        rows: None where the page lies past the end.
        total: Rows on all pages.
    """

    page: Page
    rows: Sequence[sa.Row[Any]]
    total: int

    def body(self, data: Sequence[Any]) -> dict[str, Any]:
        """Body of the answer, with the rows as the API shows them."""
        filters = {**self.page.filters, **self.page.bounds}
        return {
            "object": "list",
            "data": list(data),
            "pagination": {
                "page": self.page.number,
                "page_size": self.page.size,
                "current_page_size": len(data),
                "total_pages": max(1, -(-self.total // self.page.size)),
                "total_results": self.total,
            },
            "sort": self.page.sort,
            "filter": filters or None,
            "search": {name: list(terms) for name, terms in self.page.searches.items()} or None,
        }


def parse_page(query: QueryParams, listing: Listing) -> Page:
    """Parse the page, order and filters of a request.

    Raises:
        UnusableError: Page, size or sort are none (422).
        RefusedError: A filter or search is none (400).
    """
    sort = query.get("sort") or listing.default_sort
    if sort.removeprefix("-") not in listing.sorts:
        raise UnusableError(f"sort is one of {', '.join(f'{name}, -{name}' for name in listing.sorts)}")

    filters: dict[str, str] = {}
    bounds: dict[str, dict[str, str]] = {}
    searches: dict[str, list[str]] = {}

    for key, text in [*query.multi_items(), *_spread_filter(query.get("filter"))]:
        match = PARAMETER.fullmatch(key)
        if match is None:
            continue

        kind, name, bound = match.groups()
        if not is_portable(text):
            raise RefusedError(f"{kind}[{name}] holds a character that no text has")

        if kind == "search" and name in listing.searches and bound is None:
            searches.setdefault(name, []).extend(term.strip() for term in text.split(",") if term.strip())
        elif name in listing.dates and (kind, bound) in BOUNDS:
            bounds.setdefault(name, {})[BOUNDS[kind, bound]] = _parse_time(name, text)
        elif kind == "filter" and name in listing.filters and bound is None:
            filters[name] = _check_value(name, text, listing)
        else:
            raise RefusedError(f"this list has no {key[:80]!r}; it has {', '.join(_list_parameters(listing))}")

    if sum(map(len, searches.values())) > MAX_TERMS:
        raise RefusedError(f"a search may have {MAX_TERMS} texts")

    return Page(
        number=_parse_integer(query, "page", 1, MAX_PAGE),
        size=_parse_integer(query, "page_size", PAGE_SIZE, MAX_PAGE_SIZE),
        sort=sort,
        filters=filters,
        bounds=bounds,
        searches={name: terms for name, terms in searches.items() if terms},
    )


def read_page(db: sa.Connection, statement: sa.Select[Any], listing: Listing, page: Page) -> Found:
    """The rows of a page, and how many there are on all."""
    statement = statement.where(*_make_conditions(listing, page))
    total = db.scalar(sa.select(sa.func.count()).select_from(statement.order_by(None).subquery())) or 0
    ordered = statement.order_by(*_make_order(listing, page.sort))
    rows = db.execute(ordered.limit(page.size).offset((page.number - 1) * page.size)).all()
    return Found(page=page, rows=rows, total=total)


def visible(namespace: Column, identity: Identity) -> Column:
    """The condition that a row lies where the caller may look."""
    if identity.namespaces is None:
        return sa.true()
    return namespace.in_(identity.namespaces)


def _make_conditions(listing: Listing, page: Page) -> list[Column]:
    equal = [listing.filters[name] == value for name, value in page.filters.items()]
    after = [listing.dates[name] >= bound["gte"] for name, bound in page.bounds.items() if "gte" in bound]
    before = [listing.dates[name] <= bound["lte"] for name, bound in page.bounds.items() if "lte" in bound]
    contained = [
        sa.or_(*(listing.searches[name].icontains(term, autoescape=True) for term in terms))
        for name, terms in page.searches.items()
    ]

    return [*equal, *after, *before, *contained]


def _make_order(listing: Listing, sort: str) -> list[Column]:
    columns = [listing.sorts[sort.removeprefix("-")], *listing.tie]
    return [column.desc() if sort.startswith("-") else column.asc() for column in columns]


def _parse_integer(query: QueryParams, name: str, default: int, largest: int) -> int:
    text = query.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= largest):
        raise UnusableError(f"{name} is a whole number between 1 and {largest:,}")
    return int(text)


def _spread_filter(text: str | None) -> list[tuple[str, str]]:
    """The parameters that a filter in one JSON object stands for.

    Raises:
        RefusedError: The text is no JSON object of names with texts or bounds.
    """
    if not text:
        return []

    try:
        given = json.loads(text)
    except ValueError:
        given = None

    if not isinstance(given, dict):
        raise RefusedError("filter is a JSON object of names with values, or filter[name]=value")

    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        bounds = value if isinstance(value, dict) else {None: value}
        for bound, inner in bounds.items():
            if not isinstance(inner, str):
                raise RefusedError("the values of a filter are texts")
            pairs.append((f"filter[{name}]" + ("" if bound is None else f"[{str(bound).lstrip('$')}]"), inner))

    return pairs


def _check_value(name: str, text: str, listing: Listing) -> str:
    allowed = listing.values.get(name)
    if allowed is not None and text not in allowed:
        raise RefusedError(f"filter[{name}] is one of {', '.join(allowed)}")
    return text


def _parse_time(name: str, text: str) -> str:
    """A time in any ISO 8601 form, as tables have it; without an offset it is UTC."""
    try:
        time = datetime.fromisoformat(text.strip())
        return time_text(time.replace(tzinfo=UTC) if time.tzinfo is None else time)
    except (ValueError, OverflowError):
        raise RefusedError(f"{name} takes times such as 2026-01-31 or 2026-01-31T12:00:00Z") from None


def _list_parameters(listing: Listing) -> list[str]:
    """Filters and searches, in the spelling of requests."""
    return [
        *(f"filter[{name}]" for name in listing.filters),
        *(f"{kind}[{name}][{bound}]" for name in listing.dates for kind, bound in BOUNDS),
        *(f"search[{name}]" for name in listing.searches),
    ]
