"""What ``/metrics`` tells, in Prometheus' text format. No image, file name or client is among it."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Meters:
    """Those of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Histogram(
            "tltpipe_request_seconds", "Requests", ("route", "code"), buckets=SECONDS, registry=self.registry
        )
        self.rejected = Counter("tltpipe_rejected_total", "Requests refused", ("code",), registry=self.registry)
        self.images = Counter("tltpipe_images_total", "Images predicted on", ("model",), registry=self.registry)
        self.waited = Histogram(
            "tltpipe_wait_seconds", "Images waiting for the model", ("model",), buckets=SECONDS, registry=self.registry
        )
        self.computed = Histogram(
            "tltpipe_model_seconds", "Calls of the model", ("model",), buckets=SECONDS, registry=self.registry
        )
        self.batches = Histogram(
            "tltpipe_batch_images", "Images of a call", ("model",), buckets=SIZES, registry=self.registry
        )
        self.places = Gauge(
            "tltpipe_images_in_progress", "Images waiting or being worked on", ("model",), registry=self.registry
        )

    def watch(self, model: str, in_progress: Callable[[], float]) -> None:
        """Show how many images are in progress for ``model``."""
        self.places.labels(model).set_function(in_progress)

    def request(self, route: str, status: int, seconds: float) -> None:
        self.requests.labels(route, str(status)).observe(seconds)
        if status >= 400:
            self.rejected.labels(str(status)).inc()

    def batch(self, model: str, images: int, seconds: float) -> None:
        self.computed.labels(model).observe(seconds)
        self.batches.labels(model).observe(images)
        self.images.labels(model).inc(images)

    def text(self) -> bytes:
        return generate_latest(self.registry)
