"""Identity and rights of callers: API keys, tokens of an identity provider, or this machine where it is trusted.

With nothing configured the service makes one key when it starts. A caller's address proves nothing: a proxy on this
machine passes on the requests of everybody, and may add no header that would tell.

A role in a namespace ("viewer" reads, "editor" also makes and cancels, "admin" also deletes) or in all ("*"). What
lies in a namespace in which the caller has no role does not exist for them: 404.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
import sqlalchemy as sa

from serve.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from serve.settings import AuthSettings, OidcSettings
from serve.store.database import API_KEYS, Database, new_id, now

Role = Literal["viewer", "editor", "admin"]
ROLES: Sequence[Role] = ("viewer", "editor", "admin")
EVERYWHERE = "*"
KEY_PREFIX = "ssr_"
SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A caller.

    Attributes:
        subject: Name of the key or of the person.
        roles: Namespace, or "*" for all -> role.
    """

    subject: str
    roles: Mapping[str, str]

    def may(self, namespace: str, role: Role) -> bool:
        """Whether the caller has that role in the namespace, or a role that includes it."""
        held = {self.roles.get(namespace), self.roles.get(EVERYWHERE)}
        return bool(held & set(ROLES[ROLES.index(role) :]))

    @property
    def namespaces(self) -> tuple[str, ...] | None:
        """Namespaces that the caller may view; None for all."""
        if EVERYWHERE in self.roles:
            return None
        return tuple(self.roles)

    def require(self, namespace: str, role: Role, what: str) -> None:
        """Refuse a request that the caller has no right to.

        Args:
            namespace: Namespace of the resource.
            role: Role that the request needs.
            what: For the message, such as "Job job-123".

        Raises:
            NotFoundError: They may not even know of it.
            ForbiddenError: They may look, and no more.
        """
        # A resource that the caller may not view must look as if it did not exist.
        if not self.may(namespace, "viewer"):
            raise NotFoundError(f"{what} not found")
        if not self.may(namespace, role):
            raise ForbiddenError(f"this takes the role {role!r} in the namespace {namespace!r}")


LOCAL = Identity(subject="local", roles={EVERYWHERE: "admin"})
"""Whoever calls from this machine, where the operator trusts it."""
START_KEY = "start-up"
"""Name of the key that a service without authentication makes when it starts."""


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """Identifies callers by their credentials.

    Attributes:
        settings: Accepted kinds of credentials.
        database: Holds the keys.
        signing_keys: Public keys of the identity provider; None without one.
    """

    settings: AuthSettings
    database: Database
    signing_keys: jwt.PyJWKClient | None = field(default=None)

    @property
    def takes_keys(self) -> bool:
        """Whether an API key opens the service; the start key counts as one."""
        return self.settings.api_keys or not self.settings.configured

    def identify(
        self, authorization: str, session: str, client: str | None, host: str, *, is_forwarded: bool = False
    ) -> Identity:
        """The caller of a request.

        Args:
            authorization: Header of that name; empty without one.
            session: Cookie of the page; empty without one.
            client: Address that the request came from; None where it is not known.
            host: Header of that name: what the caller calls this machine.
            is_forwarded: Whether a header says that a proxy passed the request on.

        Raises:
            UnauthenticatedError: Nothing that is accepted was shown.
            ForbiddenError: This machine is trusted, and the request comes from elsewhere.
        """
        if self.settings.trust_this_machine and not self.settings.configured:
            # A page of another site can reach this machine by a name that resolves to it, so the Host header counts
            # too.
            if is_forwarded or not is_loopback(client) or not is_loopback(_without_port(host)):
                raise ForbiddenError("no authentication is configured, so only this machine itself is answered")
            return LOCAL

        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return self._identify_bearer(token.strip())
        if session and self.takes_keys:
            return self._identify_session(session)

        raise UnauthenticatedError("show an API key: Authorization: Bearer ssr_...", headers=CHALLENGE)

    def open_session(self, key: str) -> str:
        """A cookie for somebody with an API key, good for 12 hours or until the key is revoked.

        Raises:
            UnauthenticatedError: It is no key.
        """
        if not self.takes_keys:
            raise UnauthenticatedError("keys are not accepted here")
        found = self._find_key(API_KEYS.c.hash == _hash_key(key))
        claims = {"sub": found.id, "exp": int(time.time()) + SESSION_SECONDS}
        return jwt.encode(claims, self.database.secret("sessions"), algorithm="HS256")

    def _identify_bearer(self, token: str) -> Identity:
        if self.takes_keys and token.startswith(KEY_PREFIX):
            found = self._find_key(API_KEYS.c.hash == _hash_key(token))
            return Identity(subject=found.name, roles=found.roles)

        if self.settings.oidc is not None and self.signing_keys is not None:
            return _identity_of_token(token, self.settings.oidc, self.signing_keys)

        raise UnauthenticatedError("the key is not known", headers=CHALLENGE)

    def _identify_session(self, session: str) -> Identity:
        try:
            claims = jwt.decode(session, self.database.secret("sessions"), algorithms=["HS256"])
        except jwt.PyJWTError:
            raise UnauthenticatedError("the session is over; sign in again", headers=CHALLENGE) from None

        # The session ends with its key, so the key is looked up each time.
        found = self._find_key(API_KEYS.c.id == claims["sub"])
        return Identity(subject=found.name, roles=found.roles)

    def _find_key(self, condition: sa.ColumnElement[bool]) -> Any:
        with self.database.read() as db:
            found = db.execute(sa.select(API_KEYS).where(condition, API_KEYS.c.revoked_at.is_(None))).one_or_none()
        if found is None:
            raise UnauthenticatedError("the key is not known, or was revoked", headers=CHALLENGE)
        return found


