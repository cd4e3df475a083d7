"""`Synthesizer`: a model of a table with scikit-learn's manners, a thin shell over `pipelines.run` and `generate`.

    synthesizer = Synthesizer(group="customer_id", order="date").fit(df)
    table = synthesizer.sample(10_000, given={"segment": "gold"})

The pipeline decides everything; the class keeps where the run is and in which form the rows were given.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import fs as pafs
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from ss_ray.codec.stored import read_model_schema
from ss_ray.config.files import merge_config
from ss_ray.config.model import Config
from ss_ray.config.shortcuts import shortcut_overrides
from ss_ray.errors import ConfigError, EvaluationError
from ss_ray.pipelines.evaluate import evaluate_files
from ss_ray.pipelines.generate import generate_from
from ss_ray.pipelines.names import check_names
from ss_ray.pipelines.run import run
from ss_ray.privacy.certificate import Certificate
from ss_ray.python.frame_form import PATH, FrameForm
from ss_ray.python.given_values import plain_values
from ss_ray.python.report import Report, report_of_run
from ss_ray.python.rows_in import write_source
from ss_ray.python.work import brief_folder, folder_for, watched
from ss_ray.runs.run_dir import RunDir
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import read_part

STATE = "synthesizer.json"
"""File of the saved parameters and form, among the private files of the run."""
BATCH_ROWS = 100_000


class NotFittedError(ConfigError, AttributeError):
    """The synthesizer has no model yet."""


class Synthesizer:
    """A model of a table, with scikit-learn's conventions.

    Attributes:
        run_dir_: Path or URI of the run's directory; after `fit` or `load`.
        feature_names_in_: Names of the columns; after `fit` or `load`.
        n_features_in_: Number of the columns; after `fit` or `load`.
    """

    def __init__(
        self,
        *,
        epsilon: float | None = None,
        group: str | None = None,
        order: str | None = None,
        target: str | None = None,
        random_state: int | None = None,
        config: Config | Mapping[str, Any] | None = None,
        verbose: bool | None = None,
    ) -> None:
        """Keep the parameters as they are; `fit` checks them.

        Args:
            epsilon: Epsilon of differential privacy for the whole run; None: no differential privacy.
            group: Column whose rows of one value belong together, such as a customer's.
            order: Column that the rows of a group ascend by.
            target: Column that the report's utility models predict; None: chosen.
            random_state: Seed of the run and of each sample; None draws one.
            config: All other parameters: a Config, or a mapping with sections or dotted names.
            verbose: Whether progress is shown; None: in a notebook, and where stderr is a terminal.
        """
        self.epsilon = epsilon
        self.group = group
        self.order = order
        self.target = target
        self.random_state = random_state
        self.config = config
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters as they were given."""
        return {name: getattr(self, name) for name in _parameter_names()}

    def set_params(self, **params: Any) -> Synthesizer:
        """Change parameters.

        Raises:
            ConfigError: A name is no parameter.
        """
        names = _parameter_names()
        for name in params:
            if name not in names:
                raise ConfigError(f"there is no parameter {name!r}; the parameters are {', '.join(names)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(self, data: Any, y: None = None) -> Synthesizer:
        """Train on a table: replace personal data, train, generate a first table, and evaluate it.

        Args:
            data: DataFrame of pandas or polars, table of pyarrow, relation of DuckDB, Dataset of Hugging Face or Ray,
                anything with an Arrow C stream, or a path or URI of files.
            y: Argument that scikit-learn passes; it has no effect.

        Raises:
            SsRayError: See `ss_ray.errors`; no message shows a value of the table.
        """
        config = self._make_request()
        folder = folder_for(self)
        with brief_folder() as work, watched(self.verbose) as on_progress:
            source, form = write_source(data, work)
            check_names(config, source)
            run(_declare_categories(config, form), source, folder / "run", on_progress=on_progress)

        self._form = form
        self._take_run(str(folder / "run"))
        return self

    def sample(
        self,
        n: int | None = None,
        given: Mapping[str, Any] | None = None,
        *,
        shares: Mapping[str, Mapping[Any, float]] | None = None,
        groups: int | None = None,
        random_state: int | None = None,
    ) -> Any:
        """New rows in the form in which the table was given; a pyarrow.Table where it was given by its path.

        Args:
            n: Number of rows; None: as many as `groups`, or else `generation.num_records`, says.
            given: Values by column that every row has.
            shares: Shares of the values of a column, by column.
            groups: Number of groups, of as many rows as they have, in place of `n`.
            random_state: Seed of these rows; None: the seed of the synthesizer, or a new one.

        Raises:
            SsRayError: See `ss_ray.errors`; a ConfigError where both `n` and `groups` are given.
        """
        wanted = {"num_records": n, "num_groups": groups, "given": given, "shares": shares}
        with self._making_rows(wanted, random_state) as blocks:
            return self._form.restore(pa.concat_tables(blocks), self._read_schema())

    def sample_iter(
        self,
        n: int | None = None,
        given: Mapping[str, Any] | None = None,
        *,
        shares: Mapping[str, Mapping[Any, float]] | None = None,
        groups: int | None = None,
        random_state: int | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> Iterator[Any]:
        """New rows in batches, for more of them than memory holds; the arguments are those of `sample`.

        Args:
            n: Number of rows of all batches together.
            given: Values by column that every row has.
            shares: Shares of the values of a column, by column.
            groups: Number of groups in place of `n`.
            random_state: Seed of these rows.
            batch_rows: Rows of a batch at most.
        """
        wanted = {"num_records": n, "num_groups": groups, "given": given, "shares": shares}
        with self._making_rows(wanted, random_state) as blocks:
            schema = self._read_schema()
            for block in blocks:
                for start in range(0, block.num_rows, batch_rows):
                    yield self._form.restore(block.slice(start, batch_rows), schema)

    def score(self, data: Any = None, y: None = None) -> float:
        """Quality of the synthetic table of `fit`, 0 to 10, higher is better.

        Args:
            data: Real rows to compare it with, such as rows that `fit` has not seen; None: the figure of the report.
            y: Argument that scikit-learn passes; it has no effect.

        Raises:
            EvaluationError: Quality was not measured.
        """
        quality = self.report.figures.quality if data is None else self._compare_with(data)
        if quality is None:
            raise EvaluationError("quality was not measured; set evaluation.enabled: true, and give enough rows")
        return quality

    @property
    def run_place(self) -> str:
        """Path or URI of the run's directory.

        Raises:
            NotFittedError: There is no run yet.
        """
        return str(self._fitted_run().root)

    @property
    def report(self) -> Report:
        """What was measured of the table that `fit` made."""
        return report_of_run(self.run_place)

    @property
    def certificate(self) -> Certificate | None:
        """The guarantee of every table of this model; None without differential privacy."""
        file = self._fitted_run().certificate
        return Certificate.from_json(file.read_text()) if file.exists() else None

    def save(self, folder: str | Path) -> None:
        """Copy the run to a folder, which is then the directory of an `ss-ray run` too.

        Its folder `internal` holds real rows: only `release` may leave.

        Args:
            folder: Path or URI of a folder that is not there yet, or empty.

        Raises:
            ConfigError: The folder holds something.
        """
        source = self._fitted_run()
        target = RunDir.at(folder)
        if target.root.files(hidden=True):
            raise ConfigError(f"the folder {target.root} is not empty; give another one")

        target.create()
        pafs.copy_files(
            source.root.path,
            target.root.path,
            source_filesystem=source.root.filesystem,
            destination_filesystem=target.root.filesystem,
        )
        (target.internal / STATE).write_text(json.dumps(self._to_json(), indent=2) + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Synthesizer:
        """The synthesizer of a saved folder, or of the directory of a finished `ss-ray run`.

        Args:
            folder: Path or URI of the folder, which must stay where it is.

        Raises:
            ConfigError: There is no model.
        """
        run_dir = RunDir.at(folder)
        if not (run_dir.internal / "model" / "codec.json").exists():
            raise ConfigError(
                f"{run_dir.root} holds no model; give the folder of `save`, or of a finished `ss-ray run`"
            )

        state = run_dir.internal / STATE
        stored = json.loads(state.read_text()) if state.exists() else {"params": {}, "form": None}
        loaded = cls(**stored["params"])
        loaded._form = FrameForm(library=PATH) if stored["form"] is None else FrameForm.from_json(stored["form"])
        loaded._take_run(str(folder))
        return loaded

    def __repr__(self) -> str:
        shown = [
            f"{name}={value!r}" for name, value in self.get_params().items() if value is not None and name != "config"
        ]
        # It may hold the address of a ledger, with a password.
        hidden = [] if self.config is None else ["config=..."]
        return f"Synthesizer({', '.join([*shown, *hidden])})"

    def __sklearn_tags__(self) -> Tags:
        return BaseEstimator.__sklearn_tags__(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "run_dir_")

    def _make_request(self) -> Config:
        shortcuts = shortcut_overrides(
            epsilon=self.epsilon,
            group=self.group,
            order=self.order,
            target=self.target,
            random_state=self.random_state,
        )
        return merge_config(self.config, shortcuts)

    def _take_run(self, run_dir: str) -> None:
        self.run_dir_ = run_dir
        self.feature_names_in_ = list(self._read_schema().source_names)
        self.n_features_in_ = len(self.feature_names_in_)

    def _read_schema(self) -> TableSchema:
        return read_model_schema(self._fitted_run().internal / "model")

    @contextmanager
    def _making_rows(self, wanted: Mapping[str, Any], random_state: int | None) -> Iterator[Iterator[pa.Table]]:
        """Blocks of new rows, in storage types, for as long as the context lasts."""
        model = self._fitted_run()
        config = self._generation_request(wanted, random_state)
        with brief_folder() as work:
            with watched(self.verbose) as on_progress:
                report = generate_from(config, str(model.root), work / "rows", on_progress=on_progress)

            if report.result.incomplete:
                warnings.warn(report.result.incomplete, RuntimeWarning, stacklevel=4)

            parts = RunDir.at(work / "rows").synthetic.files(".parquet")
            yield (block for part in parts for block in read_part(part))

    def _generation_request(self, wanted: Mapping[str, Any], random_state: int | None) -> Config:
        """The part of the request that new rows depend on."""
        if wanted["num_records"] is not None and wanted["num_groups"] is not None:
            raise ConfigError("give n, a number of rows, or groups, a number of groups, and not both")
        for argument, setting in (("n", "num_records"), ("groups", "num_groups")):
            _check_size(argument, wanted[setting])

        asked = self._make_request()
        generation = asked.generation.model_dump(exclude_unset=True)
        if wanted["num_records"] is not None:
            # Groups that `fit` was asked for would win over a number of rows.
            generation["num_groups"] = None

        given = {
            name: plain_values(name, wanted[name], self._form)
            for name in ("given", "shares")
            if wanted[name] is not None
        }
        sizes = {name: wanted[name] for name in ("num_records", "num_groups") if wanted[name] is not None}
        seed = self.random_state if random_state is None else random_state
        return merge_config(
            {
                "generation": generation | sizes | given,
                "data": {"random_state": seed},
                "resources": asked.resources.model_dump(exclude_unset=True),
                "audit_log": asked.audit_log,
            }
        )

    def _compare_with(self, data: Any) -> float | None:
        """Quality of the table of `fit` beside other real rows."""
        synthetic = self._fitted_run().synthetic
        with brief_folder() as work, watched(self.verbose) as on_progress:
            real, _ = write_source(data, work)
            found = evaluate_files(self._make_request(), real, str(synthetic), work / "report", on_progress=on_progress)
        return found.result.quality_score

    def _to_json(self) -> dict[str, Any]:
        """Parameters and form as they are stored; the address of the ledger, which may hold a password, is not."""
        config = None
        if self.config is not None:
            config = merge_config(self.config).model_dump(mode="json", exclude_unset=True)
            (config.get("privacy") or {}).pop("ledger", None)

        return {"params": self.get_params() | {"config": config}, "form": self._form.to_json()}

    def _fitted_run(self) -> RunDir:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError("this Synthesizer has no model yet; call fit(data), or Synthesizer.load(folder)")
        return RunDir.at(self.run_dir_)


def _check_size(argument: str, size: Any) -> None:
    if size is not None and not (isinstance(size, int | np.integer) and size >= 1):
        raise ConfigError(f"{argument}: expected a whole number of 1 or more")


def _parameter_names() -> list[str]:
    return [name for name in inspect.signature(Synthesizer.__init__).parameters if name != "self"]


def _declare_categories(config: Config, form: FrameForm) -> Config:
    """The request with the columns of codes that are categories by their type, where nothing else is declared."""
    declared = config.data.columns
    found = {name: {"kind": "category"} for name in form.coded_categories if name not in declared}
    if not found:
        return config
    values = config.model_dump(exclude_unset=True)
    columns = values.get("data", {}).get("columns", {}) | found
    return merge_config(values | {"data": values.get("data", {}) | {"columns": columns}})
