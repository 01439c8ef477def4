"""Use case: what asks for a person in what was just reported, in the very transaction that stores it.

Whoever calls has locked the patients. What a report says now is compared with what it said before this transaction; a
flag raises its alert whether or not its row stands, since somebody said it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from models import CheckIn, Milestone, Practice
from schedules.plan.alert_rules import OPIOID_PAST_WINDOW, PAIN_RISING, PainReport, is_past_window, pain_low_point
from schedules.plan.alert_state import say_again, withdraw
from schedules.plan.check_in_signs import implied_flags
from schedules.plan.red_flags import FLAG_OF_KEY
from schedules.plan.vocabulary import AlertKind, AlertLine, AlertState, AlertUrgency, MilestoneKind
from schedules.planning.alert_standing import set_standing, standing_of
from schedules.planning.alerts import Fact, find_alert, raise_alert, raise_anew, write_line
from service.care.tapers import raise_above_step

_WITHIN = timedelta(days=PAIN_RISING.figures["within_days"])
# What is older tells of the past: it raises nothing by trends, only by red flags.
_PRESENT = timedelta(days=3)


def raise_from_reports(
    session: Session,
    practice_id: str,
    rows: Sequence[CheckIn],
    now: datetime,
    *,
    said: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Raise what check-ins, not flushed yet, give rise to. `said`: further flags that somebody said in them, by id.

    One that could not be stored, and is not added to the session, only raises its flags.

    The number of statements depends on what is raised alone.
    """
    if not rows:
        return
    practice = session.get_one(Practice, practice_id)
    for row in rows:
        raise_red_flags(session, practice, row, now, also=(said or {}).get(row.id, ()))
    stored = (row for row in rows if not inspect(row).transient)
    present = [row for row in stored if abs(now - row.reported_at) <= _PRESENT]
    _raise_by_pain(session, practice, present, now)
    _raise_by_opioids(session, practice, [row for row in present if row.took_opioid], now)
    raise_above_step(session, practice, [row for row in present if row.opioid_doses], now)


def flags_in(told: Mapping[str, Any]) -> set[str]:
    """Return the red flags that a device's check-in says, or amounts to, whatever else it sends in their place."""
    named = _words_in(told.get("red_flags")) & FLAG_OF_KEY.keys()
    temperature = told.get("temperature_tenths_c")
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        temperature = None
    return named | implied_flags(_words_in(told.get("wound_signs")), temperature)


def _words_in(told: Any) -> set[str]:
    """Return the words of a list, or of one as JSON text."""
    try:
        named = orjson.loads(told) if isinstance(told, str) else told
    except orjson.JSONDecodeError:
        return set()
    return {each for each in named if isinstance(each, str)} if isinstance(named, list) else set()


def flags_of(row: CheckIn) -> set[str]:
    """Return the red flags that a check-in says yes to, and those that its other fields amount to."""
    return {*(row.red_flags or ()), *implied_flags(row.wound_signs or (), row.temperature_tenths_c)}


def raise_red_flags(
    session: Session, practice: Practice, row: CheckIn, now: datetime, *, also: Iterable[str] = ()
) -> None:
    """Raise an alert for each flag that a check-in says yes to, and note on those there are what it no longer says."""
    before, after = _before(row), flags_of(row)
    for key in sorted({*after, *also} & FLAG_OF_KEY.keys()):
        _say(session, practice, _fact_of(row, key), now, is_new=key not in before)
    for key in sorted(before - after):
        alert = find_alert(session, practice.id, _fact_of(row, key))
        if alert is not None and alert.withdrawn_at is None:
            set_standing(alert, withdraw(standing_of(alert), now))
            write_line(session, alert, AlertLine.withdrawn, now=now, about={"check_in_id": row.id})


