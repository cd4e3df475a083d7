"""Parts that every page has: the environment of its templates, spelled numbers, and packed data."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.report.glossary import GLOSSARY
from ss_ray.pii.entity_words import describe_entity

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """Environment of the pages' templates and filters."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["glossary"] = GLOSSARY
    found.filters |= {
        "number": number,
        "percent": percent,
        "duration": duration,
        "entity": describe_entity,
        "sentence": sentence,
        "p_value": p_value,
    }
    return found


def pack_text(text: str) -> str:
    """A text as base64 of gzip, which the page unpacks: a third of its size or less."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def script_json(value: Any) -> Markup:
    """JSON that cannot end the script element around it."""
    text = to_json(value)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def to_json(value: Any) -> str:
    """Compact JSON.

    Raises:
        ValueError: A number is not finite, which no JSON can hold.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def number(metric: Metric, digits: int = 3) -> str:
    """Value and 95 % range ("0.512 ± 0.012"), or a dash where there is no value."""
    if metric.value is None:
        return "–"

    if metric.std_error is None:
        spread = ""
    else:
        spread = f"\u00a0±\u00a0{1.96 * metric.std_error:.{digits}f}"

    return f"{metric.value:.{digits}f}{spread}"


def percent(metric: Metric, digits: int = 1) -> str:
    """Share in per cent ("12.3%"), or a dash where there is no value."""
    if metric.value is None:
        return "–"
    return f"{100 * metric.value:.{digits}f}%"


def sentence(text: str) -> str:
    """The text with a capital at its start and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def p_value(metric: Metric) -> str:
    """Probability with the relation before it: "= 0.17", "< 1e-12"."""
    if metric.value is not None and metric.value < 1e-12:
        return "< 1e-12"
    return f"= {metric.value:.2g}"


def duration(seconds: float) -> str:
    """Time for people: "4.2 s", "3 min 20 s", "1 h 5 min" are typical."""
    if seconds < 60:
        return f"{seconds:.1f} s"

    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"

    return f"{minutes} min {rest} s"
