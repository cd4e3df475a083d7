"""The stages that only differential privacy needs: measure the schema, train on what is left of the budget, certify."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ss_ray.config.model import Config, PrivacyParameters
from ss_ray.constraints.check import check_declared
from ss_ray.generation.given import is_given
from ss_ray.location import Location, real_place
from ss_ray.pii.stage import PiiResult
from ss_ray.pipelines.families import is_language_model, train_private
from ss_ray.pipelines.stages import Stages
from ss_ray.plans.make import plan_private_loop, unit_name
from ss_ray.plans.plan import PrivateLoopPlan
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.certificate import Certificate, make_certificate
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.actor import LedgerClient, connect_ledger, find_ledger
from ss_ray.privacy.ledger.datasets import DataIdentity
from ss_ray.privacy.plan import provisional_delta
from ss_ray.privacy.stage import PrivateRows, measure_table
from ss_ray.progress import OnProgress
from ss_ray.runs.run_dir import RunDir, fingerprint
from ss_ray.tables.stage import TableRef
from ss_ray.training.private.stage import PrivateModelRef, PrivateTraining
from ss_ray.training.stage import ModelRef

LABEL_LENGTH = 8
INTERNAL = (
    "everything under internal/ and manifest/, the report on real rows with its title and scores included, and the "
    "choice of a run or of settings by such scores",
    "kinds, decimals and formats that were not declared, and the column names of JSON lines: they were read off the "
    "rows and are taken to be public",
    "whether the job ended at all, error messages and running times: a malformed row can stop it, and so can the exact "
    "search of the synthetic table for identifiers of real rows",
)
TYPED_BY_ROWS = (
    "which columns hold personal data: a sample of rows was looked at; declare data.columns.<name>.entity and set "
    "replace_pii.globals.classify.enable_classify to false to avoid it"
)
EXACT_SCHEMA = (
    "the schema, at privacy.allow_inferred_schema: categories, bounds, quantiles, text pieces and lengths, missing "
    "values and the number of units are exact, and the table shows them"
)


@dataclass(frozen=True, kw_only=True)
class PrivateRun:
    """One run with differential privacy.

    Attributes:
        config: The request.
        privacy: Its section.
        job: Name of the run in the ledger.
        data: Path or URI of the source.
        table: The source as it was read.
        stages: Of the run.
        seed: Of the first weights.
    """

    config: Config
    privacy: PrivacyParameters
    job: str
    data: str | Path
    table: TableRef
    stages: Stages
    seed: int

    def admit(self) -> None:
        """Enter this run in the ledger, before any other work is done for it.

        Raises:
            PrivacyError: The run asks for more than the operator allows, or its data set has a budget for another
                unit.
        """
        delta = provisional_delta(self.privacy.delta)
        self.ledger.check_limits(self.privacy.epsilon, delta)
        self.ledger.open_job(self.job, self.dataset, self.unit, delta, self.table.digests)

    @cached_property
    def ledger(self) -> LedgerClient:
        """The cluster's ledger."""
        return connect_ledger(self.privacy.ledger)

    @cached_property
    def dataset(self) -> str:
        """Its name in the ledger: as declared, as the operator calls its place, or what its files contain."""
        return self.ledger.identify(identity_of(self.config, self.data, self.table), self.unit)

    @property
    def unit(self) -> str:
        """The privacy unit in words."""
        return unit_name(self.config.data)

    def account(self, stage: str) -> Account:
        """What a stage of this very request charges."""
        return Account(ledger=self.ledger, job=self.job, label=self.stages.key(stage)[:LABEL_LENGTH])

    def training_account(self, private: PrivateSchema) -> Account:
        """What the training charges, now that delta is known.

        Raises:
            PrivacyError: The ledger does not know what the schema cost.
        """
        self.ledger.open_job(self.job, self.dataset, self.unit, private.delta)
        self.account("measure").check_known(private.charges)
        return self.account("train")

    def training_plan(self, private: PrivateSchema) -> PrivateLoopPlan:
        """What is done with the budget that the schema left; the same at every call."""
        return self._plan_training(private, self.account("measure").spent())

    def rehearse_training(self, expected: PrivateSchema) -> None:
        """Refuse, before anything is charged, a training that could not be planned after the expected charges.

        Raises:
            PrivacyError: The operator's limits, the budget or the number of units do not allow it.
        """
        self.ledger.check_limits(self.privacy.epsilon, expected.delta)
        loop = self._plan_training(expected, expected.charges)
        # Of a job that goes on, some was spent and the rest is reserved.
        if not self.account("measure").spent():
            self.account("measure").reserve([*expected.charges, loop.dp.charge(loop.dp.num_steps)])

    def _plan_training(self, private: PrivateSchema, spent: Sequence[Charge]) -> PrivateLoopPlan:
        return plan_private_loop(
            self.config,
            self.privacy,
            num_units=private.num_units,
            rough_num_units=private.rough_num_units,
            delta=private.delta,
            spent=spent,
            seed=self.seed,
        )

    @contextmanager
    def closed_at_end(self) -> Iterator[None]:
        """Give back what is reserved and not spent, however the context ends."""
        try:
            yield
        finally:
            if "ledger" in self.__dict__:
                self.ledger.close_job(self.job)


