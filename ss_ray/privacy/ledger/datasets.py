"""The data set of a job, regardless of its name: one data set has one account for all its names and copies.

A data set is recognised by the declared name, by an aliased place that holds its files, and by the content of files
that a job used before. Names are compared without regard to case, spacing and Unicode form. Where the three disagree
and a budget is at stake, the job is refused.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.privacy.ledger.tables import ACCOUNTS, ALIASES, JOBS, add_alias, locked_account, record
from ss_ray.runs.run_dir import fingerprint

NAME = "name"
PLACE = "place"
CONTENT = "content"
UNNAMED = "sha256:"
"""Beginning of the name of a data set that nobody named: a fingerprint of its files follows."""
INVISIBLE = ("Cf", "Cc", "Co", "Cn")
"""Unicode categories of characters that nobody sees: joiners, marks of direction, control characters."""


@dataclass(frozen=True, kw_only=True)
class DataIdentity:
    """Everything by which the ledger recognises the table of a run.

    Attributes:
        name: `privacy.dataset` of the request; None if the request has none.
        place: Absolute path or URI of the table, without links and credentials.
        digests: SHA-256 of each file of the table, 64 hex digits.
    """

    name: str | None
    place: str
    digests: tuple[str, ...]


def normalized_name(name: str) -> str:
    """The form of a data set's name that is compared: NFKC, case-folded, without invisible characters.

    Raises:
        ConfigError: Nothing of the name is left.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    spaced = "".join(" " if character.isspace() else character for character in folded)
    visible = "".join(c for c in spaced if unicodedata.category(c) not in INVISIBLE and not _is_variation(c))
    words = visible.split()
    if not words:
        raise ConfigError("privacy.dataset: the name of a data set needs a visible character")

    return " ".join(words)


def dataset_of(db: sa.Connection, name: str) -> str:
    """The data set of a name, aliases followed."""
    normal = normalized_name(name)
    return _find_by_alias(db, NAME, normal) or normal


def identify(db: sa.Connection, source: DataIdentity) -> str:
    """The data set of a table.

    Raises:
        PrivacyError: Name, place and content belong to different data sets, one of which has a budget.
    """
    if source.name is not None:
        named = dataset_of(db, source.name)
    else:
        named = None

    placed = _find_by_place(db, source.place)
    copied = [_find_by_alias(db, CONTENT, digest) for digest in source.digests]
    unnamed = dataset_of(db, UNNAMED + fingerprint(sorted(source.digests)))
    if budgeted_units(db, unnamed):
        copied.append(unnamed)

    found = list(dict.fromkeys(dataset for dataset in (named, placed, *copied) if dataset is not None))
    has_budget = any(budgeted_units(db, dataset) for dataset in found)
    is_renamed = None not in (named, placed) and named != placed
    if len(found) > 1 and (has_budget or is_renamed):
        listed = " and ".join(map(repr, found))
        raise PrivacyError(
            f"the table belongs to the data sets {listed} by its name, place and content; set privacy.dataset to the "
            "right one, or join them with `ss-ray ledger alias`"
        )

    if found:
        return found[0]

    return unnamed


def remember_content(db: sa.Connection, dataset: str, digests: tuple[str, ...]) -> None:
    """Remember the content of a job's files, to recognise them under other names."""
    for digest in digests:
        before = _find_by_alias(db, CONTENT, digest)
        if before is None:
            add_alias(db, CONTENT, digest, dataset)
        # An earlier job used the files under no name: they join the data set, with everything that was spent on them.
        elif before != dataset and before.startswith(UNNAMED):
            set_alias(db, NAME, before, dataset)


