import numpy as np
import pandas as pd
import pytest

from ss_ray.errors import ResourceError
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.quality.text_embedding import fit_embedding
from ss_ray.evaluation.quality.text_fidelity import evaluate_text
from ss_ray.evaluation.quality.text_semantic import semantic_similarity
from ss_ray.evaluation.quality.text_structure import structure_distance, text_shapes, words
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema
from tests.evaluation.remarks import TOPICS, remark_frame

TRAIN, HOLDOUT, FRESH = remark_frame(500, 1), remark_frame(450, 2), remark_frame(500, 3)


def measure(synthetic, train=TRAIN, holdout=HOLDOUT, embedding=None):
    tables = EvaluationTables(train, holdout, synthetic, make_schema(remark=Kind.TEXT))
    return evaluate_text(tables, "remark", embedding=embedding, no_holdout="there is no holdout", seed=0)


def test_fresh_texts_are_like_the_holdout():
    found = measure(FRESH)
    for name in ("structure", "semantic", "lengths", "vocabulary", "duplicates", "discriminator"):
        made, unseen = getattr(found.synthetic, name), getattr(found.baseline, name)
        assert made.value == pytest.approx(unseen.value, abs=0.12), name
    assert found.synthetic.semantic.value > 0.8
    assert found.synthetic.discriminator.value == pytest.approx(0.5, abs=0.12)
    assert found.synthetic.vocabulary.value > 0.95
    assert found.train_duplicates.value == 0.0


def test_texts_of_another_structure_are_seen():
    flat = FRESH.assign(remark=FRESH["remark"].str.replace(". ", " ", regex=False))
    found = measure(flat)
    assert found.synthetic.structure.value > 3 * found.baseline.structure.value


def test_texts_about_something_else_are_seen():
    one = FRESH.assign(remark=FRESH["remark"].replace(dict.fromkeys(TOPICS["billing"], "weather"), regex=True))
    found = measure(one)
    assert found.synthetic.discriminator.value > 0.6
    assert measure(FRESH.assign(remark="Sun and rain. Wind.")).synthetic.semantic.value < 0.6


def test_copied_texts_are_closer_to_train_than_chance():
    assert measure(TRAIN).synthetic.semantic.value < 0.5
    assert measure(TRAIN).synthetic.semantic.value < measure(FRESH).synthetic.semantic.value


def test_repeated_texts_are_counted():
    repeated = pd.concat([FRESH.head(50)] * 10)
    assert measure(repeated).synthetic.duplicates.value > 0.8


@pytest.mark.parametrize("values", [[], [None] * 30, ["One text."]])
def test_few_texts_have_reasons(values):
    found = measure(pd.DataFrame({"remark": pd.Series(values, dtype=object)}))
    assert "it needs 20 texts" in found.synthetic.structure.reason
    assert found.baseline.structure.value is not None
    few = measure(FRESH, train=pd.DataFrame({"remark": pd.Series(values, dtype=object)}))
    assert few.synthetic.semantic.reason


def test_a_small_holdout_has_no_meanings_but_structure():
    found = measure(FRESH, holdout=HOLDOUT.head(60))
    assert "it needs 200 texts" in found.synthetic.semantic.reason
    assert found.synthetic.structure.sample_size == 60


def test_without_holdout_the_rest_is_measured():
    found = measure(FRESH, holdout=None)
    assert found.baseline.structure.reason == found.synthetic.semantic.reason == "there is no holdout"
    assert found.synthetic.discriminator.value is not None


@pytest.mark.parametrize("text", ["?!", "same words here"])
def test_texts_without_directions_have_reasons(text):
    same = pd.DataFrame({"remark": [text] * 250})
    found = measure(same, train=same, holdout=same)
    assert found.synthetic.structure.value == 0.0
    assert (found.synthetic.semantic.value is None) == (found.synthetic.semantic.reason is not None)


def test_a_model_that_is_not_there_is_named_with_its_package():
    with pytest.raises(ResourceError, match="sentence-transformers") as error:
        measure(FRESH, embedding="/no/such/model")
    assert "/no/such/model" in str(error.value)


def test_shapes_by_hand():
    shapes = text_shapes(["One two. Three!", "", "寿司です。"])
    assert shapes.sentences.tolist() == [2.0, 0.0, 1.0]
    assert shapes.words_per_sentence.tolist() == [1.5, 0.0, 4.0]
    assert shapes.characters_per_word.tolist() == [11 / 3, 0.0, 1.0]
    assert structure_distance(shapes, shapes) == 0.0


def test_words_of_any_script():
    assert words("Ångström 12 東京 x_y") == ["ångström", "12", "東", "京", "x_y"]


def test_texts_that_share_words_are_close_and_unknown_ones_are_nowhere():
    embed = fit_embedding(TRAIN["remark"].tolist(), None, seed=0)
    a, b, c = embed(["invoice payment refund", "Payment of a refund", "courier parcel driver"])
    assert a @ b > 0.5 > a @ c
    assert not embed(["completely unknown"]).any()


def test_semantic_similarity_by_hand():
    axes = np.eye(3)
    assert semantic_similarity(axes, axes, axes) == pytest.approx(np.exp(-1))  # copies: over 1, under 0
    far = np.zeros((3, 3))
    assert semantic_similarity(axes, far, axes) == pytest.approx(1.0)  # no closer and no further than these are
