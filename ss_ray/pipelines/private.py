"""The stages that only differential privacy needs: measure the schema, train on what is left of the budget, certify."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from ss_ray.codec.prose import ProseCodec, fit_prose_codec
from ss_ray.config.model import ColumnParameters, Config, DataParameters, PrivacyParameters
from ss_ray.constraints.check import check_declared
from ss_ray.generation.given import is_given
from ss_ray.location import real_place
from ss_ray.pipelines.families import FAMILIES
from ss_ray.pipelines.handover import Learned, Prepared
from ss_ray.pipelines.stages import Job
from ss_ray.plans.make import unit_name
from ss_ray.plans.plan import RunPlan
from ss_ray.plans.private import PrivateBudget, PrivateLoops, plan_private_loops
from ss_ray.plans.prose import ProseTablePlan
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.certificate import Certificate, Remarks, make_certificate
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.actor import LedgerClient, connect_ledger, find_ledger
from ss_ray.privacy.ledger.datasets import DataIdentity
from ss_ray.privacy.plan import provisional_delta
from ss_ray.privacy.stage import PrivateRows, measure_table
from ss_ray.runs.run_dir import fingerprint
from ss_ray.tables.parts import sample_rows
from ss_ray.tables.stage import TableRef
from ss_ray.training.encoding import SAMPLE_ROWS
from ss_ray.training.private.stage import PrivateModelRef, PrivateTraining
from ss_ray.training.prose_stage import outline_rows
from ss_ray.training.stage import ModelRef

LABEL_LENGTH = 8
INTERNAL = (
    "everything under internal/ and manifest/, the report on real rows with its title and scores included, and the "
    "choice of a run or of settings by such scores",
    "kinds, decimals and formats that were not declared, which columns are prose, and the column names of JSON lines: "
    "they were read off the rows and are taken to be public",
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
        job: The job of the run.
        privacy: Section `privacy` of the request.
        name: Name of the run in the ledger.
        data: Path or URI of the source.
        table: Reference to the source as it was read.
        seed: Seed of the first weights.
    """

    job: Job
    privacy: PrivacyParameters
    name: str
    data: str | Path
    table: TableRef
    seed: int

    @property
    def config(self) -> Config:
        """The request."""
        return self.job.config

    def admit(self) -> None:
        """Enter this run in the ledger, before any other work is done for it.

        Raises:
            PrivacyError: The run asks for more than the operator allows, or its data set has a budget for another
                unit.
        """
        # The number of units is not measured yet, from which `auto` derives delta.
        delta = provisional_delta(self.privacy.delta)
        self.ledger.check_limits(self.privacy.epsilon, delta)
        self.ledger.open_job(self.name, self.dataset, self.unit, delta, self.table.digests)

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
        return Account(ledger=self.ledger, job=self.name, label=self.job.stages.key(stage)[:LABEL_LENGTH])

    def training_account(self, private: PrivateSchema) -> Account:
        """What the training charges, now that delta is known.

        Raises:
            PrivacyError: The ledger does not know what the schema cost.
        """
        self.ledger.open_job(self.name, self.dataset, self.unit, private.delta)
        self.account("measure").check_known(private.charges)
        return self.account("train")

    def training_plan(self, private: PrivateSchema) -> PrivateLoops:
        """What is done with the budget that the schema left; the same at every call."""
        return self._plan_training(private, self.account("measure").spent())

    def rehearse_training(self, prose: ProseCodec | None, expected: PrivateSchema) -> None:
        """Refuse, before anything is charged, a training that could not be planned after the expected charges.

        Raises:
            PrivacyError: The operator's limits, the budget or the number of units do not allow it.
        """
        self.ledger.check_limits(self.privacy.epsilon, expected.delta)
        # Refused before the first charge, and not after the schema has been paid.
        loops = self._plan_training(replace(expected, prose=prose), expected.charges)
        # Of a job that goes on, some was spent and the rest is reserved.
        if not self.account("measure").spent():
            self.account("measure").reserve([*expected.charges, *loops.charges])

    def _plan_training(self, private: PrivateSchema, spent: Sequence[Charge]) -> PrivateLoops:
        budget = PrivateBudget(
            num_units=private.num_units,
            rough_num_units=private.rough_num_units,
            delta=private.delta,
            spent=tuple(spent),
        )
        has_texts = private.prose is not None
        return plan_private_loops(self.config, self.privacy, budget, has_texts=has_texts, seed=self.seed)

    def measure_schema(self, plan: RunPlan, prepared: Prepared) -> PrivateSchema:
        """Measure the schema of the training rows, paid for; of prose that a language model writes, its lengths.

        Raises:
            PrivacyError: The data set's budget does not allow it.
        """
        prose = find_prose(plan, prepared)
        rows, schema, data = prepared.modelled, prepared.schema, self.config.data
        if prose is not None:
            rows, schema = self.job.run_dir.internal / "outlines", prose.outline_schema
            outline_rows(prepared.modelled, prose, rows)
            data = _declare_words(data, prose)

        measured = measure_table(
            PrivateRows(rows=rows, units=prepared.real.train, schema=schema, data=data),
            self.privacy,
            self.account("measure"),
            partial(self.rehearse_training, prose),
            self.job.on_progress,
        )
        if prose is not None and measured.measured is not None:
            prose = prose.measured(measured.measured.schema)

        return replace(measured, prose=prose)

    def train_model(self, plan: RunPlan, prepared: Prepared, private: PrivateSchema) -> PrivateModelRef:
        """Train with the budget that the schema has left.

        Raises:
            PrivacyError: The data set's budget does not allow it.
        """
        training = PrivateTraining(
            rows=prepared.modelled,
            units=prepared.real.train,
            schema=prepared.schema,
            private=private,
            group=plan.privacy_unit,
            sequences=plan.sequences,
            loops=self.training_plan(private),
            account=self.training_account(private),
            resources=self.config.resources,
            folder=self.job.run_dir.internal,
            key=fingerprint(self.name, self.job.stages.key("train"), repr(private)),
        )
        return FAMILIES[plan.family].train_privately(training, plan.model.training, self.job.on_progress)

    def certify_model(self, plan: RunPlan, private: PrivateSchema, trained: PrivateModelRef) -> Certificate:
        """Write release/privacy_certificate.json.

        Raises:
            PrivacyError: More was spent than was asked for.
        """
        measured = private.measured
        replaced = self.config.replace_pii
        columns = measured.schema.columns if measured else ()
        if measured and private.prose:
            columns = private.prose.schema.columns

        inferred = dict.fromkeys(self.table.schema.names, "inferred")
        by_rows = replaced is not None and replaced.globals.classify.enable_classify is not False
        # The certificate states the charges that the ledger holds, not the plan.
        account = self.training_account(private)
        account.check_known(trained.charges)
        certificate = make_certificate(
            trained.dp,
            [*self.account("measure").spent(), *account.spent()],
            steps_in_weights=trained.model.steps,
            num_units=private.num_units,
            schema={column.name: column.source for column in columns} or inferred,
            balance=self.ledger.balance(self.dataset, self.unit) if self.privacy.dataset else None,
            remarks=Remarks(
                not_covered=(*INTERNAL, *([TYPED_BY_ROWS] if by_rows else []), *([] if measured else [EXACT_SCHEMA])),
                notes=tuple(_certificate_notes(self, plan, trained.model)),
            ),
        )
        if is_given(self.config.generation):
            certificate = certificate.with_given_cells()

        self.job.run_dir.certificate.write_text(certificate.to_json())
        return certificate

    @contextmanager
    def closed_at_end(self) -> Iterator[None]:
        """Give back what is reserved and not spent, however the context ends."""
        try:
            yield
        finally:
            # A run that was finished before has not connected to the ledger, and need not.
            if "ledger" in self.__dict__:
                self.ledger.close_job(self.name)


