"""The dependency rules of the architecture, read from the source, and what importing costs."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES = {  # imported name -> files that may import it
    "ray": [
        "ss_ray/*/stage.py",
        "ss_ray/*/*/stage.py",
        "ss_ray/training/trainer.py",
        "ss_ray/generation/pool.py",
        "ss_ray/privacy/ledger/actor.py",
        "ss_ray/cluster.py",
        "jobs/*.py",
        "serve/*.py",
        "serve/*/*.py",
    ],
    "presidio_analyzer": [
        "ss_ray/pii/text/recognizers.py",
        "ss_ray/pii/text/ner_engines.py",
        "ss_ray/pii/text/presidio_search.py",
    ],
    "presidio_anonymizer": [],
    "spacy": ["ss_ray/pii/text/ner.py", "ss_ray/pii/text/ner_engines.py", "recipes/*.py"],
    "sqlalchemy": [
        "ss_ray/database_url.py",
        "ss_ray/privacy/ledger/*.py",
        "ss_ray/tables/connectors/sql_*.py",
        "serve/*.py",
        "serve/*/*.py",
        "serve/store/migrations/versions/*.py",
    ],
    "torch": [
        "ss_ray/packaged_models.py",
        "ss_ray/training/*.py",
        "ss_ray/training/private/*.py",
        "ss_ray/generation/*.py",
    ],
    "transformers": [
        "ss_ray/training/pretrained.py",
        "ss_ray/generation/text_actor.py",
        "ss_ray/generation/torch_engine.py",
        "ss_ray/generation/attention.py",
        "ss_ray/generation/prose_stage.py",
        "ss_ray/packaged_models.py",
    ],
    "vllm": ["ss_ray/generation/vllm.py"],
    "peft": ["ss_ray/training/pretrained.py"],
    "adbc_driver_postgresql": ["ss_ray/tables/connectors/postgres_tables.py"],
    "duckdb": [],
    "deltalake": [],
    "pyiceberg": [],
    "xgrammar": ["ss_ray/generation/torch_engine.py"],
}
HEAVY = {
    "ray",
    "torch",
    "pandas",
    "transformers",
    "presidio_analyzer",
    "sklearn",
    "plotly",
    "dp_accounting",
    "opendp",
} | {
    "faker",
    "scipy",
    "spacy",
}


@cache
def imported(path: Path) -> set[str]:
    """Modules that a file imports, at its top or inside its functions, with dots."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def sources() -> list[Path]:
    """Python files of the product, relative to the root."""
    return [p.relative_to(ROOT) for folder in ("ss_ray", "jobs", "serve") for p in (ROOT / folder).rglob("*.py")]


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh Python has loaded after it ran the code."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(shown.stdout.split())


@pytest.mark.parametrize(("name", "allowed"), RULES.items())
def test_import_stays_in_its_layer(name: str, allowed: list[str]):
    users = [path for path in sources() if name in {module.partition(".")[0] for module in imported(path)}]
    assert [str(path) for path in users if not any(path.match(pattern) for pattern in allowed)] == []


def test_no_layer_below_the_pipeline_uses_a_stage():
    users = [path for path in sources() if any(module.endswith(".stage") for module in imported(path))]
    below = [path for path in users if path.parts[1] not in {"pipelines", "cli"}]
    inside = [path for path in below if not path.name.endswith("stage.py")]
    assert [str(path) for path in inside if path.parts[0] == "ss_ray"] == []


def test_importing_requests_plans_and_run_directories_stays_light():
    modules = ("config.model", "config.files", "runs.run_dir", "plans.plan", "plans.make")
    assert loaded_by("; ".join(f"import ss_ray.{module}" for module in modules)) & HEAVY == set()


@pytest.mark.parametrize("module", ["training.worker", "generation.worker", "training.private.canaries"])
def test_workers_of_the_compact_model_load_no_language_model_library(module: str):
    """The import of transformers takes seconds in each worker."""
    assert loaded_by(f"import ss_ray.{module}") & {"transformers", "peft", "vllm", "xgrammar", "accelerate"} == set()


def test_a_request_ends_at_the_plan():
    """Only the layers that make plans, and those that call them, see a `Config`."""
    users = [path for path in sources() if "ss_ray.config.model.Config" in imported(path)]
    outside = [path for path in users if path.parts[1] not in {"config", "plans", "pipelines", "cli", "python"}]
    assert [str(path) for path in outside if path.parts[0] == "ss_ray"] == []


def test_importing_the_package_loads_nothing_else():
    assert loaded_by("import ss_ray") - loaded_by("pass") == {"ss_ray"}


def test_no_import_runs_back_up():
    """Folders of `ss_ray` import each other in one direction, whatever is imported for types alone left out."""
    arrows = {(above, below) for path in sources() for above, below in folder_imports(path)}
    remaining = {folder for arrow in arrows for folder in arrow}
    while floor := {folder for folder in remaining if not any((folder, other) in arrows for other in remaining)}:
        remaining -= floor
    assert remaining == set()


def folder_imports(path: Path) -> set[tuple[str, str]]:
    """(folder, imported folder) of the imports at the top of a file of `ss_ray`."""
    if path.parts[0] != "ss_ray" or len(path.parts) < 3:
        return set()
    modules = {
        node.module
        for node in ast.parse((ROOT / path).read_text(encoding="utf8")).body
        if isinstance(node, ast.ImportFrom) and node.module
    }
    folders = {module.split(".")[1] for module in modules if module.startswith("ss_ray.") and module.count(".") > 1}
    return {(path.parts[1], folder) for folder in folders if folder != path.parts[1]}
