"""Keys, tokens and roles."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from serve.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from serve.settings import AuthSettings, OidcSettings, Settings
from serve.store.auth import Identity, create_key, make_authentication, revoke_key
from serve.store.database import Database
from serve.store.migrate import migrate

OIDC = OidcSettings(issuer="https://id.example", audience="ss-ray", jwks_url="https://id.example/keys")


@pytest.fixture
def database(settings: Settings) -> Database:
    made = Database(settings.database)
    migrate(made)
    return made


def identify(authentication: Any, token: str = "", session: str = "") -> Identity:
    return authentication.identify(f"Bearer {token}" if token else "", session, "192.0.2.7", "example.org")


def test_a_key_opens_its_namespaces_until_it_is_revoked(database: Database):
    authentication = make_authentication(AuthSettings(api_keys=True), database)
    key = create_key(database, "ann", {"trial": "editor"})
    identity = identify(authentication, key)
    assert (identity.subject, identity.roles) == ("ann", {"trial": "editor"})
    assert revoke_key(database, "ann") == 1
    with pytest.raises(UnauthenticatedError):
        identify(authentication, key)


def test_no_key_is_kept_as_it_is(database: Database):
    key = create_key(database, "ann", {"*": "admin"})
    assert key.encode() not in b"".join(
        file.read_bytes() for file in Path(str(database.url.database)).parent.glob("state*")
    )


def test_a_session_ends_with_its_key(database: Database):
    authentication = make_authentication(AuthSettings(api_keys=True), database)
    session = authentication.open_session(create_key(database, "ann", {"*": "viewer"}))
    assert identify(authentication, session=session).subject == "ann"
    revoke_key(database, "ann")
    with pytest.raises(UnauthenticatedError):
        identify(authentication, session=session)


def test_keys_open_no_session_where_only_an_identity_provider_is_trusted(database: Database):
    key = create_key(database, "ann", {"*": "admin"})
    session = make_authentication(AuthSettings(api_keys=True), database).open_session(key)
    authentication = make_authentication(AuthSettings(oidc=OIDC), database)
    with pytest.raises(UnauthenticatedError):
        authentication.open_session(key)
    with pytest.raises(UnauthenticatedError):
        identify(authentication, session=session)


@pytest.mark.parametrize("token", ["", "x", "ssr_guess", "a.b.c", "Bearer"])
def test_what_is_no_key_is_refused(database: Database, token: str):
    with pytest.raises(UnauthenticatedError):
        identify(make_authentication(AuthSettings(api_keys=True, oidc=OIDC), database), token)


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLAIMS = {"iss": OIDC.issuer, "aud": OIDC.audience, "sub": "bea", "ss_ray_roles": {"trial": "viewer", "b": "root"}}


@pytest.mark.parametrize(
    ("changes", "key", "accepted"),
    [
        ({}, KEY, True),
        ({}, OTHER_KEY, False),
        ({"iss": "https://evil.example"}, KEY, False),
        ({"aud": "other"}, KEY, False),
        ({"exp": 1}, KEY, False),
    ],
)
def test_a_token_is_checked(database: Database, changes: dict[str, Any], key: rsa.RSAPrivateKey, accepted: bool):
    authentication = replace(
        make_authentication(AuthSettings(oidc=OIDC), database),
        signing_keys=SimpleNamespace(get_signing_key_from_jwt=lambda token: SimpleNamespace(key=KEY.public_key())),
    )
    token = jwt.encode({**CLAIMS, "exp": time.time() + 60, **changes}, key, algorithm="RS256")
    if accepted:
        assert identify(authentication, token) == Identity(subject="bea", roles={"trial": "viewer"})
    else:
        with pytest.raises(UnauthenticatedError):
            identify(authentication, token)


def test_a_role_includes_the_lesser_ones_and_what_is_elsewhere_does_not_exist():
    identity = Identity(subject="ann", roles={"trial": "editor"})
    identity.require("trial", "viewer", "Job 1")
    with pytest.raises(ForbiddenError):
        identity.require("trial", "admin", "Job 1")
    with pytest.raises(NotFoundError, match="Job 1 not found"):
        identity.require("other", "viewer", "Job 1")
