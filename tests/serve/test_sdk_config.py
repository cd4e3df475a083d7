"""What clients send becomes what a job runs with."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from serve.errors import UnusableError
from serve.sdk_config import SDK_DEFAULTS, job_config
from serve.settings import ModelPolicy, Settings

DUMP = deepcopy(SDK_DEFAULTS) | {"enable_replace_pii": True}
"""What NVIDIA's client sends where its user chose nothing."""


def chosen(sent: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return job_config(sent, Settings(**settings)).config


def test_defaults_of_the_client_are_not_taken_for_choices():
    config = chosen(DUMP)
    assert config["training"] == {"pretrained_model": "compact"}
    assert config["generation"] == config["evaluation"] == {}
    assert config["data"] == {"max_bytes": Settings().limits.max_table_bytes}
    assert config["replace_pii"] == {}
    assert job_config(DUMP, Settings()).warnings == ()


def test_what_differs_from_the_clients_defaults_was_chosen():
    sent = deepcopy(DUMP)
    sent["training"] |= {"batch_size": 4, "learning_rate": 0.001}
    sent["generation"]["num_records"] = 77
    config = chosen(sent)
    assert config["training"] == {"pretrained_model": "compact", "batch_size": 4, "learning_rate": 0.001}
    assert config["generation"] == {"num_records": 77}


def test_false_is_not_zero_and_true_is_not_one():
    assert chosen({"training": {"quantization_bits": 8, "batch_size": True}})["training"]["batch_size"] == 1


def test_an_allowed_model_is_trained_as_asked_for():
    policy = ModelPolicy(allowed=("compact", "org/model"))
    made = job_config({"training": {"pretrained_model": "org/model"}}, Settings(models=policy))
    assert (made.config["training"]["pretrained_model"], made.model, made.config["notes"]) == ("org/model", {}, [])


def test_where_no_model_is_named_the_operators_first_is_trained_without_a_word():
    made = job_config({}, Settings(models=ModelPolicy(allowed=("org/model", "compact"))))
    assert (made.config["training"]["pretrained_model"], made.model) == ("org/model", {})


def test_a_mapped_model_is_noted_for_the_report():
    made = job_config(DUMP, Settings())
    assert made.model == {"asked": "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "trained": "compact"}
    assert made.config["notes"] == [
        "The request names the model 'TinyLlama/TinyLlama-1.1B-Chat-v1.0'; this service trained 'compact'."
    ]


def test_what_is_echoed_has_the_clients_defaults_filled_in():
    echoed = job_config({"generation": {"num_records": 5}}, Settings()).echoed
    assert echoed["generation"] == SDK_DEFAULTS["generation"] | {"num_records": 5}
    assert echoed["training"] == SDK_DEFAULTS["training"] | {"pretrained_model": "compact"}


def test_the_operator_decides_about_resources_audit_log_and_ledger():
    config = chosen(
        {"privacy": {"dp_enabled": True}},
        resources={"num_train_workers": 2},
        audit_log="/log",
        ledger="sqlite:////ledger",
    )
    assert config["resources"]["num_train_workers"] == 2
    assert (config["audit_log"], config["privacy"]["ledger"]) == ("/log", "sqlite:////ledger")


@pytest.mark.parametrize("flags", [{"enable_synthesis": "yes"}, {"enable_replace_pii": 1}])
def test_flags_are_true_or_false(flags: dict[str, Any]):
    with pytest.raises(UnusableError, match="true or false"):
        job_config(flags, Settings())


def test_a_policy_of_the_users_own_is_kept():
    steps = [{"rows": {"update": [{"entity": "email", "value": "'x'"}]}}]
    assert chosen({"replace_pii": {"steps": steps}})["replace_pii"]["steps"][0]["rows"]["update"][0]["value"] == "'x'"
