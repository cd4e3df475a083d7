"""What `python -m serve` refuses before it starts anything."""

from __future__ import annotations

import socket

import pytest

from serve.app import check_free
from ss_ray.errors import ConfigError


def test_a_second_ray_that_could_take_no_jobs_is_refused():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}.*RAY_ADDRESS"):
            check_free(port)
    check_free(port)
