import pytest

from ss_ray.errors import ConfigError
from ss_ray.evaluation.demands import parse_demands, unmet


def reasons(demand, *, privacy="Good", quality="Very Good", failed=False):
    return list(unmet(parse_demands([demand]), privacy=privacy, quality=quality, failed=failed))


@pytest.mark.parametrize(
    "demand", ["hard-fails", "privacy:Good", "privacy:poor", "quality:very good", "quality:very-good"]
)
def test_what_is_as_good_as_demanded_will_do(demand):
    assert reasons(demand) == []


@pytest.mark.parametrize(
    ("demand", "reason"),
    [
        ("privacy:Very Good", "privacy is Good, and Very Good is demanded"),
        ("quality:excellent", "quality is Very Good, and Excellent is demanded"),
    ],
)
def test_what_is_worse_is_named(demand, reason):
    assert reasons(demand) == [reason]


def test_no_grade_will_not_do_and_a_hard_fail_is_one():
    assert reasons("privacy:Poor", privacy=None) == ["privacy is without a grade, and Poor is demanded"]
    assert reasons("hard-fails", privacy=None) == []
    assert reasons("hard-fails", failed=True) == ["a hard rule of privacy failed"]


@pytest.mark.parametrize("text", ["", "privacy", "privacy:Fine", "usefulness:Good", "hard-fails:Good"])
def test_what_is_no_demand_is_told_before_any_work(text):
    with pytest.raises(ConfigError, match="privacy:GRADE"):
        parse_demands([text])