CHALLENGE = {"www-authenticate": "Bearer"}


def make_authentication(settings: AuthSettings, database: Database) -> Authentication:
    """Make the authentication that the settings describe."""
    if settings.oidc:
        keys = jwt.PyJWKClient(settings.oidc.jwks_url, cache_keys=True, timeout=10)
    else:
        keys = None
    return Authentication(settings=settings, database=database, signing_keys=keys)


def create_key(database: Database, name: str, roles: Mapping[str, Role]) -> str:
    """Make an API key; it is shown once, and only its hash is stored."""
    # 256 random bits need no slow hash.
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    with database.write() as db:
        db.execute(
            API_KEYS.insert().values(
                id=new_id("key"), name=name, hash=_hash_key(key), roles=dict(roles), created_at=now()
            )
        )

    return key


def create_start_key(database: Database) -> str:
    """Make the key of a service that starts without authentication; the key of its last start is revoked."""
    revoke_key(database, START_KEY)
    return create_key(database, START_KEY, {EVERYWHERE: "admin"})


def revoke_key(database: Database, name: str) -> int:
    """Revoke all keys of that name; how many there were."""
    with database.write() as db:
        condition = (API_KEYS.c.name == name) & API_KEYS.c.revoked_at.is_(None)
        return db.execute(API_KEYS.update().where(condition).values(revoked_at=now())).rowcount


def is_loopback(address: str | None) -> bool:
    """Whether an address or a name is this machine's own. A request without an address has an unknown origin."""
    if address is None:
        return False
    if address == "localhost":
        return True

    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _identity_of_token(token: str, oidc: OidcSettings, keys: jwt.PyJWKClient) -> Identity:
    """Check signature, issuer, audience and time of a token.

    Raises:
        UnauthenticatedError: Something about it is wrong; what, the caller is not told.
    """
    try:
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token).key,
            algorithms=list(oidc.algorithms),
            audience=oidc.audience,
            issuer=oidc.issuer,
            # PyJWT checks a claim only if the token has it.
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError:
        raise UnauthenticatedError("the token is not accepted", headers=CHALLENGE) from None

    claimed = claims.get(oidc.roles_claim)
    if isinstance(claimed, dict):
        # Roles of other applications are not ours.
        roles = {str(k): v for k, v in claimed.items() if v in ROLES}
    else:
        roles = {}

    return Identity(subject=str(claims["sub"]), roles=roles)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return name
    return host


def _hash_key(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
