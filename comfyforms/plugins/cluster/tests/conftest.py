"""A Redis service for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from comfyforms.plugins.cluster.tests.redis import RedisServer, running_redis


@pytest.fixture
def service() -> Iterator[RedisServer]:
    """Yield a service that the test may stop and freeze."""
    with running_redis() as server:
        yield server
