import numpy as np
import pyarrow as pa

from ss_ray.location import Location
from ss_ray.training.balance import BALANCE_FILE, fit_balance, load_balances, save_balances
from ss_ray.training.matching import fit_matcher
from tests.training.test_matching import BAD, GOOD, PLAIN


def texts_of(rows: int, seed: int, *, good: float) -> list[str]:
    """Texts, a share of which have good words, and the others bad ones."""
    rng = np.random.default_rng(seed)
    kinds = [GOOD if rng.random() < good else BAD for _ in range(rows)]
    return [" ".join([*rng.choice(PLAIN, 6), *rng.choice(kind, 2)]) for kind in kinds]


def share_good(texts: list[str]) -> float:
    return float(np.mean([text.split()[-1] in GOOD for text in texts]))


def test_of_several_versions_those_are_kept_whose_words_occur_as_often_as_in_real_texts():
    balance = fit_balance("text", texts_of(2000, 1, good=0.7))
    assert balance is not None
    written = texts_of(1200, 2, good=0.4)
    versions = [written[start : start + 3] for start in range(0, 1200, 3)]
    chosen = balance.choose(versions, [7])
    kept = [text[place] for text, place in zip(versions, chosen, strict=True)]
    assert abs(share_good(written) - 0.4) < 0.05
    # Of 400 draws the share has a standard deviation of 0.023.
    assert abs(share_good(kept) - 0.7) < 0.1
    assert balance.choose(versions, [7]) == chosen
    assert balance.choose(versions, [8]) != chosen


def test_versions_like_real_texts_are_kept_alike():
    balance = fit_balance("text", texts_of(2000, 1, good=0.5))
    assert balance is not None
    written = texts_of(1200, 2, good=0.5)
    chosen = balance.choose([written[start : start + 2] for start in range(0, 1200, 2)], [7])
    assert abs(share_good([written[2 * i + place] for i, place in enumerate(chosen)]) - 0.5) < 0.1
    assert 200 < sum(chosen) < 400


def test_one_version_and_few_real_texts_leave_nothing_to_choose():
    balance = fit_balance("text", texts_of(200, 1, good=0.5))
    assert balance is not None
    assert balance.choose([["one"], ["two"]], [1]) == [0, 0]
    assert balance.choose([], [1]) == []
    assert fit_balance("text", ["", *texts_of(99, 1, good=0.5)]) is None
    nothing_alike = [chr(0x4E00 + i) * 3 for i in range(100)]
    assert fit_balance("text", nothing_alike) is None
    assert fit_matcher(pa.table({"text": nothing_alike, "x": [1, 2] * 50}), ["text"], ["x"], seed=1) is None


def test_frequencies_are_read_as_they_were_written_and_hold_no_word_and_no_rare_one(tmp_path):
    file = Location.parse(tmp_path) / BALANCE_FILE
    assert load_balances(file) == {}
    texts = [*texts_of(200, 1, good=0.5), "zzyzx", "zzyzx"]
    balance = fit_balance("text", texts)
    assert balance is not None
    save_balances([balance], file)
    read = load_balances(file)["text"]
    versions = [[texts[2 * i], texts[2 * i + 1]] for i in range(100)]
    assert read.choose(versions, [1]) == balance.choose(versions, [1])
    content = (tmp_path / BALANCE_FILE).read_bytes()
    assert not any(word.encode() in content for word in (*GOOD, *BAD))
    # A word of two texts is no feature.
    assert read.features.measure(["zzyzx"]).nnz == 0
