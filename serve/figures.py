"""Metrics of the service for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from serve.store.database import JOBS, Database
from serve.store.job_store import EXISTS, STATUSES


class Figures:
    """Requests that this replica handled, and jobs in the database.

    Args:
        database: Database of the jobs.
    """

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ss_ray_requests", "Answers by route and status.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "ss_ray_request_seconds", "Time to the first byte of an answer.", ["route"], registry=self.registry
        )
        self.registry.register(_Jobs(database))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Take an answer into account."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)


class _Jobs(Collector):
    """Jobs by status, counted when somebody asks."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def collect(self) -> Iterator[Any]:
        """One gauge."""
        with self.database.read() as db:
            found = db.execute(
                sa.select(JOBS.c.status, sa.func.count().label("jobs")).where(EXISTS).group_by(JOBS.c.status)
            ).all()

        by_status = {row.status: row.jobs for row in found}
        gauge = GaugeMetricFamily("ss_ray_jobs", "Jobs by status.", labels=["status"])
        for status in STATUSES:
            gauge.add_metric([status], by_status.get(status, 0))

        yield gauge
