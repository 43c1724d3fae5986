"""The counts as Prometheus reads them: `GET /metrics`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from seatrial.serve.observation.counts import REFUSALS, Counts, Histogram
from seatrial.serve.sampling.sampler import OUTCOMES


class Metrics:
    """A collector of prometheus_client: families are made of the counts when they are asked for."""

    def __init__(self, counts: Counts, *, queue_depth: Callable[[], int], labels: dict[str, str]) -> None:
        self._counts = counts
        self._queue_depth = queue_depth
        self._labels = labels  # of the release
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its media type: OpenMetrics where the scraper takes it."""
        try:
            encode, media_type = choose_encoder(accept)
        except (ValueError, TypeError):  # "text/plain;version=abc"
            encode, media_type = choose_encoder("")
        return encode(self._registry), media_type

    def collect(self) -> Iterator[Metric]:
        """The families."""
        counts = self._counts
        yield InfoMetricFamily("seatrial_release", "What is served", self._labels)
        latency = HistogramMetricFamily(
            "seatrial_request_duration_seconds", "From a request's headers to its answer", labels=["route", "outcome"]
        )
        for key, histogram in tuple(counts.latency.items()):
            latency.add_metric(list(key), *_buckets(histogram))
        yield latency
        batches = HistogramMetricFamily("seatrial_batch_rows", "Rows of one run of the model")
        batches.add_metric([], *_buckets(counts.batch_rows))
        yield batches
        yield CounterMetricFamily("seatrial_rows", "Rows that the model answered", counts.rows)
        yield CounterMetricFamily("seatrial_model_seconds", "Time within the model", counts.runs.seconds)
        yield GaugeMetricFamily("seatrial_queue_depth", "Requests that wait for their answers", self._queue_depth())
        refused = CounterMetricFamily("seatrial_requests_refused", "Requests refused, by reason", labels=["reason"])
        for reason in REFUSALS:
            refused.add_metric([reason], counts.refused[reason])
        yield refused
        if counts.sampler is not None:
            sampled = CounterMetricFamily(
                "seatrial_sampled_rows", "Sampled rows: written, dropped beyond a limit, failed", labels=["outcome"]
            )
            for outcome in OUTCOMES:
                sampled.add_metric([outcome], counts.sampler.counts[outcome])
            yield sampled
        yield from self._distributions()

    def _distributions(self) -> Iterator[Metric]:
        distributions = self._counts.distributions
        if distributions is None:
            return
        inputs = CounterMetricFamily(
            "seatrial_input_rows",
            "Rows by column and bin: standard deviations from the mean, or values, of the release's codec",
            labels=["column", "bin"],
        )
        for column, bin_, rows in distributions.inputs():
            inputs.add_metric([column, bin_], rows)
        yield inputs
        answers = CounterMetricFamily("seatrial_answer_rows", "Rows by the class answered", labels=["class"])
        for label, rows in distributions.answers():
            answers.add_metric([label], rows)
        yield answers
        shares = CounterMetricFamily(
            "seatrial_probability_rows", "Rows by the probability of the positive class", labels=["bin"]
        )
        for bin_, rows in distributions.probabilities():
            shares.add_metric([bin_], rows)
        yield shares


def _buckets(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, itertools.accumulate(histogram.buckets), strict=True)), histogram.total