def _say(session: Session, practice: Practice, fact: Fact, now: datetime, *, is_new: bool) -> None:
    known = find_alert(session, practice.id, fact)
    if known is None:
        raise_alert(session, practice, fact, now)
    elif is_new and known.withdrawn_at is not None:
        # It was taken back, and is said again: that is news, but for whoever has the alert in hand still.
        if known.state is AlertState.closed:
            raise_anew(session, practice, fact, known, now)
        else:
            set_standing(known, say_again(standing_of(known)))
            write_line(session, known, AlertLine.said_again, now=now, about=dict(fact.about))


def _fact_of(row: CheckIn, key: str) -> Fact:
    return Fact(
        patient_id=row.patient_id,
        episode_id=row.episode_id,
        kind=AlertKind.red_flag,
        urgency=AlertUrgency(FLAG_OF_KEY[key].urgency.value),
        subject=f"{row.id}\0{key}",
        about={"check_in_id": row.id, "red_flag": key},
        told_at=row.reported_at,
    )


def _before(row: CheckIn) -> set[str]:
    """Return the flags that the row had before this transaction."""
    state = inspect(row)
    if state.pending or state.transient:
        return set()

    def former(name: str) -> Any:
        history = state.attrs[name].history
        return (history.deleted or history.unchanged or (None,))[0]

    return {
        *(former("red_flags") or ()),
        *implied_flags(former("wound_signs") or (), former("temperature_tenths_c")),
    }


def _raise_by_pain(session: Session, practice: Practice, rows: Sequence[CheckIn], now: datetime) -> None:
    """Raise an alert where pain rises again. What this transaction stores is read as it is now."""
    if not rows:
        return
    episodes, since = {row.episode_id: row.patient_id for row in rows}, min(row.reported_at for row in rows) - _WITHIN
    query = select(CheckIn.id, CheckIn.episode_id, CheckIn.reported_at, CheckIn.pain).where(
        CheckIn.practice_id == practice.id,
        CheckIn.episode_id.in_(sorted(episodes)),
        CheckIn.reported_at >= since,
        ~CheckIn.deleted,
    )
    found: dict[str, dict[str, PainReport]] = {episode_id: {} for episode_id in episodes}
    for check_in_id, episode_id, reported_at, pain in session.execute(query):
        found[episode_id][check_in_id] = PainReport(check_in_id, reported_at, pain)
    for row in rows:
        found[row.episode_id][row.id] = PainReport(row.id, row.reported_at, row.pain)
    for episode_id, reports in sorted(found.items()):
        low_point = pain_low_point(list(reports.values()))
        if low_point is not None:
            told = Fact(
                patient_id=episodes[episode_id],
                episode_id=episode_id,
                kind=PAIN_RISING.kind,
                urgency=PAIN_RISING.urgency,
                subject=low_point.id,
                about={"low_check_in_id": low_point.id, "low_pain": low_point.pain},
            )
            raise_alert(session, practice, told, now)


def _raise_by_opioids(session: Session, practice: Practice, rows: Sequence[CheckIn], now: datetime) -> None:
    if not rows:
        return
    zone, by_episode = ZoneInfo(practice.time_zone), {row.episode_id: row for row in rows}
    query = select(Milestone).where(
        Milestone.practice_id == practice.id,
        Milestone.episode_id.in_(sorted(by_episode)),
        Milestone.kind == MilestoneKind.opioid_stop.value,
        Milestone.cancelled_at.is_(None),
        Milestone.superseded_on.is_(None),
        ~Milestone.deleted,
    )
    for milestone in session.scalars(query.order_by(Milestone.id)):
        row = by_episode[milestone.episode_id]
        if is_past_window(milestone.latest_on, row.reported_at.astimezone(zone).date()):
            fact = Fact(
                patient_id=row.patient_id,
                episode_id=row.episode_id,
                kind=OPIOID_PAST_WINDOW.kind,
                urgency=OPIOID_PAST_WINDOW.urgency,
                subject=milestone.id,
                about={"milestone_id": milestone.id},
                told_at=row.reported_at,
            )
            raise_alert(session, practice, fact, now)
