"""`ss-ray audit --run`: the path of a finished private run, audited on a table that the auditor makes.

All stages run as for the user: read, split, private schema, encoding, training in workers, generation.
Clipping norm, rows per unit, grouping and order are those of the run. The table, its ledger, the workers and the size
of the model are the auditor's, and so is the budget: so large that little noise hides what is looked for.
What is measured is applied to the charges of the run: epsilon as it would be with the noise and rate that were found.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from ss_ray import __version__
from ss_ray.config.files import parse_config
from ss_ray.config.model import COMPACT, Config
from ss_ray.errors import ConfigError
from ss_ray.pipelines.run import run as run_pipeline
from ss_ray.privacy.certificate import Certificate
from ss_ray.privacy.charges import TRAININGS, Charge
from ss_ray.privacy.conformance import ChargeTest, Conformance
from ss_ray.privacy.plan import run_epsilon
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs.run_dir import RunDir

NUM_PEOPLE = 240
VISITS = 3
NUM_STEPS = 20
BATCH = 24
PHYSICAL_BATCH = 7
"""So small that each step is made of several parts, which must not change what is clipped."""
EPSILON = 500.0
DELTA = 1e-5
GROUP = "person"
ORDER = "place"
RESULT = "privacy_audit.json"


@dataclass(frozen=True, kw_only=True)
class RunAudit:
    """The audit of a run's path.

    Attributes:
        result: The tests, and epsilon of the run as the measured noise and rate imply it.
        workers: Number of training workers.
        privacy_unit: Privacy unit of the run in words.
        audited: Stages that the auditor ran, in words.
    """

    result: Conformance
    workers: int
    privacy_unit: str
    audited: str


def audit_run(directory: str, *, num_workers: int = 1, on_progress: OnProgress = ignore) -> RunAudit:
    """Audit the path of a run, and write release/privacy_audit.json beside its certificate.

    Args:
        directory: Directory of a finished run with differential privacy.
        num_workers: Training workers of the auditor's own run.
        on_progress: Told how far the auditor's own run is.

    Raises:
        ConfigError: The run has no certificate, or trained a language model, which this audit does not cover.
        SsRayError: The auditor's own run failed.
    """
    audited = RunDir.at(directory)
    if not audited.certificate.exists():
        raise ConfigError(f"{audited.root} has no privacy certificate; only runs with differential privacy are audited")

    certificate = Certificate.from_json(audited.certificate.read_text())
    asked = _read_request(audited)
    # The auditor's own table, ledger and model leave nothing behind.
    with tempfile.TemporaryDirectory(prefix="ss-ray-audit-") as folder:
        config = _config_of(asked, Path(folder), num_workers)
        findings = run_and_compare(config, Path(folder), on_progress)

    has_texts_model = asked["training"]["prose_model"] is not None
    without_texts = ", and not the training of its language model of texts" if has_texts_model else ""
    measured = {finding.name: finding.measured / finding.expected for finding in findings if finding.expected}
    result = Conformance(
        claimed_epsilon=certificate.epsilon,
        implied_epsilon=implied_epsilon(certificate, noise=measured["noise multiplier"], rate=measured["sample rate"]),
        findings=findings,
    )
    found = RunAudit(
        result=result,
        workers=num_workers,
        privacy_unit=certificate.privacy_unit,
        audited="all stages of ss-ray run on a table of the auditor's, with the units and the clipping norm of this "
        f"run; not this run's own rows and model{without_texts}",
    )
    (audited.release / RESULT).write_text(_as_json(found, certificate))

    return found


def make_audit_table() -> pa.Table:
    """(NUM_PEOPLE * VISITS,) rows of invented people, the visits of one person apart from each other."""
    drawn = np.random.default_rng(0)
    size = NUM_PEOPLE * VISITS
    return pa.table(
        {
            GROUP: [f"P{number % NUM_PEOPLE:04d}" for number in range(size)],
            ORDER: [number // NUM_PEOPLE for number in range(size)],
            "colour": drawn.choice([f"colour {n}" for n in range(12)], size).tolist(),
            "shape": drawn.choice([f"shape {n}" for n in range(8)], size).tolist(),
            "amount": drawn.integers(0, 1000, size).tolist(),
        }
    )


def audit_units(config: Config) -> list[list[int]]:
    """Numbers of the token rows of each privacy unit, of the rows that may take part, by the auditor's own count."""
    data = config.data
    if data.group_training_examples_by is None:
        return [[row] for row in range(NUM_PEOPLE * VISITS)]
    if data.order_training_examples_by is not None:
        # A row of tokens holds all of a person's rows.
        return [[sequence] for sequence in range(NUM_PEOPLE)]

    rows = min(VISITS, config.privacy.max_rows_per_unit if config.privacy else VISITS)
    return [[person + NUM_PEOPLE * visit for visit in range(rows)] for person in range(NUM_PEOPLE)]


