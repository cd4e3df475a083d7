"""Templates of the pages, and the answers that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Response
from fastapi.responses import HTMLResponse

from serve.store.auth import Identity

HERE = Path(__file__).parent
FAST_MINUTE = 90.0
"""Seconds up to which a time is told in seconds."""


def describe_seconds(seconds: float) -> str:
    """A time in words: "45 seconds", "4 minutes", "2.5 hours"."""
    if seconds < FAST_MINUTE:
        return f"{max(1, round(seconds))} seconds"
    if seconds < 60 * FAST_MINUTE:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["in_words"] = describe_seconds


def render_page(template: str, identity: Identity | None, status: int = 200, **values: Any) -> Response:
    """A page for people."""
    return HTMLResponse(TEMPLATES.get_template(template).render(identity=identity, **values), status_code=status)


def error_page(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error for people."""
    page = TEMPLATES.get_template("error.html").render(message=message, identity=None)
    return HTMLResponse(page, status_code=status, headers=headers)
