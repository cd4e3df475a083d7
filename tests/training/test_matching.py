import numpy as np
import pyarrow as pa

from ss_ray.location import Location
from ss_ray.training.matching import MATCHER_FILE, fit_matcher, join_texts, load_matcher, told_columns

GOOD = "lovely soft great happy perfect favourite comfortable".split()
BAD = "awful torn cheap sad return disappointed scratchy".split()
PLAIN = "this dress shirt is and the very with a fabric colour size".split()


def reviews(rows: int, seed: int, *, telling: float) -> pa.Table:
    """Ratings and texts, whose words tell of their rating in a share of the rows."""
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, rows)
    ages = rng.integers(20, 80, rows)
    texts = []
    for rating in ratings:
        own = rating if rng.random() < telling else rng.integers(1, 6)
        words = [*rng.choice(PLAIN, 6), *rng.choice(GOOD if own > 3 else BAD, 3)]
        texts.append(" ".join(rng.permutation(words)))
    return pa.table({"rating": ratings, "age": ages, "text": texts})


def fit_of(table: pa.Table) -> float:
    """Correlation of the rating with the good words of a text."""
    good = [sum(word in GOOD for word in text.split()) for text in table["text"].to_pylist()]
    return float(np.corrcoef(table["rating"].to_numpy(), good)[0, 1])


def test_texts_find_rows_that_they_go_together_with_as_far_as_real_ones_do():
    real, generated = reviews(2000, 1, telling=0.8), reviews(500, 2, telling=0.0)
    matcher = fit_matcher(real, ["text"], ["rating", "age"], seed=1)
    assert matcher is not None
    # No text tells of an age.
    assert [reader.name for reader in matcher.readers] == ["rating"]

    matched = matcher.match(generated, [5])
    assert abs(fit_of(generated)) < 0.15
    assert 0.4 < fit_of(matched) < fit_of(real) + 0.05
    # Rows stay, and so does every text.
    assert matched.drop(["text"]).equals(generated.drop(["text"]))
    assert sorted(matched["text"].to_pylist()) == sorted(generated["text"].to_pylist())
    assert matcher.match(generated, [5]).equals(matched)


def test_texts_that_tell_enough_stay_where_they_are():
    real = reviews(2000, 1, telling=0.5)
    matcher = fit_matcher(real, ["text"], ["rating"], seed=1)
    assert matcher is not None
    generated = reviews(500, 3, telling=1.0)
    assert matcher.match(generated, [1]).equals(generated)
    assert matcher.match(generated.slice(0, 1), [1]).num_rows == 1


def test_a_text_that_states_a_number_of_its_row_and_the_place_of_a_missing_one_stay():
    real = reviews(2000, 1, telling=1.0)
    matcher = fit_matcher(real, ["text"], ["rating"], seed=1)
    assert matcher is not None
    generated = reviews(400, 4, telling=0.0)
    texts: list[str | None] = generated["text"].to_pylist()
    for row, age in enumerate(generated["age"].to_pylist()):
        if row % 4 == 0:
            texts[row] = f"{texts[row]} at {age} years"
        if row % 4 == 1:
            texts[row] = None

    generated = generated.set_column(2, "text", pa.array(texts))
    matched = matcher.match(generated, [1])["text"].to_pylist()
    assert matched[0::4] == texts[0::4]
    assert matched[1::4] == texts[1::4]
    assert matched[2::4] != texts[2::4]


def test_texts_that_tell_nothing_and_tables_that_are_small_have_no_matcher():
    assert fit_matcher(reviews(2000, 1, telling=0.0), ["text"], ["rating"], seed=1) is None
    assert fit_matcher(reviews(50, 1, telling=1.0), ["text"], ["rating"], seed=1) is None


def test_a_matcher_is_read_as_it_was_written_and_holds_no_word(tmp_path):
    folder = Location.parse(tmp_path)
    assert load_matcher(folder / MATCHER_FILE) is None
    real = reviews(1000, 1, telling=1.0).append_column("code", pa.array(["x", "y"] * 500))
    fitted = fit_matcher(real, ["text"], ["rating", "code"], seed=1)
    assert fitted is not None
    fitted.save(folder / MATCHER_FILE)
    matcher = load_matcher(folder / MATCHER_FILE)
    assert matcher is not None
    texts = join_texts(real, ["text"])
    for read, made in zip(matcher.readers, fitted.readers, strict=True):
        assert np.array_equal(
            read.log_likelihoods(matcher.features.measure(texts)), made.log_likelihoods(fitted.features.measure(texts))
        )
        assert np.array_equal(read.classes(real), made.classes(real))

    content = (tmp_path / MATCHER_FILE).read_bytes()
    assert not any(word.encode() in content for word in (*GOOD, *BAD))


def test_dates_and_missing_cells_have_classes_of_their_own():
    days = np.arange(0, 900, dtype="datetime64[D]")
    seasons = ["winter coat of wool" if day.astype(int) < 450 else "summer dress of linen" for day in days]
    table = pa.table({"day": pa.array(days, pa.date32()), "text": seasons})
    matcher = fit_matcher(table, ["text"], ["day"], seed=1)
    assert matcher is not None
    [reader] = matcher.readers
    assert len(reader.edges) == 3
    unknown = pa.table({"day": pa.array([None, days[0].item(), days[-1].item()], pa.date32()), "text": ["a b"] * 3})
    assert reader.classes(unknown).tolist() == [4, 0, 3]


def test_columns_are_told_by_the_words_of_the_texts_or_stated_in_them():
    real = reviews(1000, 1, telling=1.0)
    ages = real["age"].to_pylist()
    texts = [
        f"{text} at {age}" if row % 4 == 0 else text
        for row, (text, age) in enumerate(zip(real["text"].to_pylist(), ages, strict=True))
    ]
    table = real.set_column(2, "text", pa.array(texts)).append_column("code", pa.array(np.arange(1000) % 7))
    matcher = fit_matcher(table, ["text"], ["rating", "age", "code"], seed=1)
    # What the texts tell most of stands at the end, nearest to them.
    assert told_columns(table, ["text"], ["rating", "age", "code"], matcher) == ["age", "rating"]
    # Texts that tell nothing follow all columns.
    assert told_columns(reviews(500, 1, telling=0.0), ["text"], ["rating", "age"], None) == ["rating", "age"]
