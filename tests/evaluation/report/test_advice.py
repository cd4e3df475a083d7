import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ss_ray.evaluation
from ss_ray.config.files import parameters
from ss_ray.config.model import ColumnParameters, Config
from ss_ray.evaluation.evaluate import evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import measured
from ss_ray.evaluation.quality_verdict import QualityVerdict
from ss_ray.evaluation.report.advice import PRIVATE, REPLACED, next_steps


def test_a_good_table_leaves_the_decision_to_a_person(evaluation):
    scores = replace(evaluation.scores.privacy, failed=False, reasons=("fine",))
    verdict = QualityVerdict(score=evaluation.scores.quality.sqs)
    good = replace(evaluation, scores=replace(evaluation.scores, privacy=scores, verdict=verdict))
    good = replace(good, utility=replace(good.utility, gap=measured(0.0, 10)))
    good = replace(good, fidelity=replace(good.fidelity, discriminator=measured(0.5, 10)))
    assert len(next_steps(good)) == 1
    assert "for a person to decide" in next_steps(good)[0]


def test_a_copy_must_not_leave(train, holdout, schema):
    found = evaluate(EvaluationTables(train.head(300), holdout.head(300), train.head(300), schema), target="class")
    assert next_steps(found)[0].startswith("Do not release this table.")


def test_without_holdout_more_is_asked_for(train, fresh, schema):
    alone = EvaluationTables(train.head(100), None, fresh.head(100), schema)
    assert next_steps(evaluate(alone, target=None))[0].startswith("Keep more rows")


def test_nobody_is_told_to_do_what_is_done(train, holdout, fresh, schema):
    copied = evaluate(EvaluationTables(train.head(300), holdout.head(300), train.head(300), schema), target="class")
    assert "replace personal data first" in next_steps(copied)[0]
    assert "privacy.dp_enabled" in next_steps(copied)[0]
    done = next_steps(copied, {REPLACED, PRIVATE})[0]
    assert done.startswith("Do not release this table. To make another one, train for fewer steps")
    assert "replace personal data" not in done
    assert "privacy.dp_enabled" not in done

    few = evaluate(EvaluationTables(train.head(100), None, fresh.head(100), schema), target=None)
    assert next_steps(few, {"data.holdout"})[0].startswith("Bring more rows, or keep more of them")

    useless = replace(copied, utility=replace(copied.utility, gap=measured(0.5, 10)))
    assert "evaluation.target" in next_steps(useless)[-1]
    assert "evaluation.target" not in next_steps(useless, {"evaluation.target"})[-1]


def test_every_option_that_people_are_told_exists():
    known = {parameter.path for parameter in parameters()}
    known |= {f"data.columns.<name>.{name}" for name in ColumnParameters.model_fields}
    folder = Path(ss_ray.evaluation.__file__).parent
    files = [*folder.rglob("*.py"), *folder.rglob("*.html"), folder.parent / "cli" / "summaries.py"]
    sections = "|".join(Config.model_fields)
    option = re.compile(rf"(?<![\w./])(?:{sections})\.(?:columns\.(?:<name>|NAME)\.)?[a-z_]+")
    told = {
        (file.name, name.replace("NAME", "<name>"))
        for file in files
        for text in _texts_of(file)
        for name in option.findall(text)
    }
    assert {("advice.py", "data.holdout"), ("advice.py", "training.num_input_records_to_sample")} <= told
    assert {(file, name) for file, name in told if name not in known} == set()


def _texts_of(file: Path) -> Iterator[str]:
    """Texts for people: string constants but docstrings, and what stands between the expressions of a template."""
    if file.suffix == ".html":
        yield re.sub(r"{{.*?}}|{%.*?%}", " ", file.read_text(), flags=re.DOTALL)
        return

    tree = ast.parse(file.read_text())
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.value


def test_columns_that_differ_are_named_and_a_useless_table_is_told(train, holdout, schema):
    odd = train.head(300).assign(age=999.0, city="Nowhere")
    steps = " ".join(
        next_steps(evaluate(EvaluationTables(train.head(300), holdout.head(300), odd, schema), target="class"))
    )
    assert "'age'" in steps
    assert "'city'" in steps
