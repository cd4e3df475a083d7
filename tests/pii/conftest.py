import pytest

from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pii.text.detect import Detector


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="session")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"a key of the tests, 32 bytes long")
