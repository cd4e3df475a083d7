"""Columns of the source that a request names."""

from __future__ import annotations

from collections.abc import Iterator

from ss_ray.config.model import Config


def named_columns(config: Config) -> Iterator[tuple[str, str]]:
    """Settings that name a column of the source, and the column that each names."""
    data = config.data
    evaluation = config.evaluation
    lists = {
        "data.group_training_examples_by": (data.group_training_examples_by,),
        "data.order_training_examples_by": (data.order_training_examples_by,),
        "data.columns": tuple(data.columns),
        "time_series.timestamp_column": (config.time_series.timestamp_column,),
        "evaluation.target": (evaluation.target,),
        "evaluation.mia_excluded_columns": evaluation.mia_excluded_columns or (),
        "evaluation.pii_replay_columns": evaluation.pii_replay_columns or (),
        "generation.given": tuple(config.generation.given),
        "generation.shares": tuple(config.generation.shares),
    }
    if config.replace_pii is not None:
        lists["replace_pii.globals.lock_columns"] = config.replace_pii.globals.lock_columns or ()
        lists["replace_pii.person_id"] = (config.replace_pii.person_id,)

    for number, rule in enumerate(config.listed_constraints):
        lists[f"constraints[{number}]"] = rule.read_columns

    for setting, names in lists.items():
        yield from ((setting, name) for name in names if name is not None)
