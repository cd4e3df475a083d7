"""With differential privacy a policy may make of a row only what that row decides."""

from __future__ import annotations

from typing import Any

import pytest

from ss_ray.config.files import parse_config
from ss_ray.errors import ConfigError
from ss_ray.plans.make import check_supported

FITTING = {"rows": {"update": [{"name": "city", "value": "this | hash"}]}}
OTHERS = (
    {"rows": {"drop": [{"condition": "index % 2 == 0"}]}},
    {"rows": {"drop": [{"condition": "column.name == 'city' and (row.city == 'Bonn' or index > 100)"}]}},
    {"rows": {"update": [{"name": "city", "value": "{{ this }}-{{ index }}"}]}},
    {"rows": {"update": [{"name": "city", "value": "item", "foreach": "[index, this]"}]}},
    {"rows": {"update": [{"name": "city", "condition": "index", "value": "x"}]}},
    {"rows": {"update": [{"name": "city", "value": "{% if index is defined %}a{% endif %}"}]}},
    {"rows": {"update": [{"name": "city", "value": "['a', 'b'] | random"}]}},
    {"rows": {"update": [{"name": "city", "value": "lipsum(1)"}]}},
    {"columns": {"add": [{"name": "number", "value": "index"}]}},
    {"columns": {"drop": [{"condition": "column.name == ['a', 'b'] | random"}]}},
    {"vars": {"word": "lipsum(1)"}, "rows": {"update": [{"name": "city", "value": "vars.word"}]}},
)


def checked(step: dict[str, Any], *, private: bool) -> None:
    check_supported(parse_config({"replace_pii": {"steps": [FITTING, step]}, "privacy": {"dp_enabled": private}}))


@pytest.mark.parametrize("step", OTHERS, ids=str)
def test_what_other_rows_decide_is_refused_and_its_step_named(step: dict[str, Any]) -> None:
    checked(step, private=False)
    with pytest.raises(ConfigError, match=r"replace_pii\.steps\.1: with differential privacy"):
        checked(step, private=True)


@pytest.mark.parametrize(
    "value",
    ["this", "row.city", "fake.city()", "random.choice(['a', 'b'])", "column.entity | fake", "this | fake_entities"],
)
@pytest.mark.parametrize("where", ["value", "condition", "loop"])
def test_what_the_row_itself_decides_is_allowed(value: str, where: str) -> None:
    rules = {
        "value": {"name": "city", "value": value},
        "condition": {"name": "city", "condition": value, "value": "x"},
        "loop": {
            "name": "city",
            "value": f"{{% for a in [1, 2] %}}{{{{ loop.index }}}}{{{{ {value} }}}}{{% endfor %}}",
        },
    }
    checked({"rows": {"update": [rules[where]]}}, private=True)
