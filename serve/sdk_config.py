"""Translation of a client's configuration into a job's, or the reason why it is refused.

NVIDIA's 1.5.0 client sends every parameter with its default filled in, so nobody can tell what its user chose. A value
that is that client's default is therefore taken for "not chosen", and this project's default holds. A model that the
client names by itself is trained only where the operator allows it; else the one that the operator put in its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from serve.errors import UnusableError
from serve.runner.job_limits import check_limits
from serve.settings import ModelPolicy, Settings
from serve.store.places import dataset_name
from ss_ray.config.files import parse_config, unknown_parameters
from ss_ray.plans.make import check_supported

Kind = Literal["run", "replace_pii"]
SDK_DEFAULTS: dict[str, Any] = {
    "data": {
        "group_training_examples_by": None,
        "order_training_examples_by": None,
        "max_sequences_per_example": "auto",
        "holdout": 0.05,
        "max_holdout": 2000,
        "random_state": None,
    },
    "training": {
        "num_input_records_to_sample": "auto",
        "batch_size": 1,
        "gradient_accumulation_steps": 8,
        "weight_decay": 0.01,
        "warmup_ratio": 0.05,
        "lr_scheduler": "cosine",
        "learning_rate": 0.0005,
        "lora_r": 32,
        "lora_alpha_over_r": 1.0,
        "lora_target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"],
        "use_unsloth": "auto",
        "rope_scaling_factor": "auto",
        "validation_ratio": 0.0,
        "validation_steps": 15,
        "pretrained_model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "quantize_model": False,
        "quantization_bits": 8,
        "peft_implementation": "QLORA",
        "max_vram_fraction": 0.8,
    },
    "generation": {
        "num_records": 1000,
        "temperature": 0.9,
        "repetition_penalty": 1.0,
        "top_p": 1.0,
        "patience": 3,
        "invalid_fraction_threshold": 0.8,
        "use_structured_generation": False,
        "structured_generation_backend": "auto",
        "structured_generation_schema_method": "regex",
    },
    "privacy": {"dp_enabled": False, "epsilon": 8.0, "delta": "auto", "per_sample_max_grad_norm": 1.0},
    "evaluation": {
        "enabled": True,
        "mia_enabled": True,
        "aia_enabled": True,
        "pii_replay_enabled": True,
        "sqs_report_columns": 250,
        "sqs_report_rows": 5000,
        "quasi_identifier_count": 3,
        "mandatory_columns": None,
        "pii_replay_entities": None,
        "pii_replay_columns": None,
    },
    "replace_pii": None,
    "enable_synthesis": True,
    "enable_replace_pii": True,
}
"""Of nemo-microservices 1.5.0: what its client sends where its user chose nothing."""
ALWAYS_SENT: dict[str, dict[str, Any]] = {
    # "auto", as the client resolves it.
    "data": {"max_sequences_per_example": None},
    # Value of nemo-platform 0.3.0.
    "training": {"learning_rate": "auto"},
}
DEFAULT_STEPS = "379ce00219880c9e6e087337db44f4ad764ed0c53f172c97cf0ce4d43bc8a113"
"""SHA-256 of the policy that the 1.5.0 client sends where its user wrote none; our own rules do the same and more."""
DEFAULT_GLINER = ("gretelai/gretel-gliner-bi-large-v1.0", "nvidia/gliner-PII")
OPERATOR_ONLY = {
    "audit_log": "the service keeps the audit log",
    "notes": "the service writes them",
    "data.max_bytes": "the operator decides how much is read",
    "data.query": "jobs read no databases for a user",
    "resources": "the operator decides where jobs run",
    "tracking": "the operator decides which servers are told of jobs",
    "privacy.ledger": "the service keeps the ledger",
    "privacy.dataset": "the operator names data sets",
    "privacy.allow_inferred_schema": "the operator does not let a schema be used that nothing paid for",
    "generation.seed_table": "rows of a seed table cannot be given over the API",
    "evaluation.text_embedding": "the operator decides which models are loaded",
    "replace_pii.key_env": "jobs do not read the service's environment",
    "replace_pii.globals.classify.endpoint": "jobs ask no endpoints for a user",
    "replace_pii.globals.ner.model": "the operator decides which models are loaded",
}
"""What a request may not set, and why: it would reach files, addresses or budgets that are not the caller's."""
HARMLESS: dict[str, Any] = {"privacy.allow_inferred_schema": False, "replace_pii.globals.ner.model": "builtin"}
"""Of those, what may be sent because it is what the operator has anyway."""


