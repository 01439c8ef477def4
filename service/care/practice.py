"""Use cases: what a clinic sets for all its plans is read and changed.

A change rewrites no stored plan by itself: each is brought up to date when it is next planned, or all at once by
`flask rebuild-plans`. The answer says how many plans that concerns.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Episode, Practice, SyncClock
from models.base import said
from models.isolation import see
from models.people import StaffRole
from models.private import make_data_key
from schedules.plan.errors import PlanError, ProtocolError
from schedules.plan.vocabulary import EpisodeStatus
from schedules.plan.work_table import read_work_table
from schedules.planning.closed_days import check_calendar
from schedules.planning.safety_cards import write_safety_card
from service.care.checks import is_phone_number
from service.care.reach import practice_of
from service.errors import Fault, ForbiddenError, InvalidError, describe_private, from_plan
from service.identity.principal import Principal

MOST_CLOSED_DAYS = 500
WEBHOOK_SECRET = "webhook_secret"  # noqa: S105 - a name, not a secret
_OF_ADMIN = frozenset({"webhook_url", WEBHOOK_SECRET, "own_caseload_only"})
_PLANNED_FOR = (EpisodeStatus.active, EpisodeStatus.paused)
_OF_EVERY_PLAN = frozenset({"closed_on", "holiday_calendar", "work_table"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeSettings:
    """What a clinic sets. `name` and `phone` (E.164) are what patients are told.

    `closed_on` are the days besides weekends and the public holidays of `holiday_calendar`.

    `opioid_free_hours` are hours since the last opioid or sedative before driving may be cleared by rule; None: by a
    clinician only. `workers_comp_percent` lengthens the work milestones of such cases, 100 changes nothing.
    `work_table` None: the demand levels of the protocol. `webhook_url`: where the clinic's own system takes messages.
    `records_kept_years`: how long after the last care its law has it keep a record; None: it has not said.
    `own_caseload_only`: coordinators and clinicians see the patients of their own caseload alone.
    """

    name: str
    phone: str
    closed_on: tuple[date, ...] = ()
    holiday_calendar: str | None = None
    opioid_free_hours: int | None = None
    workers_comp_percent: int = 100
    work_table: Mapping[str, Any] | None = field(default=None, hash=False)
    webhook_url: str | None = None
    records_kept_years: int | None = None
    own_caseload_only: bool = False


@dataclass(frozen=True, slots=True)
class PracticeView:
    """A clinic as it is shown, and what a change came to: the settings that it changed, and how many open plans they
    concern. `tag` is a digest of the settings: the ETag that a change is made from.
    """

    practice: Practice
    settings: PracticeSettings
    tag: str
    changed: tuple[str, ...] = ()
    episodes_to_rebuild: int = 0


def add_practice(session: Session, practice: Practice) -> None:
    """Add a clinic with its revision clock and data key, flushed, and the card for emergencies that phones keep.

    The session sees the new clinic from here on.
    """
    see(session, practice.id)
    session.add_all([practice, SyncClock(practice_id=practice.id)])
    session.flush()
    make_data_key(session, practice.id)
    write_safety_card(session, practice)


def view_practice(session: Session, caller: Principal) -> PracticeView:
    """Return the caller's clinic."""
    practice = practice_of(session, caller)
    settings = settings_of(practice)
    return PracticeView(practice, settings, _tag(settings))


def change_practice(
    session: Session, caller: Principal, changes: Mapping[str, Any], *, require_tag: Callable[[str], None]
) -> PracticeView:
    """Write `changes` to the caller's clinic, whose row is locked to the commit.

    Raises ForbiddenError for who is not the practice's admin where messages are to go elsewhere, or others see other
    patients, InvalidError for
    settings that cannot be, and what `require_tag` raises for the settings as they stand.
    """
    refuse_unless_may_set(caller, changes)
    practice = session.get_one(
        Practice, caller.practice_id, with_for_update={"key_share": True}, populate_existing=True
    )
    require_tag(_tag(settings_of(practice)))
    return set_practice(session, practice, changes)


