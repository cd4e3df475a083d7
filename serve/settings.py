"""Settings of the operator: places of state and data, access, and limits."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ss_ray.errors import ConfigError

SDK_MODELS = ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "HuggingFaceTB/SmolLM3-3B")
"""Models that NVIDIA's clients name where their user has not chosen one."""
COMPACT = "compact"
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
ROOT = Path(__file__).parents[1]
"""Folder that holds `jobs/` and `ss_ray/`."""


class Part(BaseModel):
    """A part of the settings: frozen, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class OidcSettings(Part):
    """Bearer tokens of an identity provider."""

    issuer: str = Field(description="`iss` that a token must have.")
    audience: str = Field(description="`aud` that a token must have.")
    jwks_url: str = Field(description="Where the provider publishes its keys.")
    algorithms: tuple[str, ...] = Field(("RS256", "ES256"), description="Signatures that are accepted.")
    roles_claim: str = Field("ss_ray_roles", description="Claim with a mapping of namespaces to roles.")


class AuthSettings(Part):
    """Access to the service. Without any setting, the key that is printed at the start opens it."""

    trust_this_machine: bool = Field(
        False,
        description="Take whoever calls from this machine for an admin, without a key. A proxy on this machine then "
        "opens the service to everybody.",
    )
    api_keys: bool = Field(False, description="Accept keys made with `python -m serve.store.keys create`.")
    oidc: OidcSettings | None = Field(None, description="Accept tokens of an identity provider.")

    @property
    def configured(self) -> bool:
        """Whether anybody has to show who they are."""
        return self.api_keys or self.oidc is not None


class ModelPolicy(Part):
    """Models that jobs may train. Clients send a model's name even if their user has chosen none."""

    mapped: dict[str, str] = Field(
        default_factory=lambda: dict.fromkeys(SDK_MODELS, COMPACT), description="Asked for -> trained in its place."
    )
    allowed: tuple[str, ...] = Field(
        (COMPACT,), min_length=1, description="Models trained as asked for; the first, where a request names none."
    )


class Limits(Part):
    """Limits of the service."""

    max_body_bytes: int = Field(4 << 20, ge=1024, description="Largest request that is no upload of a file.")
    max_upload_bytes: int = Field(64 << 30, ge=1024, description="Largest file.")
    max_table_bytes: int = Field(256 << 30, ge=1024, description="Most bytes of a file's cells, decompressed.")
    requests_per_minute: int = Field(6000, ge=1, description="Of one caller, by replica.")
    max_active_jobs: int = Field(1, ge=1, description="Jobs on the cluster at the same time.")
    max_active_per_namespace: int = Field(1, ge=1, description="Of one namespace.")
    max_waiting_per_namespace: int = Field(500, ge=1, description="Jobs of one namespace that wait.")
    max_waiting_jobs: int = Field(1000, ge=1, description="Jobs that wait; one more is refused with 429.")
    max_rows: int = Field(50_000_000, ge=1, description="Synthetic rows, or groups of rows, of one job.")
    max_rows_shown: int = Field(500_000_000, ge=1, description="Rows that one job's training is shown, or one batch.")
    max_model_parameters: int = Field(50_000_000, ge=1, description="Weights of an embedded model.")
    max_epsilon: float = Field(20, gt=0, description="Largest privacy.epsilon of one job.")
    max_delta: float = Field(0.001, gt=0, lt=1, description="Largest privacy.delta that one job may name.")
    max_job_seconds: int = Field(24 * 3600, ge=1, description="Time from a job's start to its end, restarts included.")
    max_job_bytes: int = Field(512 << 30, ge=1, description="Disk of one job: its input, its run, its table.")
    max_log_lines: int = Field(20_000, ge=100, description="Kept of a job; what comes later is counted.")


class RaySettings(Part):
    """Connection to the cluster."""

    dashboard: str | None = Field(None, description="URL of the cluster's dashboard; null: of the cluster around.")
    working_dir: str | None = Field(
        None, description="Folder or URI that Ray carries to the nodes; null: the code is at the same path on all."
    )
    python: str = Field(sys.executable, description="Program that runs a job's entry point, on the cluster.")
    entrypoint_num_cpus: float = Field(0, ge=0, description="CPUs that a job's driver takes.")


class Settings(Part):
    """All of it; the `args` of the application in serve/deploy/config.yaml."""

    database: str = Field("sqlite:///~/.ss_ray/serve/state.sqlite", description="SQLAlchemy URL: SQLite or PostgreSQL.")
    storage: str = Field("~/.ss_ray/serve", description="Folder or URI of uploaded content and of runs.")
    host: str = Field("127.0.0.1", description="Address that is listened on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that is listened on.")
    public_url: str | None = Field(None, description="URL by which clients reach the service; null: as they name it.")
    data_sources: tuple[str, ...] = Field((), description="Folders and bucket URIs that jobs may read beside uploads.")
    datasets: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Name of a data set in the privacy ledger -> files and folders that belong to it: uploads as "
        "hf://datasets/namespace[/repository[/path]], or places in data_sources.",
    )
    auth: AuthSettings = Field(default_factory=AuthSettings)
    models: ModelPolicy = Field(default_factory=ModelPolicy)
    limits: Limits = Field(default_factory=Limits)
    ray: RaySettings = Field(default_factory=RaySettings)
    ledger: str | None = Field(None, description="SQLAlchemy URL of the privacy ledger; null: the cluster's own.")
    audit_log: str | None = Field("~/.ss_ray/audit.jsonl", description="Audit log of the jobs' drivers; null: none.")
    resources: dict[str, bool | int] = Field(
        default_factory=dict, description="The section `resources` of every job; requests cannot change it."
    )

    @field_validator("ledger")
    @classmethod
    def _holds_no_password(cls, url: str | None) -> str | None:
        if url is not None and "://" in url and sa.make_url(url).password:
            raise ValueError("jobs carry this URL in their configuration: give its password as PGPASSWORD, PGPASSFILE")
        return url


def parse_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from a file's values; `${NAME}` in a text is a variable of the environment.

    Raises:
        ConfigError: They are not as they must be. The message repeats none of them.
    """
    try:
        return Settings.model_validate(_expand_variables(values))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"settings: {wrong}") from None


def read_settings(file: Path | None, *, host: str | None = None, port: int | None = None) -> Settings:
    """Settings of a YAML file (defaults without one), overridden by the command line.

    Raises:
        ConfigError: They are not as they must be.
    """
    try:
        if file:
            values = yaml.safe_load(file.read_text())
        else:
            values = {}

        given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        return parse_settings({**(values or {}), **given})
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the settings {str(file)!r}: {type(error).__name__}") from None


def _expand_variables(value: Any) -> Any:
    """The value with environment variables expanded in its texts."""
    if isinstance(value, Mapping):
        return {name: _expand_variables(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_expand_variables(inner) for inner in value]
    if isinstance(value, str):
        return VARIABLE.sub(_read_variable, value)

    return value


def _read_variable(match: re.Match[str]) -> str:
    found = os.environ.get(match[1])
    if not found:
        raise ConfigError(f"settings: the variable {match[1]} is not set in the environment")
    return found
