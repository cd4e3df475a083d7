"""Draws the last results of `run_all.py` of each method and table: quality against CPU seconds, one panel a table.

    python benchmarks/plot_results.py --results benchmarks/results/run_all.jsonl --out docs/assets/quality-and-cost.svg

Prints one JSON line.

Keys: tables, points.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from smoke import arguments_of

PANEL = (300, 220)
"""Width and height of a panel, in pixels."""
MARGIN = (56, 34, 120, 40)
"""Room beside a panel: left, above, right (for names), below."""
SECONDS = (0.01, 100.0)
"""Ends of the axis of CPU seconds, which is logarithmic."""
AUC = (0.5, 1.0)
"""Ends of the axis of the discriminator's AUC."""
NAMES = {
    "fast": "compact, fast",
    "balanced": "compact",
    "best": "compact, best",
    "cart-5": "trees 5",
    "cart-20": "trees 20",
    "mostly": "MOSTLY AI",
    "sdv-copula": "SDV copula",
    "sdv-tvae": "SDV TVAE",
}
Point = tuple[str, float, float]
"""Method, CPU seconds of training, AUC of the discriminator."""


def main() -> None:
    """Parse the command line, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", help="JSON lines of run_all.py; later lines replace earlier ones")
    parser.add_argument("--out", help="SVG file to write")
    with arguments_of(parser, required=["--results", "--out"], smoke=smoke) as arguments:
        panels = read_points(Path(arguments.results))
        Path(arguments.out).write_text(draw(panels))
        print(json.dumps({"tables": len(panels), "points": sum(len(points) for points in panels.values())}))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: two methods of one table."""
    results = [
        {"table": "made.csv", "method": method, "train_cpu_seconds": [seconds, None], "discriminator_auc": [auc, None]}
        for method, seconds, auc in (("balanced", 2.0, 0.6), ("cart-20", 0.1, 0.65))
    ]
    (folder / "results.jsonl").write_text(json.dumps({"results": results}))
    return {"results": str(folder / "results.jsonl"), "out": str(folder / "plot.svg")}


def read_points(file: Path) -> dict[str, list[Point]]:
    """Table -> its points, of the last measurement of each method."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for line in file.read_text().splitlines():
        for result in json.loads(line).get("results", ()):
            last[result["table"], result["method"]] = result

    panels: dict[str, list[Point]] = {}
    for (table, method), result in sorted(last.items()):
        point = (method, float(result["train_cpu_seconds"][0]), float(result["discriminator_auc"][0]))
        panels.setdefault(table, []).append(point)
    return panels


def draw(panels: Mapping[str, Iterable[Point]]) -> str:
    """An SVG image, two panels in a row."""
    left, above, right, below = MARGIN
    width, height = PANEL[0] + left + right, PANEL[1] + above + below
    parts = []
    for number, (table, points) in enumerate(panels.items()):
        column, row = number % 2, number // 2
        parts.append(f'<g transform="translate({column * width + left},{row * height + above})">')
        parts.append("".join(draw_axes(table)) + "".join(draw_points(points)) + "</g>")

    size = (min(2, len(panels)) * width, math.ceil(len(panels) / 2) * height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img" '
        'aria-label="AUC of the discriminator against CPU seconds of training" '
        'font-family="sans-serif" font-size="11" fill="#333">'
        f'<rect width="{size[0]}" height="{size[1]}" fill="white"/>{"".join(parts)}</svg>\n'
    )


def draw_axes(title: str) -> Iterable[str]:
    """Frame, title, ticks and names of the axes of a panel."""
    width, height = PANEL
    yield f'<rect width="{width}" height="{height}" fill="none" stroke="#999"/>'
    yield f'<text x="0" y="-12" font-weight="bold">{escape(title)}, 800 rows</text>'
    for seconds in (0.01, 0.1, 1, 10, 100):
        x = place_seconds(seconds)
        yield f'<line x1="{x}" x2="{x}" y1="0" y2="{height}" stroke="#eee"/>'
        yield f'<text x="{x}" y="{height + 14}" text-anchor="middle">{seconds:g}</text>'
    for auc in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        y = place_auc(auc)
        yield f'<line x1="0" x2="{width}" y1="{y}" y2="{y}" stroke="#eee"/>'
        yield f'<text x="-6" y="{y + 4}" text-anchor="end">{auc:g}</text>'
    yield f'<text x="{width / 2}" y="{height + 30}" text-anchor="middle">CPU seconds of training</text>'
    yield f'<text transform="translate(-38,{height / 2}) rotate(-90)" text-anchor="middle">discriminator AUC</text>'


def draw_points(points: Iterable[Point]) -> Iterable[str]:
    """Points with their names; ours are filled."""
    taken: list[tuple[float, float]] = []
    for method, seconds, auc in sorted(points, key=lambda point: point[2]):
        x, y = place_seconds(seconds), place_auc(auc)
        is_ours = method in ("fast", "balanced", "best")
        fill = "#1f5fa8" if is_ours else "white"
        # A name that would cover another one moves up.
        label = y + 4
        while any(abs(label - other) < 11 and abs(x - beside) < 90 for beside, other in taken):
            label -= 11
        taken.append((x, label))
        yield f'<circle cx="{x}" cy="{y}" r="4" fill="{fill}" stroke="#1f5fa8"/>'
        yield f'<text x="{x + 8}" y="{label}">{escape(NAMES.get(method, method))}</text>'


def place_seconds(seconds: float) -> float:
    """Position on the horizontal axis."""
    low, high = (math.log10(end) for end in SECONDS)
    share = (math.log10(min(max(seconds, SECONDS[0]), SECONDS[1])) - low) / (high - low)
    return round(share * PANEL[0], 1)


def place_auc(auc: float) -> float:
    """Position on the vertical axis, the best at the bottom."""
    return round(PANEL[1] * (1 - (auc - AUC[0]) / (AUC[1] - AUC[0])), 1)


if __name__ == "__main__":
    main()
