from decimal import Context, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.codec.decimals import decimals_of_units, nearest_decimal
from ss_ray.errors import DataError
from tests.examples import examples

ANY_PRECISION = Context(prec=100)


@examples(300)
@given(st.integers(1, 60), st.data())
def test_the_float_of_a_decimal_leads_back_to_a_decimal_with_that_float(precision: int, data: st.DataObject) -> None:
    scale = data.draw(st.integers(0, precision))
    type_ = (pa.decimal128 if precision <= 38 else pa.decimal256)(precision, scale)
    largest = 10 ** data.draw(st.integers(1, precision)) - 1
    original = Decimal(data.draw(st.integers(-largest, largest))).scaleb(-scale, ANY_PRECISION)
    as_float = pa.scalar(original, type_).cast(pa.float64()).as_py()
    found = nearest_decimal(as_float, type_, (as_float, as_float))
    assert pa.scalar(found, type_).cast(pa.float64()).as_py() == as_float
    if len(original.as_tuple().digits) <= 14:
        assert found == original


def test_a_float_that_is_no_decimal_of_the_type_is_refused_where_it_must_be_met_exactly() -> None:
    with pytest.raises(DataError, match="outside its bounds"):
        nearest_decimal(0.123, pa.decimal128(5, 2), (0.123, 0.123))


def test_units_are_the_digits_of_the_decimal_cut_to_its_precision() -> None:
    units = np.array([0, -1, 12_345, 10**9, -(2**62)])
    valid = np.array([True, True, True, True, False])
    found = decimals_of_units(units, valid, pa.decimal128(5, 2)).to_pylist()
    assert found == [Decimal("0.00"), Decimal("-0.01"), Decimal("123.45"), Decimal("999.99"), None]
