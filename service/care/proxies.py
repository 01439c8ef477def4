"""Use cases: a patient's consent to a proxy is recorded, seen and ended, and the proxy's phone enrols by a code.

A consent is never changed: what it says is what was consented to. Whoever is to do more, or longer, gets a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import ProxyConsent
from models.ids import new_id
from models.proxy import ConsentEnd, ConsentMeans, ProxyScope, Relationship
from schedules.planning import answers_now
from schedules.planning.proxy_consents import end_consent
from service.care.checks import storable
from service.care.enrol import clinic_today
from service.care.reach import find_patient, lock_patient, practice_of
from service.errors import ConflictError, Fault, InvalidError, NotFoundError
from service.identity.codes import IssuedCode, issue_code
from service.identity.principal import Principal
from service.identity.proxies import find_scopes

LONGEST_NAME = 200
LONGEST_DAYS = 2 * 366


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """What a patient consented to. It holds through the whole of `through_on`, by the clinic's clock."""

    name: str
    relationship: Relationship
    scopes: Sequence[ProxyScope]
    given_how: ConsentMeans
    given_on: date
    through_on: date


def list_consents(session: Session, caller: Principal, patient_id: str) -> Sequence[ProxyConsent]:
    """Return the consents of a patient, also those that ended, the latest recorded first. Raises NotFoundError."""
    patient = find_patient(session, caller, patient_id)
    query = select(ProxyConsent).filter_by(practice_id=patient.practice_id, patient_id=patient.id)
    return session.scalars(query.order_by(ProxyConsent.id.desc())).all()


def record_consent(
    session: Session, caller: Principal, patient_id: str, command: RecordConsent, now: datetime
) -> tuple[ProxyConsent, IssuedCode]:
    """Record a consent, and make the code with which the proxy's phone enrols.

    Raises NotFoundError, and InvalidError for days that cannot be.
    """
    practice, patient = practice_of(session, caller), lock_patient(session, caller.practice_id, patient_id)
    _refuse_days(command, clinic_today(practice, now))
    consent = ProxyConsent(practice_id=practice.id, id=new_id(now), patient_id=patient.id)
    session.add(consent)
    consent.name = storable(command.name)
    for name in ("relationship", "given_how", "given_on"):
        setattr(consent, name, getattr(command, name))
    consent.scopes = [scope.value for scope in ProxyScope if scope in command.scopes]
    consent.recorded_by, consent.recorded_at = caller.actor_id, now
    next_day = command.through_on + timedelta(days=1)
    consent.ends_at = datetime.combine(next_day, time(), ZoneInfo(practice.time_zone))
    return consent, issue_code(session, caller, patient.id, now, proxy_consent_id=consent.id)


def issue_proxy_code(
    session: Session, caller: Principal, consent_id: str, now: datetime
) -> tuple[ProxyConsent, IssuedCode]:
    """Make another code for a proxy's phone. Raises NotFoundError, ConflictError for a consent that holds no more."""
    consent = lock_consent(session, caller, consent_id)
    if find_scopes(session, consent.practice_id, consent.id, now) is None:
        raise ConflictError(Fault("", "a consent that holds", "one that has ended"))
    return consent, issue_code(session, caller, consent.patient_id, now, proxy_consent_id=consent.id)


def end_proxy(session: Session, caller: Principal, consent_id: str, now: datetime) -> ProxyConsent:
    """End a consent and the devices that hang on it, at once. Doing it again changes nothing. Raises NotFoundError."""
    consent = lock_consent(session, caller, consent_id)
    answers_now(session, consent.practice_id, consent.patient_id)
    if consent.ended_at is None:
        how = ConsentEnd.by_patient if caller.patient_id is not None else ConsentEnd.by_clinic
        end_consent(session, consent, how, now)
    return consent


def lock_consent(session: Session, caller: Principal, consent_id: str) -> ProxyConsent:
    """Return a consent within the caller's reach, it and its patient locked to the commit. Raises NotFoundError."""
    consent = session.get(ProxyConsent, (caller.practice_id, consent_id))
    if consent is None or caller.patient_id not in (None, consent.patient_id):
        raise NotFoundError
    find_patient(session, caller, consent.patient_id)
    lock_patient(session, consent.practice_id, consent.patient_id)
    session.refresh(consent, with_for_update=True)
    return consent


def _refuse_days(command: RecordConsent, today: date) -> None:
    if command.given_on > today:
        raise InvalidError(Fault("/given_on", f"a day up to {today}", command.given_on.isoformat()))
    latest = today + timedelta(days=LONGEST_DAYS)
    if not today <= command.through_on <= latest:
        raise InvalidError(Fault("/through_on", f"a day from {today} to {latest}", command.through_on.isoformat()))
