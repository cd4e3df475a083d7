import pytest

from ss_ray.config.files import parse_config
from ss_ray.plans.prose_writing import CPU_TEXTS, MOST_VERSIONS, plan_prose_writing


@pytest.mark.parametrize(
    ("texts", "versions"),
    [(1, MOST_VERSIONS), (CPU_TEXTS // 2, 2), (CPU_TEXTS // 2 + 1, 1), (10 * CPU_TEXTS, 1), (0, MOST_VERSIONS)],
)
def test_many_texts_have_fewer_versions_where_there_is_no_gpu(texts: int, versions: int):
    assert plan_prose_writing(parse_config({}), vllm_available=False, seed=1).num_versions(texts) == versions


def test_with_a_gpu_every_text_has_all_versions():
    config = parse_config({"resources": {"use_gpu": True}})
    assert plan_prose_writing(config, vllm_available=True, seed=1).num_versions(10 * CPU_TEXTS) == MOST_VERSIONS