@dataclass(frozen=True, kw_only=True)
class JobConfig:
    """Translated configuration of a job.

    Attributes:
        kind: Kind of job, which decides its entry point.
        echoed: The configuration as clients get it back, their defaults filled in.
        config: For the entry point: what was chosen, JSON.
        model: "asked" and "trained" where they differ; else empty.
        warnings: Sentences about parameters that have no effect.
    """

    kind: Kind
    echoed: dict[str, Any]
    config: dict[str, Any]
    model: dict[str, str]
    warnings: tuple[str, ...] = ()


def job_config(sent: Mapping[str, Any], settings: Settings, data_source: str = "") -> JobConfig:
    """Translate a client's configuration into the job's.

    Args:
        sent: The configuration as the client sent it.
        settings: Limits, models and names of data sets.
        data_source: Location of the table as the client wrote it.

    Raises:
        UnusableError: It asks for nothing, or for what only the operator decides.
        ConfigError: A value is wrong.
    """
    echoed = _fill_defaults(sent, SDK_DEFAULTS)
    for name in ("data", "training", "generation", "evaluation"):
        if not isinstance(echoed[name], dict):
            raise UnusableError(f"config.{name} must be a mapping")

    synthesis = _read_flag(echoed, "enable_synthesis")
    replacement = _read_flag(echoed, "enable_replace_pii")
    if not synthesis and not replacement:
        raise UnusableError("nothing to do: set enable_synthesis, enable_replace_pii, or both")

    chosen = _drop_defaults({k: v for k, v in sent.items() if k not in ("enable_synthesis", "enable_replace_pii")})
    _refuse_operators_own(chosen)
    if replacement:
        chosen["replace_pii"] = _translate_pii(chosen.get("replace_pii"))
    else:
        chosen["replace_pii"] = None

    if isinstance(sent.get("training"), Mapping):
        named = sent["training"].get("pretrained_model")
    else:
        named = None

    model = _translate_model(chosen, named, settings.models) if synthesis else {}
    if named is None:
        echoed["training"] = {
            **echoed["training"],
            "pretrained_model": chosen.get("training", {}).get("pretrained_model"),
        }

    chosen["privacy"] = _translate_privacy(chosen.get("privacy"), settings, data_source)
    chosen["data"] = {**chosen.get("data", {}), "max_bytes": settings.limits.max_table_bytes}
    # NVIDIA's clients may send what this version does not know.
    unknown = unknown_parameters(chosen)
    warnings = (f"These parameters are unknown and have no effect: {', '.join(unknown)}",) if unknown else ()
    own = _operators_own(settings, model, warnings)
    config = parse_config({**chosen, **own, "unknown_fields": "ignore"})
    check_limits(config, settings.limits)
    check_supported(config)

    return JobConfig(
        kind="run" if synthesis else "replace_pii",
        echoed=echoed,
        config=config.model_dump(mode="json", exclude_unset=True),
        model=model,
        warnings=warnings,
    )


