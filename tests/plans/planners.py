"""The compact family as a planner alone, so that tests of plans import neither Ray nor torch."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.config.model import Config, ModelFamilyName
from ss_ray.plans.make import make_plan, plan_compact_training
from ss_ray.plans.plan import ModelPlan, RunPlan


@dataclass(frozen=True)
class CompactPlanner:
    name: ModelFamilyName = "compact"

    def plan(self, config: Config, *, num_rows: int, seed: int) -> ModelPlan:
        return ModelPlan(training=plan_compact_training(config, num_rows=num_rows, seed=seed), text=None)


def compact_plan(config: Config, *, num_rows: int, seed: int) -> RunPlan:
    return make_plan(config, CompactPlanner(), num_rows=num_rows, seed=seed)