def refuse_unless_may_set(caller: Principal, changes: Collection[str]) -> None:
    """Raise ForbiddenError if the caller may not make changes to settings of these names."""
    if not _OF_ADMIN.isdisjoint(changes) and caller.role is not StaffRole.practice_admin:
        raise ForbiddenError


def set_practice(session: Session, practice: Practice, changes: Mapping[str, Any]) -> PracticeView:
    """Write `changes` to a clinic. Raises InvalidError for settings that cannot be."""
    before = settings_of(practice)
    after = PracticeSettings(**asdict(before) | {name: changes[name] for name in changes.keys() - {WEBHOOK_SECRET}})
    _refuse_impossible(after)
    practice.name, practice.phone = after.name, after.phone
    practice.closed_on = sorted({day.isoformat() for day in after.closed_on})
    practice.holiday_calendar = after.holiday_calendar
    practice.opioid_free_hours = after.opioid_free_hours
    practice.workers_comp_percent = after.workers_comp_percent
    practice.records_kept_years = after.records_kept_years
    practice.own_caseload_only = after.own_caseload_only
    practice.work_table = None if after.work_table is None else dict(after.work_table)
    new_secret = _set_webhook(practice, after.webhook_url, changes)
    write_safety_card(session, practice)
    stored = settings_of(practice)
    changed = tuple(name for name, value in asdict(stored).items() if value != getattr(before, name))
    changed += (WEBHOOK_SECRET,) * new_secret
    return PracticeView(practice, stored, _tag(stored), changed, _count_concerned(session, practice, changed))


def _set_webhook(practice: Practice, url: str | None, changes: Mapping[str, Any]) -> bool:
    """Write where the clinic's system is and what signs for it. Return whether the secret is another now.

    Raises InvalidError for one without the other.
    """
    before = practice.webhook_secret
    secret = None if url is None else changes.get(WEBHOOK_SECRET, before)
    if url is not None and secret is None:
        raise InvalidError(Fault("/webhook_secret", "a secret together with webhook_url", "nothing"))
    practice.webhook_url, practice.webhook_secret = url, secret
    return secret != before


def settings_of(practice: Practice) -> PracticeSettings:
    """Return the settings of a stored clinic."""
    return PracticeSettings(
        name=practice.name,
        phone=practice.phone,
        closed_on=tuple(date.fromisoformat(day) for day in practice.closed_on),
        holiday_calendar=practice.holiday_calendar,
        opioid_free_hours=practice.opioid_free_hours,
        workers_comp_percent=practice.workers_comp_percent,
        work_table=practice.work_table,
        webhook_url=practice.webhook_url,
        records_kept_years=practice.records_kept_years,
        own_caseload_only=practice.own_caseload_only,
    )


def _refuse_impossible(settings: PracticeSettings) -> None:
    if not settings.name.isprintable() or not settings.name.strip():
        raise InvalidError(Fault("/name", "a name in one line", describe_private(settings.name)))
    if not is_phone_number(settings.phone):
        expected = "a phone number in E.164 such as +16175550123"
        raise InvalidError(Fault("/phone", expected, describe_private(settings.phone)))
    if settings.holiday_calendar is not None:
        try:
            check_calendar(settings.holiday_calendar)
        except PlanError as error:
            raise from_plan(error) from None
    if settings.work_table is not None:
        try:
            read_work_table(settings.work_table)
        except ProtocolError as error:
            pointer = f"/work_table/{error.key.replace('.', '/')}"
            raise InvalidError(Fault(pointer, error.expected, error.got)) from None


def _count_concerned(session: Session, practice: Practice, changed: Collection[str]) -> int:
    open_episodes = select(func.count(Episode.id)).where(
        Episode.practice_id == practice.id, ~Episode.deleted, Episode.status.in_([said(each) for each in _PLANNED_FOR])
    )
    if not _OF_EVERY_PLAN.isdisjoint(changed):
        return session.execute(open_episodes).scalar_one()
    if "workers_comp_percent" in changed:
        return session.execute(open_episodes.where(Episode.workers_comp)).scalar_one()
    return 0


def _tag(settings: PracticeSettings) -> str:
    return hashlib.sha256(orjson.dumps(asdict(settings), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
