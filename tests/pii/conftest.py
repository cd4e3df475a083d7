import pytest

from ss_ray.pii.detect import Detector
from ss_ray.pii.pseudonyms import Pseudonyms


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="session")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"a key of the tests, 32 bytes long")
