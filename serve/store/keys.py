"""API keys: `python -m serve.store.keys create ann --role trial=editor`, `revoke ann`, `list`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import sqlalchemy as sa

from serve.settings import read_settings
from serve.store.auth import ROLES, Role, create_key, revoke_key
from serve.store.database import API_KEYS, Database
from serve.store.migrate import migrate


def main(arguments: Sequence[str] | None = None) -> None:
    """Make, revoke or list keys in the database of the settings."""
    options = _make_parser().parse_args(arguments)
    database = Database(read_settings(options.settings).database)
    migrate(database)
    if options.command == "create":
        print(create_key(database, options.name, dict(options.role)))
    elif options.command == "revoke":
        print(f"{revoke_key(database, options.name)} revoked")
    else:
        with database.read() as db:
            for key in db.execute(sa.select(API_KEYS).order_by(API_KEYS.c.created_at)):
                roles = ", ".join(f"{namespace}={role}" for namespace, role in key.roles.items())
                print(f"{key.name}: {roles}{' (revoked)' if key.revoked_at else ''}")


def parse_role(text: str) -> tuple[str, Role]:
    """NAMESPACE=ROLE, or ROLE for all namespaces.

    Raises:
        argparse.ArgumentTypeError: There is no such role.
    """
    namespace, _, role = text.rpartition("=")
    if role not in ROLES:
        raise argparse.ArgumentTypeError(f"a role is one of {', '.join(ROLES)}: give NAMESPACE=ROLE")
    return namespace or "*", cast(Role, role)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serve.store.keys", description=__doc__)
    parser.add_argument("--settings", type=Path, help="YAML file of the service")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key, and show it once")
    create.add_argument("name")
    create.add_argument("--role", type=parse_role, action="append", required=True, help="NAMESPACE=viewer|editor|admin")
    revoke = commands.add_parser("revoke", help="revoke all keys of a name")
    revoke.add_argument("name")
    commands.add_parser("list", help="names and roles")

    return parser


if __name__ == "__main__":
    main()
