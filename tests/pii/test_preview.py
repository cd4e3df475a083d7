"""A look at a replacement: types, reasons and masked samples, without Ray and without a file written."""

import subprocess
import sys
from pathlib import Path

import pytest

from ss_ray.cli.preview import preview_table
from ss_ray.config.files import load_config
from ss_ray.errors import ConfigError

ROWS = [
    ("Ottoline", "Quuxworth", "ottoline.quuxworth@hospital.org", "212-555-0147", "41", "Globex", "Rang 212-555-0147."),
    ("Bartholomew", "Zyzzy", "b.zyzzy@hospital.org", "617-555-0199", "17", "Acme", "Nothing to say about this visit."),
    ("Al", "Xu", "al.xu@hospital.org", "305-555-0123", "63", "Acme", "Call Xu at al.xu@hospital.org today."),
]  # fmt: skip
HEADER = "first_name,last_name,email,phone,age,company,note"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    lines = [",".join(row) for row in ROWS for _ in range(4)]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def preview_of(source: Path, *overrides: str) -> str:
    config = load_config(None, ["replace_pii.globals.ner.model=null", *overrides])
    return preview_table(config, str(source), 6)


def test_preview_tells_type_operator_reason_and_masked_samples(source: Path):
    lines = preview_of(source).splitlines()
    assert lines[0] == "Preview          6 rows; 12 rows typed the columns; nothing was written"
    first = next(place for place, line in enumerate(lines) if " first_name: " in line)
    assert lines[first].startswith("pseudonym        first_name: FIRST_NAME, 91% sure (the header names FIRST_NAME")
    assert lines[first + 1].strip().startswith("O... (medium)  ->  ")
    assert any(line.startswith("keep             company: ORGANIZATION") for line in lines)
    assert any(line.strip().startswith("4 x PHONE_NUMBER  ->  ") for line in lines)
    assert any(line.startswith("Not looked for   No model looked for names") for line in lines)


def test_preview_shows_no_original_and_writes_nothing(source: Path):
    text = preview_of(source)
    for original in {cell for row in ROWS for cell in row[:5]} - {"41", "17", "63", "Al", "Xu"}:
        assert original not in text
    assert list(source.parent.iterdir()) == [source]


def test_preview_follows_the_request(source: Path):
    text = preview_of(source, "replace_pii.operators={FIRST_NAME: label, ORGANIZATION: redact}")
    assert "label            first_name: FIRST_NAME" in text
    assert "O... (medium)  ->  <FIRST_NAME>" in text
    assert "redact           company: ORGANIZATION" in text
    assert "[REDACTED]" in text


def test_preview_explains_its_marks_and_takes_both_spellings_of_an_operator(source: Path):
    british, american = (
        preview_of(source, f"replace_pii.operators={{AGE: {spelling}}}") for spelling in ("generalise", "generalize")
    )
    marks = next(line for line in american.splitlines() if line.startswith("Marks"))
    assert "generalise: values are made coarser" in marks
    assert "date_shift" not in marks
    assert "Originals        first letter and length" in american
    assert marks in british


def test_preview_without_replacement_is_refused(source: Path):
    with pytest.raises(ConfigError, match="replace_pii is null"):
        preview_of(source, "replace_pii=null")


@pytest.mark.slow
def test_command_previews_without_ray_and_without_a_run_directory(source: Path):
    code = (
        "import sys\nfrom ss_ray.cli.main import app\n"
        f"app(['replace-pii', '--preview', '2', '--data', {str(source)!r}], standalone_mode=False)\n"
        "assert not {'ray', 'torch'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Preview          2 rows")
    assert list(source.parent.iterdir()) == [source]
