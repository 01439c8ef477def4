"""The work status of a patient on a day, with the range of every class of work, for an employer's or insurer's form."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from models import Episode, Patient
from schedules.plan.day_limits import ClassLimit, DayLimits
from schedules.plan.items import PatientFacts, Stage
from schedules.plan.vocabulary import EpisodeStatus, LimitState, SurgeryStatus, WorkClass
from schedules.plan.work import WorkOption, work_eligibility
from schedules.plan.work_status import NoStatus, WorkCase, WorkReport, return_range, work_status_on
from schedules.planning.clearing import ClearingCase, load_clearing_case
from schedules.planning.library import find_protocol
from schedules.planning.rules import clinic_rules
from service.care.enrol import clinic_today
from service.care.reach import find_patient, find_row, practice_of
from service.identity.principal import Principal

_ENDED = (EpisodeStatus.died, EpisodeStatus.withdrawn, EpisodeStatus.transferred)


@dataclass(frozen=True, slots=True)
class ClassOutlook:
    """One class of work: whether it is cleared on the day, and the range in which a return to it is expected."""

    on_day: ClassLimit
    option: WorkOption | None

    @property
    def cleared(self) -> bool:
        """Return whether the class is cleared on the day."""
        return self.on_day.limit.state is LimitState.cleared

    @property
    def range_from_on(self) -> date | None:
        """Return the first day on which the return is expected; None: never by date."""
        return None if self.option is None else return_range(self.option)[0]

    @property
    def range_until_on(self) -> date | None:
        """Return the last day on which the return is expected; None: there is no last day, or never by date."""
        return None if self.option is None else return_range(self.option)[1]


@dataclass(frozen=True, slots=True)
class WorkStatusView:
    """The work status on a day, and the limits that it follows from.

    `percent` lengthens the work milestones of workers' compensation cases; 100: not.
    """

    patient_id: str
    episode_id: str
    own_class: WorkClass | None
    report: WorkReport
    limits: DayLimits
    classes: tuple[ClassOutlook, ...]
    workers_comp: bool
    percent: int


def work_status_of(
    session: Session, caller: Principal, episode_id: str, *, on: date | None, now: datetime
) -> WorkStatusView:
    """Return the work status of an episode's patient on a clinic's calendar day, by default today.

    Raises NotFoundError.
    """
    episode = find_row(session, caller, Episode, episode_id)
    patient = find_patient(session, caller, episode.patient_id)
    practice = practice_of(session, caller)
    day = on or clinic_today(practice, now)
    clearing = load_clearing_case(session, practice, patient, episode.id)
    case = _case(clearing, now=now, on=day)
    report = _report(case, episode, patient, day)
    return WorkStatusView(
        patient_id=patient.id,
        episode_id=episode.id,
        own_class=case.own_class,
        report=report,
        limits=case.limits(day),
        classes=_classes(session, case, clearing, episode, day) if report.no_status is None else (),
        workers_comp=episode.workers_comp,
        percent=practice.workers_comp_percent if episode.workers_comp else 100,
    )


def _case(clearing: ClearingCase, *, now: datetime, on: date) -> WorkCase:
    return WorkCase(
        plan=clearing.plan,
        clearances=clearing.clearances,
        day0s=clearing.day0s,
        work=clearing.work,
        own_class=clearing.patient.work_class,
        barred=clearing.barred(on, now),
        refused=clearing.refused(on, now),
    )


def _report(case: WorkCase, episode: Episode, patient: Patient, on: date) -> WorkReport:
    if patient.died_on is not None or episode.status in _ENDED:
        return WorkReport(on, NoStatus.ended)
    return work_status_on(case, on)


def _classes(
    session: Session, case: WorkCase, clearing: ClearingCase, episode: Episode, on: date
) -> tuple[ClassOutlook, ...]:
    facts = PatientFacts(
        work_class=None,
        low_bone_density=bool(clearing.patient.low_bone_density),
        workers_comp=episode.workers_comp,
    )
    stages = _stages(session, clearing)
    options = work_eligibility(stages, facts, clinic_rules(clearing.practice), on=on)
    limits = replace(case, barred={}).limits(on).work.classes
    return tuple(ClassOutlook(each, options.get(each.work_class)) for each in limits)


def _stages(session: Session, clearing: ClearingCase) -> list[Stage]:
    return [
        Stage(
            ordinal=each.stage,
            protocol=find_protocol(session, each.practice_id, each.protocol_id, each.protocol_version),
            day0=each.surgery_on,
            status=SurgeryStatus(each.status),
            setting=each.setting,
            brace_ordered=each.brace_ordered,
        )
        for each in clearing.surgeries
    ]
