"""OpenTelemetry, where its standard variables ask for it: spans of the run and its stages, counts of what came of it.

Nothing is exported but ids, counts, kinds, and the names of buckets; no location, no content, no secret.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from indexer.cli.talk import Talk
from indexer.model.event import ActionSettled, StageStarted
from indexer.model.plan import Plan
from indexer.model.run_event import ConfigurationRead, PlanMade, PlanNamed, RunEnded, RunEvent, StageEnded

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer


SIGNALS = ("TRACES", "METRICS")
INSTALL = "pip install 'data-asset-indexer[otel]'"
EXPORT_S = 3.0
"""How long one export is tried, where OTEL_EXPORTER_OTLP_TIMEOUT does not say."""
FLUSH_S = 5.0
"""How long the end of a run waits for what is not exported yet."""
DURATIONS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
"""Buckets of the histogram."""
IN_STEP_OR_DRIFT = (0, 3)
"""The exit statuses of a run that did what it should."""


def begin(talk: Talk, command: str) -> Telemetry | None:
    """Telemetry of one run; None where it is not asked for, or cannot be had, which is said once."""
    signals = [signal for signal in SIGNALS if _asked(signal, os.environ)]
    if not signals or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    protocols = {_setting("PROTOCOL", signal, os.environ) for signal in signals} - {"", "http/protobuf"}
    if protocols:
        wanted = ", ".join(sorted(protocols))
        talk.warn(f"No telemetry is sent: it is sent by http/protobuf, and {wanted} was asked for.")
        return None
    _hide_credentials(talk, os.environ)
    faults = _Faults(talk)
    try:
        return Telemetry(signals, talk.run_id, command, faults)
    except ImportError:
        talk.warn(
            f"No telemetry is sent: OTEL_… variables ask for it, and its libraries are missing. {INSTALL}"
        )
    except Exception as exc:  # noqa: BLE001 - whatever the variables hold, a run is never ended by who watches it
        faults.tell(f"{type(exc).__name__}: {exc}")
    return None


def _asked(signal: str, environ: Mapping[str, str]) -> bool:
    """Is this signal to be exported? An exporter that is named decides; else an endpoint does."""
    exporter = environ.get(f"OTEL_{signal}_EXPORTER", "").strip()
    if exporter:
        return "otlp" in [one.strip() for one in exporter.split(",")]
    return bool(_setting("ENDPOINT", signal, environ))


def _setting(name: str, signal: str, environ: Mapping[str, str]) -> str:
    """A signal's own setting, or the one for all."""
    own, common = f"OTEL_EXPORTER_OTLP_{signal}_{name}", f"OTEL_EXPORTER_OTLP_{name}"
    return (environ.get(own) or environ.get(common) or "").strip()


def _hide_credentials(talk: Talk, environ: Mapping[str, str]) -> None:
    """What leads to the collector may hold a key; none is ever said."""
    from urllib.parse import unquote

    for name, value in environ.items():
        if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("ENDPOINT") and value:
            talk.hide(value)
        if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("HEADERS"):
            for header in value.split(","):
                secret = header.partition("=")[2].strip()
                for one in {secret, unquote(secret), *unquote(secret).split()}:
                    talk.hide(one)


class _Faults(logging.Handler):
    """Says the first fault of the libraries, instead of all of them."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(logging.WARNING)
        self._talk, self._told = talk, False
        self.open = True

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it, where it is the first."""
        self.tell(record.getMessage())

    def tell(self, why: str) -> None:
        """Warn, once."""
        if self.open and not self._told:
            self._told = True
            self._talk.warn(f"Telemetry does not get through; the run is none the worse for it. {why}")