def _config_of(asked: dict[str, Any], folder: Path, num_workers: int) -> Config:
    """The auditor's request: the path of a run, with a table, a ledger, a model and a budget of the auditor's own."""
    if asked["training"]["pretrained_model"] != COMPACT:
        raise ConfigError("audit --run covers runs of the compact model; this one trained a language model")

    data = asked["data"]
    privacy = asked["privacy"]
    return parse_config(
        {
            "data": {
                "group_training_examples_by": data["group_training_examples_by"] and GROUP,
                "order_training_examples_by": data["order_training_examples_by"] and ORDER,
                "holdout": 0,
            },
            "replace_pii": None,
            "privacy": {
                "dp_enabled": True,
                "epsilon": EPSILON,
                "delta": DELTA,
                "per_sample_max_grad_norm": privacy["per_sample_max_grad_norm"],
                "max_rows_per_unit": privacy["max_rows_per_unit"],
                "ledger": f"sqlite:///{folder}/ledger.sqlite",
            },
            "training": {
                "batch_size": BATCH,
                "num_input_records_to_sample": BATCH * NUM_STEPS,
                "learning_rate": asked["training"]["learning_rate"],
                "prose_model": None,
                "compact": {"hidden_size": 16, "num_layers": 1, "num_heads": 2},
            },
            "generation": {"num_records": VISITS},
            "evaluation": {"enabled": False},
            "audit_log": None,
            "resources": {
                "num_train_workers": num_workers,
                "max_physical_batch_size": PHYSICAL_BATCH,
                "threads_per_worker": 1,
                "num_generation_workers": 1,
            },
        }
    )


def _read_request(audited: RunDir) -> dict[str, Any]:
    """Sections of the request of a run, from the manifests of its stages."""
    sections: dict[str, Any] = {}
    for stage in ("read", "measure", "train"):
        manifest = audited.read_manifest(stage)
        if manifest is None:
            raise ConfigError(f"{audited.root} has no finished stage {stage!r}; finish `ss-ray run` there first")
        sections |= manifest["asked"]

    return sections


def run_and_compare(config: Config, folder: Path, on_progress: OnProgress) -> tuple[ChargeTest, ...]:
    """Run all stages on the auditor's table, and compare what the steps released with what was charged.

    Args:
        config: The auditor's request.
        folder: Local folder for table and run.
        on_progress: Told how far each stage is.
    """
    # Imports torch: seconds.
    from ss_ray.codec.stored import codec_from_json
    from ss_ray.training.models import group_slots, load_compact
    from ss_ray.training.private.recorder import read_recording
    from ss_ray.training.private.released import ChargedSteps, compare_steps

    table = folder / "table.csv"
    own = RunDir.at(folder / "run")
    csv.write_csv(make_audit_table(), table)
    (own.internal / "released").make_folder()
    report = run_pipeline(config, table, folder / "run", on_progress=on_progress)
    assert report.guarantee is not None
    charged = ChargedSteps(
        sample_rate=report.guarantee.sample_rate,
        noise_multiplier=report.guarantee.noise_multiplier,
        max_grad_norm=report.guarantee.max_grad_norm,
        expected_batch_size=report.guarantee.expected_batch_size,
    )
    model_folder = own.internal / "model"
    codec = codec_from_json((model_folder / "codec.json").read_text())
    model = load_compact(Path(model_folder.path))
    recording = read_recording(own.internal / "released")

    return compare_steps(model, group_slots(codec.slots), recording, audit_units(config), charged)


def implied_epsilon(certificate: Certificate, *, noise: float, rate: float) -> float:
    """Epsilon of a run whose training had other noise and another rate than its certificate states.

    Args:
        certificate: Certificate of the run.
        noise: Factor of the noise multiplier.
        rate: Factor of the sample rate.
    """
    measured = [
        Charge(
            mechanism=line.what,
            noise_multiplier=line.noise_multiplier * (noise if line.what in TRAININGS else 1.0),
            sample_rate=min(1.0, line.sample_rate * (rate if line.what in TRAININGS else 1.0)),
            count=line.uses,
            delta=line.delta / max(1, line.uses),
        )
        for line in certificate.spending
    ]
    return run_epsilon(measured, certificate.delta)


def _as_json(found: RunAudit, certificate: Certificate) -> str:
    """The audit as it is written to release/privacy_audit.json."""
    shown = asdict(found) | {
        "passed": not found.result.failed,
        "certificate_created_at": certificate.created_at,
        "version": __version__,
    }
    return json.dumps(shown, indent=2) + "\n"
