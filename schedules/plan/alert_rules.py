"""Rules that raise an alert from what patients report over time, or no longer report: data and pure functions.

The figures are drafts that no source states (grade E): a clinician of the clinic reads them before use. `sources` say
why a rule exists at all, in the ids of the evidence file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from schedules.plan.protocol import Text
from schedules.plan.vocabulary import AlertKind, AlertUrgency, Grade

_NO_FIGURES: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule. `figures` are what it counts with, each by its unit's name."""

    kind: AlertKind
    urgency: AlertUrgency
    text: Text
    figures: Mapping[str, int] = field(default_factory=lambda: _NO_FIGURES)
    grade: Grade = Grade.E
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PainReport:
    """The pain of one check-in: 0 is none, 10 the worst. `id` is the check-in's."""

    id: str
    reported_at: datetime
    pain: int


PAIN_RISING: Final = AlertRule(
    AlertKind.pain_rising,
    AlertUrgency.same_day,
    Text(en="Pain rises again after it had fallen.", es="El dolor vuelve a aumentar después de haber bajado."),
    MappingProxyType({"fall_points": 2, "rise_points": 3, "within_days": 14}),
    sources=("S53",),
)
OPIOID_PAST_WINDOW: Final = AlertRule(
    AlertKind.opioid_past_window,
    AlertUrgency.routine,
    Text(
        en="Opioids or sedatives are taken after the protocol's last day for them.",
        es="Se toman opioides o sedantes después del último día que el protocolo prevé.",
    ),
)
OPIOID_ABOVE_STEP: Final = AlertRule(
    AlertKind.opioid_above_step,
    AlertUrgency.routine,
    Text(
        en="More opioid is taken in a day than the prescriber's step allows.",
        es="Se toma en un día más opioide de lo que permite el paso de quien lo receta.",
    ),
)
NO_CHECK_IN: Final = AlertRule(
    AlertKind.no_check_in,
    AlertUrgency.routine,
    Text(en="No check-in for days.", es="Sin respuesta desde hace días."),
    # Through which day after surgery how many days may pass without one.
    MappingProxyType({"through_day_14_days": 3, "through_day_42_days": 7, "through_day_90_days": 14}),
)
FAR_BEHIND: Final = AlertRule(
    AlertKind.far_behind,
    AlertUrgency.routine,
    Text(en="A step of the plan is long past its last day.", es="Un paso del plan pasó hace mucho su último día."),
    MappingProxyType({"late_days": 14}),
)
ALERT_RULES: Final = (PAIN_RISING, OPIOID_PAST_WINDOW, OPIOID_ABOVE_STEP, NO_CHECK_IN, FAR_BEHIND)
MISSED_IN_A_ROW: Final = NO_CHECK_IN.figures["through_day_14_days"]  # a day without an answer each, while asked daily
_LONGEST_SILENCE: Final = ((14, "through_day_14_days"), (42, "through_day_42_days"), (90, "through_day_90_days"))


def pain_low_point(reports: Sequence[PainReport]) -> PainReport | None:
    """Return the low point from which pain has risen again by the latest of `reports`; None: it has not.

    Pain must have fallen to the low point by `fall_points` first, and be `rise_points` above it now. Only what was
    reported within `within_days` before the latest counts. One low point is one fact, however long pain goes on rising.
    """
    ordered = sorted(reports, key=lambda each: (each.reported_at, each.id))
    if not ordered:
        return None
    figures, latest = PAIN_RISING.figures, ordered[-1]
    since = latest.reported_at - timedelta(days=figures["within_days"])
    recent = [each for each in ordered if each.reported_at >= since]
    lowest = min(recent, key=lambda each: (each.pain, each.reported_at, each.id))
    before = [each.pain for each in recent[: recent.index(lowest)]]
    has_fallen = bool(before) and max(before) - lowest.pain >= figures["fall_points"]
    return lowest if has_fallen and latest.pain - lowest.pain >= figures["rise_points"] else None


def is_past_window(latest_on: date | None, on: date) -> bool:
    """Return whether a day is after the last day of a window. A window without an end is never past."""
    return latest_on is not None and on > latest_on


def is_silent(*, day_after_surgery: int, silent_days: int, missed: int | None = None) -> bool:
    """Return whether nothing was reported for longer than the rule allows on this day. After day 90 nothing is.

    `missed` are the check-ins of the clinic's rhythm that had no answer since; None: it says nothing. Where none was
    missed nobody is silent, and who missed as many as the rule's first days hold is, whatever the days.
    """
    if day_after_surgery < 0 or missed == 0:
        return False
    if missed is not None and missed >= MISSED_IN_A_ROW:
        return True
    for through, name in _LONGEST_SILENCE:
        if day_after_surgery <= through:
            return silent_days > NO_CHECK_IN.figures[name]
    return False


def is_far_behind(closes_on: date | None, on: date) -> bool:
    """Return whether an own item of the patient that is behind since `closes_on` is so for too long."""
    return closes_on is not None and (on - closes_on).days > FAR_BEHIND.figures["late_days"]
