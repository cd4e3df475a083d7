from ss_ray.config.files import parse_config
from ss_ray.plans.prose import MAX_TOKENS_SHOWN, plan_prose_training, rows_shown


def test_training_shows_fewer_rows_where_they_are_long():
    plan = plan_prose_training(parse_config({}), "smollm2", frozenset(), num_rows=2000, seed=1)
    assert plan.num_steps == rows_shown(2000) // plan.batch_rows == 166
    assert plan.with_rows(2000, 2000 * 50).num_steps == 166
    long = plan.with_rows(2000, 2000 * 400)
    assert long.num_steps * long.batch_rows * 400 <= MAX_TOKENS_SHOWN
    assert long.num_steps == 66