def set_alias(db: sa.Connection, kind: str, alias: str, dataset: str) -> None:
    """Assign a name or a place to a data set from now on. Spending under the name moves to the data set.

    Raises:
        ConfigError: The name is the data set's own.
    """
    if kind == NAME and alias == dataset:
        raise ConfigError(f"{alias!r} is the name of that data set already")

    db.execute(sa.delete(ALIASES).filter_by(kind=kind, alias=alias))
    add_alias(db, kind, alias, dataset)
    if kind == NAME:
        merge_accounts(db, alias, dataset)
        db.execute(sa.update(ALIASES).filter_by(dataset=alias).values(dataset=dataset))

    record(db, f"alias-{kind}", dataset=dataset, privacy_unit=alias)


def merge_accounts(db: sa.Connection, before: str, dataset: str) -> None:
    """Move the jobs and budgets of one name to another; of two budgets the smaller epsilon and delta stay."""
    for old in db.execute(sa.select(ACCOUNTS).filter_by(dataset=before)).all():
        kept = locked_account(db, dataset, old.privacy_unit)
        limits = {"epsilon": _smaller_limit(old.epsilon, kept.epsilon), "delta": _smaller_limit(old.delta, kept.delta)}
        key = {"dataset": dataset, "privacy_unit": old.privacy_unit}
        db.execute(sa.update(ACCOUNTS).filter_by(**key).values(limits))
        record(db, "merge", **key, **limits)

    db.execute(sa.update(JOBS).filter_by(dataset=before).values(dataset=dataset))
    db.execute(sa.delete(ACCOUNTS).filter_by(dataset=before))


def normalize_accounts(db: sa.Connection) -> None:
    """Bring a ledger of an earlier version to normalized names; nothing to do in any other."""
    for name in db.scalars(sa.select(ACCOUNTS.c.dataset).distinct()).all():
        if _is_visible(name) and normalized_name(name) != name:
            merge_accounts(db, name, normalized_name(name))


def budgeted_units(db: sa.Connection, dataset: str) -> tuple[str, ...]:
    """Privacy units of a data set that have a budget."""
    query = sa.select(ACCOUNTS.c.privacy_unit).where(ACCOUNTS.c.dataset == dataset, ACCOUNTS.c.epsilon.is_not(None))
    return tuple(db.scalars(query.order_by(ACCOUNTS.c.privacy_unit)))


def require_budgeted_unit(db: sa.Connection, account: sa.Row[Any]) -> None:
    """Refuse a privacy unit without a budget if the data set has one for another unit.

    Raises:
        PrivacyError: The unit has no budget, and another has.
    """
    others = budgeted_units(db, account.dataset)
    if account.epsilon is None and others:
        raise PrivacyError(
            f"data set {account.dataset!r} has a budget per {others[0]}, and none per {account.privacy_unit}; protect "
            f"the unit that has one, or set one: ss-ray ledger set-budget {account.dataset!r} --unit "
            f'"{account.privacy_unit}"'
        )


def _find_by_place(db: sa.Connection, place: str) -> str | None:
    """Data set of the innermost aliased place that holds a place, else of a budgeted place inside it."""
    aliases = db.execute(sa.select(ALIASES).filter_by(kind=PLACE)).all()
    holding = [row for row in aliases if f"{place}/".startswith(f"{row.alias.rstrip('/')}/")]
    innermost = max(holding, key=lambda row: len(row.alias), default=None)
    if innermost is not None:
        return str(innermost.dataset)

    inside = (str(row.dataset) for row in aliases if row.alias.startswith(f"{place.rstrip('/')}/"))
    return next((dataset for dataset in sorted(inside) if budgeted_units(db, dataset)), None)


def _find_by_alias(db: sa.Connection, kind: str, alias: str) -> str | None:
    dataset: str | None = db.scalar(sa.select(ALIASES.c.dataset).filter_by(kind=kind, alias=alias))
    return dataset


def _smaller_limit(one: float | None, other: float | None) -> float | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _is_variation(character: str) -> bool:
    """Whether a character only chooses the glyph of the character before it."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _is_visible(name: str) -> bool:
    try:
        normalized_name(name)
    except ConfigError:
        return False
    return True
