"""The worker's metrics in Prometheus' text form, read from the database at each scrape.

The library's own registry is left out: it tells of the process and of Python. Labels are words of closed lists: no
practice, no patient.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from models.watch import Invariant
from schedules.jobs.anchor_sign import AnchorSign
from schedules.watch.alert_readings import count_alerts
from schedules.watch.judgement import Readings, Rhythm, Status, count_alive, judge, last_tick
from schedules.watch.readings import (
    count_due,
    count_heals,
    count_held,
    count_open_conflicts,
    count_refused_rows,
    count_unsealed,
    latest_self_audits,
    read_tally,
    read_wakes,
)


@dataclass(frozen=True, slots=True)
class Measurements(Collector):
    """All that is measured, in the session's transaction."""

    session: Session
    readings: Readings
    rhythm: Rhythm
    anchors: AnchorSign | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        yield self._decisions()
        yield self._wakes()
        yield from self._deliveries()
        yield from self._workers()
        yield from self._audits()
        yield from self._anchoring()
        yield from self._synchronisation()
        yield from self._alerts()

    def _decisions(self) -> Metric:
        told = "Decisions about reminders: why each went, waited or did not go."
        counter = CounterMetricFamily("recovery_decisions", told, labels=["kind", "reason", "channel"])
        for words, count in read_tally(self.session).items():
            counter.add_metric(words, count)
        return counter

    def _wakes(self) -> Metric:
        told = "Silent pushes that wake apps in the background: what became of each."
        counter = CounterMetricFamily("recovery_wakes", told, labels=["provider", "outcome"])
        for words, count in read_wakes(self.session).items():
            counter.add_metric(words, count)
        return counter

    def _deliveries(self) -> Iterator[Metric]:
        due = GaugeMetricFamily("recovery_deliveries_due", "Open deliveries that are due.", labels=["state"])
        for state, count in count_due(self.session, self.readings.now).items():
            due.add_metric([state.value], count)
        yield due
        told = "Deliveries held after a restore, until somebody releases or drops them."
        yield GaugeMetricFamily("recovery_deliveries_held", told, value=count_held(self.session))
        since = self.readings.untouched_since
        overdue = 0.0 if since is None else (self.readings.now - since).total_seconds()
        told = "How long the longest due delivery has been in nobody's hands."
        yield GaugeMetricFamily("recovery_oldest_overdue_seconds", told, value=overdue)
        told = "Deliveries set aside in the last day."
        yield GaugeMetricFamily("recovery_deliveries_quarantined", told, value=self.readings.quarantined)

    def _workers(self) -> Iterator[Metric]:
        status = GaugeMetricFamily("recovery_delivery_status", "1 for how delivery stands.", labels=["status"])
        judged = judge(self.readings, self.rhythm).status
        for each in Status:
            status.add_metric([each.value], each is judged)
        yield status
        alive = count_alive(self.readings, self.rhythm)
        yield GaugeMetricFamily("recovery_workers_alive", "Workers that ticked lately.", value=alive)
        ticked_at = last_tick(self.readings)
        if ticked_at is not None:
            age, told = (self.readings.now - ticked_at).total_seconds(), "Since any worker last ticked."
            yield GaugeMetricFamily("recovery_heartbeat_age_seconds", told, value=age)

    def _audits(self) -> Iterator[Metric]:
        told = "Entries of the audit trail that are in no chain after a minute."
        unsealed = count_unsealed(self.session, self.readings.now)
        yield GaugeMetricFamily("recovery_audit_entries_unsealed", told, value=unsealed)
        latest = latest_self_audits(self.session)
        broken: Counter[str] = Counter()
        for row in latest:
            broken[row.invariant] += row.violations
        told = "Violations that the last self-audit of each practice found."
        violations = GaugeMetricFamily("recovery_self_audit_violations", told, labels=["invariant"])
        for invariant in Invariant:
            violations.add_metric([invariant.value], broken[invariant])
        yield violations
        if latest:
            age = (self.readings.now - min(row.ran_at for row in latest)).total_seconds()
            told = "Since the last self-audit, of the practice that has waited longest."
            yield GaugeMetricFamily("recovery_self_audit_age_seconds", told, value=age)

    def _anchoring(self) -> Iterator[Metric]:
        if self.anchors is None:
            return
        age, told = self.anchors.age().total_seconds(), "Since this worker last anchored the audit chains, or began."
        yield GaugeMetricFamily("recovery_audit_anchor_age_seconds", told, value=age)
        told = "1 if this worker's last try to anchor the audit chains failed or hangs."
        yield GaugeMetricFamily("recovery_audit_anchor_failing", told, value=self.anchors.is_failing)

    def _synchronisation(self) -> Iterator[Metric]:
        told = "Edits of one field that could not both stand, and that nobody has settled."
        yield GaugeMetricFamily("recovery_sync_conflicts_open", told, value=count_open_conflicts(self.session))
        told = "Rows of devices that could not be stored in the last week."
        refused = count_refused_rows(self.session, self.readings.now)
        yield GaugeMetricFamily("recovery_sync_rows_refused", told, value=refused)
        heals, rows = count_heals(self.session)
        told = "Times that a device had drifted and got rows of a collection again."
        yield CounterMetricFamily("recovery_sync_heals", told, value=heals)
        yield CounterMetricFamily("recovery_sync_healed_rows", "Rows that drifted devices got again.", value=rows)

    def _alerts(self) -> Iterator[Metric]:
        told = "Alerts that are not closed."
        alerts = GaugeMetricFamily("recovery_alerts", told, labels=["urgency", "state"])
        for words, count in count_alerts(self.session).items():
            alerts.add_metric(words, count)
        yield alerts
        told = "Open alerts whose time is up, and about which nobody could be told."
        yield GaugeMetricFamily("recovery_alerts_unheard", told, value=self.readings.unheard)


def metrics_text(measurements: Measurements) -> bytes:
    """Return the metrics as Prometheus reads them."""
    return generate_latest(measurements)