def _fill_defaults(sent: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The sent values, with the client's defaults for missing ones."""
    filled = {name: value for name, value in defaults.items() if name not in sent}
    for name, value in sent.items():
        default = defaults.get(name)
        inner = isinstance(value, Mapping) and isinstance(default, Mapping)
        filled[name] = _fill_defaults(value, default or {}) if inner else value

    return filled


def _read_flag(values: Mapping[str, Any], name: str) -> bool:
    if not isinstance(values[name], bool):
        raise UnusableError(f"config.{name} must be true or false")
    return bool(values[name])


def _drop_defaults(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The sent values without those that equal the client's defaults."""
    chosen: dict[str, Any] = {}
    for name, value in sent.items():
        defaults = SDK_DEFAULTS.get(name)
        resolved = ALWAYS_SENT.get(name, {})
        if isinstance(value, Mapping) and isinstance(defaults, dict):
            chosen[name] = {
                key: inner
                for key, inner in value.items()
                if not (key in defaults and _is_same(defaults[key], inner))
                and not (key in resolved and _is_same(resolved[key], inner))
            }
        else:
            chosen[name] = value

    return chosen


def _is_same(default: Any, value: Any) -> bool:
    """Equal, and true is not 1."""
    return default == value and isinstance(default, bool) == isinstance(value, bool)


def _refuse_operators_own(chosen: Mapping[str, Any]) -> None:
    for path, reason in OPERATOR_ONLY.items():
        value: Any = chosen
        for name in path.split("."):
            if isinstance(value, Mapping):
                value = value.get(name)
            else:
                value = None

        if value is not None and value != HARMLESS.get(path, {}):
            raise UnusableError(f"{path} cannot be set in a request: {reason}")


def _translate_pii(sent: Any) -> Any:
    """The section `replace_pii`, its defaults where the client sent its own."""
    if not isinstance(sent, Mapping):
        if sent is None:
            return {}
        return sent

    if "steps" not in sent or _hash_steps(sent["steps"]) != DEFAULT_STEPS:
        return sent

    kept = {name: value for name, value in sent.items() if name not in ("steps", "globals")}
    settings = sent.get("globals") or {}
    chosen = {name: settings[name] for name in ("locales", "seed", "lock_columns") if settings.get(name) is not None}

    return kept | {"globals": chosen}


def _translate_privacy(chosen: Any, settings: Settings, data_source: str) -> Any:
    """The section `privacy` with the operator's ledger and name of the data set, which count without it too."""
    if chosen is not None and not isinstance(chosen, Mapping):
        # The error of its type comes with the others.
        return chosen

    own = {"ledger": settings.ledger, "dataset": dataset_name(data_source, settings.datasets)}
    given = {name: value for name, value in own.items() if value is not None}
    if given or chosen is not None:
        return {**(chosen or {}), **given}

    return None


def _translate_model(chosen: dict[str, Any], named: Any, policy: ModelPolicy) -> dict[str, str]:
    """Set the trained model in section `training`; the result says so if the request named another model.

    Args:
        chosen: Sections that the request chose.
        named: The model that it names; None: none, and the operator's first is trained.
        policy: Models that the operator allows.

    Raises:
        UnusableError: The operator does not allow it.
    """
    training = chosen.setdefault("training", {})
    asked = policy.allowed[0] if named is None else named
    if not isinstance(asked, str):
        raise UnusableError("config.training.pretrained_model must be a name")

    trained = asked if asked in policy.allowed else policy.mapped.get(asked)
    if trained is None:
        known = ", ".join(sorted({*policy.allowed, *policy.mapped}))
        raise UnusableError(
            f"config.training.pretrained_model: this service trains {known}; ask its operator for others"
        )

    if "/" in str(training.get("attn_implementation", "")):
        raise UnusableError("config.training.attn_implementation: kernels are not fetched from elsewhere")

    training["pretrained_model"] = trained
    if asked == trained:
        return {}

    return {"asked": asked, "trained": trained}


def _operators_own(settings: Settings, model: Mapping[str, str], warnings: tuple[str, ...]) -> dict[str, Any]:
    """The parts of the configuration that the service decides."""
    if model:
        notes = [f"The request names the model {model['asked']!r}; this service trained {model['trained']!r}."]
    else:
        notes = []
    return {"audit_log": settings.audit_log, "resources": settings.resources, "notes": [*notes, *warnings]}


def _hash_steps(steps: Any) -> str:
    return hashlib.sha256(json.dumps(steps, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