def private_run_of(job: Job, data: str | Path, table: TableRef, *, name: str, seed: int) -> PrivateRun | None:
    """The account of a run with differential privacy; None without it.

    Args:
        job: The job of the run.
        data: Path or URI of the source.
        table: Reference to the source as it was read.
        name: Name of the run in the ledger.
        seed: Seed of the first weights.
    """
    # A section `privacy` may be there only to name the data set and its ledger.
    privacy = job.config.privacy
    if privacy is None or not job.config.is_private:
        return None
    return PrivateRun(job=job, privacy=privacy, name=name, data=data, table=table, seed=seed)


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
        config: The whole request.
        table: Reference to the table that the model's run has read.

    Raises:
        PrivacyError: The data set has a budget.
    """
    _refuse_budgeted(config, DataIdentity(name=None, place=real_place(table.name), digests=table.digests))


def _refuse_budgeted(config: Config, source: DataIdentity) -> None:
    ledger = find_ledger(config.privacy.ledger if config.privacy else None)
    if ledger is not None:
        ledger.refuse_budgeted(source)


def train_privately(run: PrivateRun, plan: RunPlan, prepared: Prepared) -> Learned:
    """Measure the schema and train, both paid for, and certify the model before any row is generated.

    Args:
        run: Account of the run in the ledger.
        plan: Plan of the run.
        prepared: Rows to learn from.

    Raises:
        PrivacyError: The data set's budget does not allow it.
    """
    stages = run.job.stages
    with run.closed_at_end():
        private = stages.run(run.measure_schema, plan, prepared)
        # Constraints that the measured schema cannot keep are refused before the rest of the budget goes.
        if private.measured is not None:
            check_declared(run.config.listed_constraints, private.measured.schema)

        trained = stages.run(run.train_model, plan, prepared, private)
        guarantee = stages.run(run.certify_model, plan, private, trained)

    return Learned(model=trained.model, guarantee=guarantee)


def find_prose(plan: RunPlan, prepared: Prepared) -> ProseCodec | None:
    """The codec of the prose that a language model of the plan writes; None where there is none.

    Nothing but kinds of columns is read off the rows.
    """
    training = plan.model.training
    if not isinstance(training, ProseTablePlan):
        return None

    sample = sample_rows(prepared.modelled.files(".parquet"), SAMPLE_ROWS)
    return fit_prose_codec(prepared.schema, sample, reserved=training.prose.reserved, is_private=True)


def _declare_words(data: DataParameters, prose: ProseCodec) -> DataParameters:
    """Declarations of the columns, with the number of words in the place of each text, whose bounds are public."""
    declared = {
        name: ColumnParameters(minimum=0, maximum=most)
        for name, most in zip(prose.texts, prose.most_words, strict=True)
    }
    return data.model_copy(update={"columns": data.columns | declared})


def _certificate_notes(run: PrivateRun, plan: RunPlan, model: ModelRef) -> list[str]:
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

    notes += FAMILIES[plan.family].privacy_notes(model, run.config.resources)
    if group is not None:
        notes.append(
            f"Of each {group!r} one row, drawn at random, was counted for the schema, and at most "
            f"{run.privacy.max_rows_per_unit} rows were learned from."
        )

    return notes
