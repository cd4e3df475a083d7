"""A table by two vLLM actors on CPUs, of which one is killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("vllm")

from ss_ray.codec.identifiers import fresh_values
from ss_ray.config.model import ResourceParameters
from ss_ray.generation.language_stage import generate_text_table
from ss_ray.generation.pool import has_vllm
from ss_ray.generation.results import GenerationJob
from ss_ray.location import Location
from tests.generation.test_language_stage import YOUNG, request
from tests.generation.test_rows import plan
from tests.generation.test_text_actor import PLAN, ROWS, model_folder
from tests.integration.test_language_generation import KillOne

pytestmark = [pytest.mark.ray, pytest.mark.vllm, pytest.mark.usefixtures("ray_cluster")]


def test_vllm_actors_complete_the_table_though_one_dies(tmp_path: Path) -> None:
    assert has_vllm(use_gpu=False)
    model = model_folder(tmp_path / "model", ROWS)
    made = plan([YOUNG], num_records=120)
    kill = KillOne()
    job = GenerationJob(
        model=model,
        plan=made,
        request=request(),
        resources=ResourceParameters(num_generation_workers=2),
        work=Location.parse(tmp_path / "work"),
        target=Location.parse(tmp_path / "table"),
    )
    result = generate_text_table(job, replace(PLAN, engine="vllm"), kill)
    table = pq.ParquetDataset(tmp_path / "table").read()
    assert kill.killed
    assert (result.num_rows, result.incomplete) == (120, "")
    ROWS.schema.check(table)
    assert table["id"].combine_chunks() == fresh_values(ROWS.schema["id"], 0, 120, made.seed)
    assert max(table["age"].drop_null().to_pylist()) <= 60