class Telemetry:
    """The spans and counts of one run."""

    def __init__(self, signals: list[str], run_id: str, command: str, faults: _Faults) -> None:
        from indexer import __version__

        logger = logging.getLogger("opentelemetry")
        logger.propagate = False
        logger.handlers = [faults]
        self._faults, self._command = faults, command
        self._tracers, self._meters = _providers(signals, run_id)
        self._tracer: Tracer = self._tracers.get_tracer("indexer", __version__)
        self._run: Span = self._tracer.start_span(f"indexer {command}")
        self._run.set_attributes({"indexer.command": command, "indexer.run_id": run_id})
        self._stage: Span | None = None
        self._buckets: frozenset[str] = frozenset()
        """The configured ones: a stage that works on one of them says so."""
        meter = self._meters.get_meter("indexer", __version__)
        self._counters = {
            name: meter.create_counter(f"indexer.actions.{name}", "{action}", f"Actions {name}.")
            for name in ("planned", "withheld", "applied", "satisfied", "stale", "failed", "skipped")
        }
        self._findings = meter.create_counter("indexer.findings", "{finding}", "Findings of a plan.")
        self._duration = meter.create_histogram(
            "indexer.run.duration",
            "s",
            "How long a run took.",
            explicit_bucket_boundaries_advisory=DURATIONS_S,
        )

    def __call__(self, event: RunEvent) -> None:
        """Begin and end spans, and count."""
        match event:
            case ConfigurationRead(buckets=buckets):
                self._buckets = buckets
            case PlanNamed(plan_id=plan_id):
                self._run.set_attribute("indexer.plan_id", plan_id)
            case StageStarted(stage=name):
                self._stage = self._start_stage(name)
            case StageEnded(done=done, found=found) if self._stage is not None:
                self._stage.set_attributes({"indexer.done": done, "indexer.found": found})
                self._stage.end()
            case PlanMade(plan=plan):
                self._planned(plan)
            case ActionSettled(status=status, kind=kind, reason=reason):
                self._counters[status].add(1, {"indexer.kind": kind, "indexer.reason": reason})
            case RunEnded(exit_code=status, duration_s=duration_s):
                self._end(status, duration_s)

    def _planned(self, plan: Plan) -> None:
        for (kind, reason), count in Counter((one.kind, one.reason) for one in plan.actions).items():
            self._counters["planned"].add(count, {"indexer.kind": kind, "indexer.reason": reason})
        for policy, count in Counter(one.policy for one in plan.withheld).items():
            self._counters["withheld"].add(count, {"indexer.policy": policy})
        for finding, count in plan.summary.findings.items():
            self._findings.add(count, {"indexer.finding": finding})
        self._run.set_attribute("indexer.buckets", plan.scope.buckets)
        self._run.set_attribute("indexer.complete", plan.summary.complete)

    def _start_stage(self, name: str) -> Span:
        from opentelemetry.trace import set_span_in_context

        span = self._tracer.start_span(name.partition(" ")[0], set_span_in_context(self._run))
        span.set_attribute("indexer.stage", name)
        bucket = name.rpartition(" ")[2]
        if bucket in self._buckets:
            span.set_attribute("indexer.bucket", bucket)
        return span

    def _end(self, status: int, duration_s: float) -> None:
        """End the run's span, and wait for what is not exported yet, but never long."""
        from opentelemetry.trace import StatusCode

        self._run.set_attribute("indexer.exit_status", status)
        if status not in IN_STEP_OR_DRIFT:
            self._run.set_status(StatusCode.ERROR)
        self._run.end()
        self._duration.record(duration_s, {"indexer.command": self._command, "indexer.exit_status": status})
        if not self._over_within(FLUSH_S, self._tracers.shutdown, self._meters.shutdown):
            self._faults.tell(f"The collector did not answer within {FLUSH_S:g} s.")
        self._faults.open = False

    def _over_within(self, limit_s: float, *calls: Callable[[], Any]) -> bool:
        """Make the calls side by side, and wait for them no longer than that; were they all over by then?"""

        def make(call: Callable[[], Any]) -> None:
            try:
                call()
            except Exception as exc:  # noqa: BLE001 - of whatever kind: it ends no run
                self._faults.tell(f"{type(exc).__name__}: {exc}")

        threads = [Thread(target=make, args=(call,), name="telemetry", daemon=True) for call in calls]
        deadline = monotonic() + limit_s
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - monotonic()))
        return not any(thread.is_alive() for thread in threads)


def _providers(signals: list[str], run_id: str) -> tuple[TracerProvider, MeterProvider]:
    """The SDK's own, set up by its own variables; they are this run's, not the process's."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from indexer import __version__

    own = {"service.name": "indexer", "service.version": __version__, "service.instance.id": run_id}
    resource = Resource.create(own).merge(OTELResourceDetector().detect())
    timeouts = {one: None if _setting("TIMEOUT", one, os.environ) else EXPORT_S for one in SIGNALS}
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    if "TRACES" in signals:
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=timeouts["TRACES"])))
    readers = []
    if "METRICS" in signals:
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(timeout=timeouts["METRICS"])))
    return tracers, MeterProvider(readers, resource, shutdown_on_exit=False)