def identity_of(config: Config, data: str | Path, table: TableRef) -> DataIdentity:
    """By what the ledger recognises the table of a run."""
    name = config.privacy.dataset if config.privacy else None
    return DataIdentity(name=name, place=real_place(data), digests=table.digests)


def refuse_budgeted(config: Config, data: str | Path, table: TableRef) -> None:
    """Refuse a run without differential privacy on a data set that has a budget.

    Raises:
        PrivacyError: The data set has a budget.
    """
    _refuse_budgeted(config, identity_of(config, data, table))


def refuse_budgeted_model(config: Config, table: TableRef) -> None:
    """Refuse new rows of a model without differential privacy, where the rows it learned have got a budget since.

    Args:
        config: The request.
        table: What the model's run has read.

    Raises:
        PrivacyError: The data set has a budget.
    """
    _refuse_budgeted(config, DataIdentity(name=None, place=real_place(table.name), digests=table.digests))


def _refuse_budgeted(config: Config, source: DataIdentity) -> None:
    ledger = find_ledger(config.privacy.ledger if config.privacy else None)
    if ledger is not None:
        ledger.refuse_budgeted(source)


def train_privately(
    run: PrivateRun, rows: Location, units: Location, pii: PiiResult, run_dir: RunDir, on_progress: OnProgress
) -> tuple[Certificate, ModelRef]:
    """Measure the schema and train, both paid for, and certify it before any row is generated.

    Args:
        run: The run.
        rows: Folder of the rows to learn from.
        units: Folder of the same rows before PII was replaced.
        pii: What was replaced.
        run_dir: Where model, checkpoints and certificate go.
        on_progress: Told how far each stage is.

    Raises:
        PrivacyError: The data set's budget does not allow it.
    """
    config = run.config
    stages = run.stages
    with run.closed_at_end():
        private = stages.do(
            "measure",
            PrivateSchema,
            lambda: measure_table(
                PrivateRows(rows=rows, units=units, schema=pii.schema, data=config.data),
                run.privacy,
                run.account("measure"),
                run.rehearse_training,
                on_progress,
            ),
        )
        # Before the rest of the budget goes.
        if private.measured is not None:
            check_declared(config.constraints, private.measured.schema)

        trained = stages.do(
            "train",
            PrivateModelRef,
            lambda: train_private(
                PrivateTraining(
                    rows=rows,
                    units=units,
                    schema=pii.schema,
                    private=private,
                    loop=run.training_plan(private),
                    account=run.training_account(private),
                    config=config,
                    folder=run_dir.internal,
                    key=fingerprint(run.job, stages.key("train"), repr(private)),
                ),
                on_progress,
            ),
        )
        certificate = stages.do("certify", Certificate, lambda: _certify(run, private, trained, run_dir))

    return certificate, trained.model


def _certify(run: PrivateRun, private: PrivateSchema, trained: PrivateModelRef, run_dir: RunDir) -> Certificate:
    """Write release/privacy_certificate.json.

    Raises:
        PrivacyError: More was spent than was asked for.
    """
    measured = private.measured
    replaced = run.config.replace_pii
    columns = measured.schema.columns if measured else ()
    inferred = dict.fromkeys(run.table.schema.names, "inferred")
    by_rows = replaced is not None and replaced.globals.classify.enable_classify is not False
    account = run.training_account(private)
    account.check_known(trained.charges)
    certificate = make_certificate(
        trained.dp,
        [*run.account("measure").spent(), *account.spent()],
        steps_in_weights=trained.model.steps,
        num_units=private.num_units,
        schema={column.name: column.source for column in columns} or inferred,
        balance=run.ledger.balance(run.dataset, run.unit) if run.privacy.dataset else None,
        not_covered=(*INTERNAL, *([TYPED_BY_ROWS] if by_rows else []), *([] if measured else [EXACT_SCHEMA])),
        notes=_notes(run),
    )
    if is_given(run.config.generation):
        certificate = certificate.with_given_cells()

    run_dir.certificate.write_text(certificate.to_json())
    return certificate


def _notes(run: PrivateRun) -> list[str]:
    replaced = run.config.replace_pii
    group = run.config.data.group_training_examples_by
    notes = []
    if replaced is None:
        notes.append("Personal data was not replaced before training: what many units share may appear as it is.")
    elif replaced.globals.seed is None:
        notes.append(
            "Personal data was replaced row by row before training, by stand-ins drawn with a secret key that was "
            "destroyed: none is derived from a value alone."
        )
    else:
        notes.append(
            "Personal data was replaced row by row before training, by stand-ins that follow from replace_pii.globals"
            ".seed: whoever knows the seed can tell whether a stand-in is that of a given value."
        )

    if is_language_model(run.config):
        notes.append("The base model is taken to be public: what it learned before is not covered.")
        if run.config.resources.use_gpu:
            notes.append(
                "The base model computed in bfloat16, whose rounding depends a little on which units share a batch; "
                "the accounting leaves that out."
            )

    if group is not None:
        notes.append(
            f"Of each {group!r} one row, drawn at random, was counted for the schema, and at most "
            f"{run.privacy.max_rows_per_unit} rows were learned from."
        )

    return notes
