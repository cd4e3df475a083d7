"""Stand-ins of codes keep their kind, their check digits and their number."""

import random
import uuid

import pytest
from stdnum import ean, imei, isbn

from ss_ray.pii.stand_ins.codes import permuted_code
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms

KEY = b"a key of the tests, 32 bytes long"


def of(value: str) -> str:
    return permuted_code(KEY, "UNIQUE_ID", value)


def test_a_uuid_stays_one_of_its_version_and_case():
    draw = random.Random(1)
    originals = [uuid.UUID(int=draw.getrandbits(128), version=4) for _ in range(300)]
    stand_ins = [of(str(original)) for original in originals]
    assert {(uuid.UUID(s).version, uuid.UUID(s).variant) for s in stand_ins} == {(4, uuid.RFC_4122)}
    assert len(set(stand_ins)) == len(originals)
    assert not {*stand_ins} & {*map(str, originals)}
    assert of(str(originals[0]).upper()).isupper()


def test_hexadecimal_digits_stay_such():
    stand_ins = [of(f"{number:08x}") for number in range(10**7, 10**7 + 2000)]
    assert len(set(stand_ins)) == 2000
    assert all(int(stand_in, 16) >= 0 and len(stand_in) == 8 for stand_in in stand_ins if not stand_in.isdecimal())


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        ("978-3-16-148410-0", isbn.is_valid),
        ("0-306-40615-2", isbn.is_valid),
        ("097522980X", isbn.is_valid),
        ("4006381333931", ean.is_valid),
        ("490154203237518", imei.is_valid),
    ],
)
def test_check_digits_stay_right(value, is_valid):
    assert is_valid(value)
    stand_in = of(value)
    assert is_valid(stand_in)
    assert stand_in != value
    assert [c if not c.isalnum() else "" for c in stand_in] == [c if not c.isalnum() else "" for c in value]
    assert stand_in[-1].isalpha() == value[-1].isalpha()


def test_codes_with_and_without_right_check_digits_never_meet():
    values = [f"{number:08d}" for number in range(10_000_000, 10_004_000)]
    assert len({of(value) for value in values}) == len(values)


def test_ids_of_any_kind_get_their_stand_ins_this_way():
    value = "98c907b5-6b4b-4171-af66-9eb431c9cc89"
    assert uuid.UUID(Pseudonyms(KEY).stand_in("UNIQUE_ID", value)).version == 4
