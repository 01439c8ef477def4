"""Use case: a patient's plan as it stands today, on paper, in the patient's language or another."""

from datetime import datetime

from sqlalchemy.orm import Session

from models import Episode
from schedules.plan.kind_words import kind_name
from schedules.plan.vocabulary import Language, MilestoneKind, MilestoneState, Procedure, ProtocolStatus, SurgeryStatus
from service.care.enrol import clinic_today
from service.care.limits import patient_limits
from service.care.plan_view import MilestoneView, PlanView, view_plan
from service.care.reach import find_patient, find_row, practice_of
from service.dashboard.words import say
from service.documents.plan_sheet import PlanSheet, Step, plan_document
from service.documents.typeset import UnsettableError, typeset
from service.errors import ConflictError, Fault
from service.identity.principal import Principal
from service.pages.lines import lines_of

_NOT_TOLD = (MilestoneState.cancelled, MilestoneState.skipped)


def plan_pdf(
    session: Session, caller: Principal, episode_id: str, language: Language | None, *, now: datetime
) -> tuple[PlanView, bytes]:
    """Return an episode's plan of today and the same as PDF; without a language in the patient's.

    Raises NotFoundError, and ConflictError for a name that the fonts cannot show.
    """
    episode = find_row(session, caller, Episode, episode_id)
    practice = practice_of(session, caller)
    plan = view_plan(session, practice, episode, clinic_today(practice, now), now)
    sheet = _sheet(session, caller, plan, language, now)
    try:
        return plan, typeset(plan_document(sheet))
    except UnsettableError:
        expected = "names and texts in Latin, Greek, Cyrillic or Hebrew letters"
        raise ConflictError(Fault("", expected, "a letter of another alphabet")) from None


def _sheet(session: Session, caller: Principal, plan: PlanView, language: Language | None, now: datetime) -> PlanSheet:
    practice = practice_of(session, caller)
    patient = find_patient(session, caller, plan.episode.patient_id)
    spoken = language or Language(patient.language)
    limits = patient_limits(session, caller, patient.id, on=plan.as_of, now=now).limits
    stages = [each for each in plan.surgeries if each.surgery.status is not SurgeryStatus.cancelled]
    told = [each for each in plan.milestones if each.state not in _NOT_TOLD]
    return PlanSheet(
        language=spoken,
        country=practice.country,
        clinic=practice.name,
        phone=practice.phone,
        patient=f"{patient.given_name} {patient.family_name}",
        as_of=plan.as_of,
        revision=plan.revision,
        surgeries=tuple(
            (say(spoken, f"procedure_{Procedure(each.surgery.procedure)}"), each.surgery.surgery_on) for each in stages
        ),
        limits=() if limits is None else tuple(lines_of(limits, spoken, patient.units)),
        steps=tuple(_step(each, spoken) for each in told),
        grades=frozenset(each.row.grade for each in told if each.row.grade is not None),
        is_signed=all(each.protocol_status is ProtocolStatus.signed for each in stages),
    )


def _step(item: MilestoneView, language: Language) -> Step:
    name = kind_name(MilestoneKind(item.row.kind)).in_language(language)
    return Step(name, item.row.target_on, item.patient_text.in_language(language))
