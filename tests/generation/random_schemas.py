"""Whatever the schema, an engine writes rows of it: the same check for all engines."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ss_ray.codec.json.grammar import record_grammar
from ss_ray.generation.engine import CompletionRequest, TextEngine
from ss_ray.schema import TableSchema
from tests.codec.json.test_grammar import LATE
from tests.codec.json.test_lines import codec_of
from tests.generation import language_toy as toy

SCHEMAS = 5
"""Of one check, decoded side by side."""


def check_engine(engine: TextEngine, drawn: Sequence[tuple[TableSchema, pa.Table]]) -> None:
    """One record of each schema; what is not cut at its length is a row of it, but for what is checked afterwards."""
    codecs = [codec_of(schema) for schema, _ in drawn]
    grammars = [record_grammar(codec, records=1) for codec in codecs]
    engine.submit(
        [
            CompletionRequest(number=i, prompt_ids=toy.PROMPT, seed=i, max_tokens=300, grammar=grammar)
            for i, grammar in enumerate(grammars)
        ]
    )
    done = {}
    while engine.num_unfinished:
        done |= {completion.number: completion for completion in engine.step()}
    assert sorted(done) == list(range(len(drawn)))
    for number, completion in done.items():
        if completion.finished:
            parsed = codecs[number].parse(completion.text)
            assert {reason for _, reason in parsed.rejected} <= LATE
            table = codecs[number].table_of(parsed, first_row=0, first_group=0, seed=0)
            codecs[number].schema.check(table)
            assert len(table) + sum(parsed.rejected.values()) == 1
