"""The process that looks at tables: `python -m serve.looks.process` answers one request a line, in JSON.

Tables are hostile input, and reading them takes modules that the service itself does not need. So a process of its
own reads them, which the service may kill at any time. Nothing is written, and nothing is logged.
"""

from __future__ import annotations

import json
import resource
import select
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import IO, Any

import pyarrow as pa
from pydantic_core import to_jsonable_python

from serve.looks.balances import list_remaining
from ss_ray.config.files import parse_config
from ss_ray.config.model import Config
from ss_ray.config.pii import PiiParameters
from ss_ray.errors import ConfigError, DataError, SsRayError
from ss_ray.pii.preview import preview_replacement
from ss_ray.pipelines.names import read_names, refuse_missing
from ss_ray.pipelines.survey import PII_ROWS, SurveyedRows, estimate_costs, read_surveyed_rows, survey_rows
from ss_ray.tables.facts import table_facts
from ss_ray.tables.files import source_state
from ss_ray.tables.infer import infer_schema

SHOWN_ROWS = 20
SHOWN_CHARACTERS = 200
"""Characters of a cell that are shown."""
PREVIEWED_ROWS = 50
IDLE_SECONDS = 600.0
"""Time without a question after which the process ends, and with it the rows that it keeps."""
MAX_BYTES = 8 << 30
"""Address space of the process, which a hostile table cannot pass."""
KEPT_TABLES = 4
"""Tables whose first rows are kept, for the next questions about them."""


class KeptRows:
    """First rows of the tables that were looked at last, by the content of the table and how it is read."""

    def __init__(self) -> None:
        self.tables: OrderedDict[str, SurveyedRows] = OrderedDict()

    def read(self, config: Config, request: Mapping[str, Any]) -> SurveyedRows:
        """The first rows of the table of a request."""
        content = request["content"] or [request["data"], source_state(request["data"])]
        key = json.dumps([content, config.data.model_dump(mode="json")])
        if key not in self.tables:
            self.tables[key] = read_surveyed_rows(config, request["data"])

        self.tables.move_to_end(key)
        if len(self.tables) > KEPT_TABLES:
            self.tables.popitem(last=False)

        return self.tables[key]


def answer_request(request: Mapping[str, Any], kept: KeptRows) -> dict[str, Any]:
    """The answer to a request, as JSON.

    Args:
        request: "ask" (survey, preview, estimate or names), "config" of the job, "data" (path or URI of the table),
            "content" (SHA-256 of its content, or None where its files may change), and for a survey "ledger",
            "dataset" and "digests" of the privacy ledger.
        kept: First rows that were read before.

    Raises:
        SsRayError: The table cannot be read, or the configuration cannot be met.
    """
    config = parse_config(request["config"])
    if request["ask"] == "names":
        return {"refusal": _refuse_names(config, request["data"])}

    first = kept.read(config, request)
    if request["ask"] == "estimate":
        seconds, _ = estimate_costs(config, first)
        return {"seconds": seconds}

    if request["ask"] == "preview":
        if config.replace_pii is None:
            raise ConfigError("replace_pii is null: nothing is to be replaced")

        sample = first.typed.slice(0, PII_ROWS)
        preview = preview_replacement(sample, first.schema, config.replace_pii, config.data, PREVIEWED_ROWS)
        return {"preview": to_jsonable_python(preview)}

    return {
        "survey": to_jsonable_python(survey_rows(config, first)),
        "columns": first.rows.column_names,
        "rows": _list_cells(first),
        "balances": list_remaining(request),
    }


def _refuse_names(config: Config, data: str) -> str:
    """The error of a request that names a column which the table does not have; empty where it names none."""
    names = read_names(config, data)
    try:
        refuse_missing(config, names)
    except DataError as error:
        return str(error)
    return ""


def _list_cells(first: SurveyedRows) -> list[list[str | None]]:
    """Cells of the first rows as texts."""
    shown = first.rows.slice(0, SHOWN_ROWS)
    columns = [[_show_cell(cell) for cell in shown.column(name).to_pylist()] for name in shown.column_names]
    return [list(row) for row in zip(*columns, strict=True)]


def _show_cell(cell: Any) -> str | None:
    if cell is None or cell == "":
        return None

    text = str(cell)
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}..."


def load_models() -> None:
    """Load what the first question would wait for, by a preview of two made-up rows."""
    rows = pa.table({"name": ["Ann Lee", "Bob Ray"], "note": ["Ann Lee came on Monday.", "Bob Ray called us twice."]})
    schema = infer_schema(table_facts(rows), {}, is_text=False, min_rows=1)
    config = Config()
    preview_replacement(rows, schema, PiiParameters(), config.data, rows.num_rows)


def read_requests(stream: IO[str]) -> Iterator[str]:
    """Lines of a stream, until it ends or nothing comes for IDLE_SECONDS."""
    while select.select([stream], [], [], IDLE_SECONDS)[0]:
        line = stream.readline()
        if not line:
            return
        yield line


def main() -> None:
    """Answer requests until there are no more."""
    answers = sys.stdout
    # Libraries may print; only answers may reach the service.
    sys.stdout = sys.stderr
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    load_models()
    kept = KeptRows()
    for line in read_requests(sys.stdin):
        try:
            answer = answer_request(json.loads(line), kept)
        except SsRayError as error:
            answer = {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - its text may quote the table
            answer = {"error": f"the table cannot be looked at: unexpected {type(error).__name__}"}

        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
