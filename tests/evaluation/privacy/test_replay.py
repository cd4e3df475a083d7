import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.privacy.replay import Originals, count_replayed, replays
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

SCHEMA = make_schema(mail=Kind.IDENTIFIER, amount=Kind.FLOAT, note=Kind.TEXT)
FIRST = [f"first{i}" for i in range(20)]


def draw(rows, seed):
    """Mails that one row holds, with first names that many rows share."""
    rng = np.random.default_rng(seed)
    mails = [f"{FIRST[rng.integers(20)]}.last{seed}x{i}@mail.org" for i in range(rows)]
    notes = [f"note {rng.integers(10**6)} of someone" for _ in range(rows)]
    return pd.DataFrame({"mail": mails, "amount": rng.random(rows), "note": notes, "name": rng.choice(FIRST, rows)})


def find(train, holdout, synthetic, pii, originals=None):
    real = Originals(train=train, holdout=holdout)
    return {r.column: r for r in replays(real, synthetic, SCHEMA, pii=pii, originals=originals or real, seed=0)}


def keys(*values):
    return np.array(values, dtype=np.uint64)


def test_shares_by_hand():
    found = count_replayed(keys(1, 1, 2, 3, 4), keys(3, 5, 6), keys(1, 2, 3, 6))
    assert found.train.value == pytest.approx(3 / 4)  # of 1, 2, 3 and 4
    assert found.holdout.value == pytest.approx(1 / 2)  # of 5 and 6
    assert found.identifying.value == pytest.approx(1 / 2)  # of 2 and 4: 1 is held twice, 3 by both sides
    assert found.identifying_holdout.value == pytest.approx(1 / 2)


def test_replayed_mails_are_found_though_the_spelling_differs():
    train, holdout = draw(300, 1), draw(200, 2)
    made = draw(300, 3).assign(mail=[m.upper() for m in train["mail"]])
    mail = find(train, holdout, made, {"mail": "EMAIL_ADDRESS"})["mail"]
    assert mail.entity_type == "EMAIL_ADDRESS"
    assert mail.in_column.train.value == 1.0
    assert mail.in_column.p_value.value < 1e-9
    assert mail.in_texts.train.value == 0.0


def test_mails_inside_texts_are_found():
    train, holdout = draw(300, 1), draw(200, 2)
    made = draw(300, 3).assign(note=[f"please write to {m}, or call" for m in train["mail"]])
    mail = find(train, holdout, made, {"mail": "EMAIL_ADDRESS"})["mail"]
    assert mail.in_column.train.value == 0.0
    assert mail.in_texts.identifying.value == 1.0
    assert mail.in_texts.p_value.value < 1e-9


def test_common_names_meet_by_chance():
    train, holdout, made = draw(300, 1), draw(200, 2), draw(300, 3)
    name = find(train, holdout, made, {"name": "PERSON"})["name"]
    assert name.in_column.train.value == 1.0
    assert "no values" in name.in_column.p_value.reason  # no name is held by one row


def test_values_are_taken_from_before_the_replacement():
    train, holdout = draw(300, 1), draw(200, 2)
    replaced = Originals(train=train.assign(mail="x"), holdout=holdout.assign(mail="x"))
    found = replays(
        replaced,
        train,
        SCHEMA,
        pii={"mail": "EMAIL_ADDRESS"},
        originals=Originals(train=train, holdout=holdout),
        seed=0,
    )
    assert found[0].in_column.identifying.value == 1.0


def test_columns_that_nobody_declared_are_tested_where_values_identify():
    train, holdout = draw(300, 1), draw(200, 2)
    found = find(train, holdout, draw(300, 3).assign(amount=train["amount"].to_numpy()), {})
    assert set(found) == {"mail", "amount"}
    assert found["amount"].in_column.p_value.value < 1e-9
    assert found["mail"].in_column.p_value.value == 1.0
    assert "not declared" in found["amount"].in_texts.train.reason


def test_columns_without_values_that_identify_say_so():
    frames = [draw(300, seed).assign(amount=np.arange(300) % 7) for seed in (1, 2, 3)]
    assert "fewer than 20" in find(*frames, {})["amount"].in_column.p_value.reason


def test_every_gap_has_a_reason():
    train, made = draw(30, 1), draw(30, 3)
    pii = {"mail": "EMAIL_ADDRESS", "gone": "PERSON", "name": "PERSON"}
    found = find(train, None, made.drop(columns=["name"]).assign(note=None), pii)
    assert "no holdout" in found["mail"].in_column.p_value.reason
    assert "no synthetic texts" in found["mail"].in_texts.train.reason
    assert "lack the column" in found["gone"].in_column.train.reason
    assert "synthetic table lacks" in found["name"].in_column.train.reason
    empty = find(train.assign(mail=None), None, made, pii)
    assert "no training values" in empty["mail"].in_column.train.reason
    assert "long enough" in empty["mail"].in_texts.train.reason


def test_results_hold_no_value():
    train, holdout = draw(300, 1), draw(200, 2)
    assert "last1x" not in repr(find(train, holdout, train, {"mail": "EMAIL_ADDRESS"}))
