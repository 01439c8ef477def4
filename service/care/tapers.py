"""Use cases: a prescriber enters the steps of an opioid taper; what patients report is held against them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CheckIn, Episode, OpioidTaper, Practice
from schedules.plan.alert_rules import OPIOID_ABOVE_STEP
from schedules.plan.taper import TaperStep, is_above_step, step_on
from schedules.planning.alerts import Fact, raise_alert
from service.care.reach import find_named_episode, find_row, is_stored, lock_patient
from service.errors import ConflictError, Fault, InvalidError
from service.identity.principal import Principal

MOST_MME_TENTHS_PER_DOSE: Final = 10_000
MOST_MME_TENTHS_A_DAY: Final = 20_000
MOST_STEPS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TaperRecord:
    """A taper as it is entered: MME of one dose, and of a day step by step, in tenths."""

    episode_id: str
    mme_tenths_per_dose: int
    steps: tuple[TaperStep, ...]


@dataclass(frozen=True, slots=True)
class DoseDay:
    """The doses of one day of the clinic's calendar: the most that a check-in tells. `step` None: none yet."""

    on: date
    doses: int
    mme_tenths: int
    step: TaperStep | None

    @property
    def is_above(self) -> bool:
        """Return whether more was taken than the day's step allows."""
        return is_above_step(self.step, self.mme_tenths)


@dataclass(frozen=True, slots=True)
class TaperView:
    """The taper that counts, and the days since it was first reported how much was taken, the latest first."""

    episode: Episode
    taper: OpioidTaper | None
    days: tuple[DoseDay, ...]


def put_taper(
    session: Session, caller: Principal, taper_id: str, record: TaperRecord, *, now: datetime
) -> tuple[OpioidTaper, bool]:
    """Store a taper under the client's id, in the caller's name. Return the row, and whether it is new.

    A taper never changes: another one takes its place. Raises NotFoundError for an episode, or an id, that is
    another's, InvalidError for steps out of order, ConflictError for other figures under an id that is there.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    for place, (earlier, later) in enumerate(pairwise(record.steps), start=1):
        if later.from_on <= earlier.from_on:
            expected = f"a day after {earlier.from_on}, the step before"
            raise InvalidError(Fault(f"/steps/{place}/from_on", expected, later.from_on.isoformat()))
    lock_patient(session, caller.practice_id, episode.patient_id)
    steps = [{"from_on": each.from_on.isoformat(), "most_mme_tenths": each.most_mme_tenths} for each in record.steps]
    if is_stored(session, caller, OpioidTaper, taper_id):
        row = find_row(session, caller, OpioidTaper, taper_id)
        if (row.episode_id, row.mme_tenths_per_dose, row.steps) != (episode.id, record.mme_tenths_per_dose, steps):
            raise ConflictError(
                Fault("", "the taper as it was entered, or a new one under another id", "other figures")
            )
        return row, False
    row = OpioidTaper(practice_id=caller.practice_id, id=taper_id, patient_id=episode.patient_id)
    row.episode_id, row.mme_tenths_per_dose, row.steps = episode.id, record.mme_tenths_per_dose, steps
    row.entered_by, row.entered_at = caller.actor_id, now
    session.add(row)
    return row, True


def view_taper(session: Session, practice: Practice, episode: Episode) -> TaperView:
    """Return the taper of an episode that counts, and how much was taken day by day under it."""
    taper = _tapers_of(session, practice.id, [episode.id]).get(episode.id)
    if taper is None:
        return TaperView(episode, None, ())
    query = select(CheckIn.reported_at, CheckIn.opioid_doses).filter_by(
        practice_id=practice.id, episode_id=episode.id, deleted=False
    )
    zone, most = ZoneInfo(practice.time_zone), dict[date, int]()
    for reported_at, doses in session.execute(query.where(CheckIn.opioid_doses.is_not(None))):
        on = reported_at.astimezone(zone).date()
        most[on] = max(doses or 0, most.get(on, 0))
    days = tuple(_day(taper, on, most[on]) for on in sorted(most, reverse=True))
    return TaperView(episode, taper, days)


def steps_of(taper: OpioidTaper) -> tuple[TaperStep, ...]:
    """Return the steps of a stored taper in the order of their days."""
    return tuple(TaperStep(date.fromisoformat(each["from_on"]), each["most_mme_tenths"]) for each in taper.steps)


def raise_above_step(session: Session, practice: Practice, rows: Sequence[CheckIn], now: datetime) -> None:
    """Raise an alert for check-ins, not flushed yet, that tell more than their day's step allows: one for each step."""
    if not rows:
        return
    zone, tapers = ZoneInfo(practice.time_zone), _tapers_of(session, practice.id, {row.episode_id for row in rows})
    for row in rows:
        taper = tapers.get(row.episode_id)
        if taper is None:
            continue
        day = _day(taper, row.reported_at.astimezone(zone).date(), row.opioid_doses or 0)
        if day.step is not None and day.is_above:
            fact = Fact(
                patient_id=row.patient_id,
                episode_id=row.episode_id,
                kind=OPIOID_ABOVE_STEP.kind,
                urgency=OPIOID_ABOVE_STEP.urgency,
                subject=f"{taper.id}\0{day.step.from_on}",
                about={"taper_id": taper.id, "from_on": day.step.from_on.isoformat()},
                told_at=row.reported_at,
            )
            raise_alert(session, practice, fact, now)


def _day(taper: OpioidTaper, on: date, doses: int) -> DoseDay:
    return DoseDay(on, doses, doses * taper.mme_tenths_per_dose, step_on(steps_of(taper), on))


def _tapers_of(session: Session, practice_id: str, episode_ids: Collection[str]) -> Mapping[str, OpioidTaper]:
    """Return the taper that was entered last of each episode."""
    query = select(OpioidTaper).where(
        OpioidTaper.practice_id == practice_id,
        OpioidTaper.episode_id.in_(sorted(episode_ids)),
        OpioidTaper.deleted.is_(False),
    )
    rows = session.scalars(query.order_by(OpioidTaper.entered_at, OpioidTaper.id))
    return {row.episode_id: row for row in rows}
