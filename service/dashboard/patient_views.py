"""The page of one patient: what is true today, what they may do, what comes next and whose turn it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from flask import Response, request
from sqlalchemy import select

from models import CheckIn, Episode, Milestone, Patient, Practice, Reminder, Task, Visit, WoundPhoto
from models.caseload import whole_practice
from models.people import StaffRole
from models.report import VisitKind, VisitState
from schedules.plan.taper import TaperStep
from schedules.plan.vocabulary import Language
from schedules.planning.story_words import story_words
from service.api.outcomes import smallest
from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.access_log import Access, Whose, list_accesses
from service.care.access_words import AREAS, EMERGENCY, KINDS
from service.care.assignments import list_assigned
from service.care.check_ins import list_check_ins
from service.care.devices import list_devices, mark_lost, state_of
from service.care.enrol import clinic_today
from service.care.exercises import ExercisesView, exercises_of
from service.care.limits import patient_limits
from service.care.plan_view import PlanView, view_plan
from service.care.progress_view import ProgressView, view_progress
from service.care.reach import find_patient, find_row, lock_patient, practice_of
from service.care.recovery_band import RecoveryBand, view_recovery_band
from service.care.reminders import list_decisions, list_reminders
from service.care.scores import ScoresView, view_scores
from service.care.slots import Slot, list_slots
from service.care.tapers import TaperView, steps_of, view_taper
from service.care.tasks import TaskFilter, list_tasks
from service.care.visits import list_visits
from service.care.wound_photos import list_photos, read_picture
from service.dashboard.blueprint import clinic
from service.dashboard.charts import Chart, pain_chart, walking_chart
from service.dashboard.pictures import qr_picture
from service.dashboard.queries.team import find_colleagues
from service.dashboard.queries.worklist_statements import OPEN
from service.dashboard.render import go_to, language, page
from service.dashboard.timeline import LEFT, WIDTH, draw_plan
from service.db import current_session
from service.errors import Fault, NotFoundError
from service.identity.codes import issue_code
from service.pages.lines import LimitLine, lines_of

_MOST_TASKS = 50
_MOST_CHECK_INS = 200
_MOST_REMINDERS = 200
_MOST_DECISIONS = 200
_MOST_ACCESSES = 20
_MOST_DEVICES = 20


@dataclass(frozen=True, slots=True)
class Faults:
    """What stands against what was typed on the page, by its form."""

    taper: Sequence[Fault] = ()
    visit: Sequence[Fault] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """One episode of a patient as it stands today."""

    episode: Episode
    plan: PlanView
    progress: ProgressView
    tasks: tuple[Task, ...]
    check_ins: Sequence[CheckIn]
    scores: ScoresView
    taper: TaperView
    exercises: ExercisesView
    visits: Sequence[Visit]
    photos: Sequence[WoundPhoto]
    reminders: Sequence[Reminder]
    slots: Sequence[Slot]

    @property
    def day0(self) -> date | None:
        """Return the day of the latest surgery up to today."""
        days = [each.surgery.surgery_on for each in self.plan.surgeries if each.pod is not None and each.pod >= 0]
        return max(filter(None, days), default=None)

    @property
    def steps(self) -> tuple[TaperStep, ...]:
        """Return the opioid steps that count."""
        return () if self.taper.taper is None else steps_of(self.taper.taper)

    @property
    def pod(self) -> int | None:
        """Return the postoperative day by the latest surgery."""
        return None if self.day0 is None else (self.plan.as_of - self.day0).days


@clinic.get("/patients/<id:patient_id>")
@settled
def show_patient(patient_id: str) -> Response:
    """Show one patient, by the episode that is asked for, or else the one that began last."""
    return show_course(patient_id, episode_id=request.args.get("episode"))


def show_course(
    patient_id: str, *, episode_id: str | None, status: int = 200, faults: Faults | None = None
) -> Response:
    """Return the patient's page, with what stands against what was typed on it."""
    session, practice = current_session(), practice_of(current_session(), caller())
    patient = find_patient(session, caller(), patient_id)
    show(patient.id)
    today, zone = clinic_today(practice, now()), ZoneInfo(practice.time_zone)
    episodes = _episodes(patient)
    course = _course(practice, _chosen(episodes, episode_id), today) if episodes else None
    accesses, _ = list_accesses(session, practice.id, patient.id, Whose.everybody, after=None, limit=_MOST_ACCESSES)
    drawn = None if course is None else draw_plan(course.plan)
    band = None if course is None else _band(practice, course, today)
    return page(
        "patient.html",
        status=status,
        faults=faults or Faults(),
        is_clinician=caller().role is StaffRole.clinician,
        visit_kinds=list(VisitKind),
        visit_states=list(VisitState),
        patient=patient,
        limits=_limits(patient),
        today=today,
        zone=zone,
        episodes=episodes,
        course=course,
        drawn=drawn,
        width=WIDTH,
        left=LEFT,
        charts=_charts(course, zone, band),
        band=band,
        accesses=accesses,
        devices=[(each, state_of(each)) for each in list_devices(session, caller(), patient.id)[:_MOST_DEVICES]],
        kinds={} if course is None else {each.row.id: each.row.kind for each in course.plan.milestones},
        assigned=list_assigned(session, caller(), patient.id),
        colleagues=find_colleagues(session, practice.id),
        is_opened=patient.id in scope().opened,
        in_words=lambda access: access_words(access, language()),
        done=request.args.get("done"),
    )


@clinic.get("/wound-photos/<id:photo_id>")
@settled
def show_photo(photo_id: str) -> Response:
    """Show one photo of a wound."""
    row, jpeg = read_picture(current_session(), caller(), photo_id)
    show(row.patient_id)
    return Response(jpeg, mimetype="image/jpeg")


@clinic.post("/patients/<id:patient_id>/enrolment")
@settled
def enrol_phone(patient_id: str) -> Response:
    """Show a one-time code with which one phone of the patient enrols, to be scanned or typed."""
    patient = lock_patient(current_session(), caller().practice_id, patient_id)
    show(patient.id)
    issued = issue_code(current_session(), caller(), patient.id, now())
    zone = ZoneInfo(practice_of(current_session(), caller()).time_zone)
    return page("enrolment.html", patient=patient, issued=issued, picture=qr_picture(issued.code), zone=zone)


@clinic.post("/devices/<id:device_id>/lost")
@settled
def lose_device(device_id: str) -> Response:
    """Mark a phone as lost: it is told to delete what it stores."""
    device = mark_lost(current_session(), caller(), device_id, now())
    show(device.patient_id)
    scope().about["device_id"] = device.id
    return go_to(f"/clinic/patients/{device.patient_id}?done=lost#enrol")


@clinic.get("/reminders/<id:reminder_id>")
@settled
def show_reminder(reminder_id: str) -> Response:
    """Show why a message went or did not: every decision, in order."""
    session, practice = current_session(), practice_of(current_session(), caller())
    reminder = find_row(session, caller(), Reminder, reminder_id)
    show(reminder.patient_id)
    decisions = list_decisions(session, practice.id, reminder.id, after=None, limit=_MOST_DECISIONS)
    milestone = find_row(session, caller(), Milestone, reminder.milestone_id)
    return page(
        "reminder.html",
        patient=find_patient(session, caller(), reminder.patient_id),
        reminder=reminder,
        milestone=milestone,
        story=[(each.decided_at, story_words(each.kind, each.reason, each.channel)) for each in decisions],
        zone=ZoneInfo(practice.time_zone),
    )


def access_words(access: Access, spoken: Language) -> str:
    """Return what was done with which part of a record."""
    told = f"{KINDS[access.kind].in_language(spoken)}: {AREAS[access.area].in_language(spoken).lower()}"
    return f"{told}. {EMERGENCY.in_language(spoken)}" if access.is_emergency else told


def _episodes(patient: Patient) -> list[Episode]:
    """Return the patient's episodes, the open ones first and of these the latest."""
    query = select(Episode).filter_by(practice_id=patient.practice_id, patient_id=patient.id, deleted=False)
    rows = current_session().scalars(query.order_by(Episode.enrolled_at.desc(), Episode.id)).all()
    return sorted(rows, key=lambda row: row.status not in OPEN)


def _chosen(episodes: list[Episode], asked: str | None) -> Episode:
    found = [row for row in episodes if asked in (None, row.id)]
    if not found:
        raise NotFoundError
    return found[0]


def _course(practice: Practice, episode: Episode, today: date) -> Course:
    session = current_session()
    wanted = TaskFilter(patient_id=episode.patient_id)
    tasks = list_tasks(session, practice.id, wanted, after=None, limit=_MOST_TASKS)
    plan = view_plan(session, practice, episode, today, now())
    check_ins = list_check_ins(session, practice.id, episode.id, after=None, limit=_MOST_CHECK_INS)
    return Course(
        episode=episode,
        plan=plan,
        progress=view_progress(session, practice, episode, today),
        tasks=tuple(task for task in tasks if task.episode_id == episode.id),
        check_ins=check_ins,
        scores=view_scores(session, practice, episode, today),
        taper=view_taper(session, practice, episode),
        exercises=exercises_of(plan, check_ins, ZoneInfo(practice.time_zone)),
        visits=list_visits(session, practice.id, episode.id),
        photos=list_photos(session, practice.id, episode.id),
        reminders=list_reminders(session, practice.id, episode.id, after=None, limit=_MOST_REMINDERS),
        slots=list_slots(session, (each.row for each in plan.milestones), today),
    )


def _charts(course: Course | None, zone: ZoneInfo, band: RecoveryBand | None) -> list[tuple[str, str, Chart]]:
    """Return the charts that have a point: title, unit and drawing, with the band of others behind it."""
    if course is None or course.day0 is None:
        return []
    pain, walking = ((), ()) if band is None else (band.pain, band.walking)
    told = (
        ("chart_pain", "of_ten", pain_chart(course.check_ins, course.day0, zone, pain)),
        ("chart_walking", "minutes", walking_chart(course.check_ins, course.day0, zone, walking)),
    )
    return [(title, unit, drawn) for title, unit, drawn in told if drawn is not None]


def _band(practice: Practice, course: Course, today: date) -> RecoveryBand | None:
    """Return what was seen of others after the same surgery; None for too few, or after two on one day.

    It is of all the clinic's patients, whosever they are: it shows none of them.
    """
    latest = [each.surgery for each in course.plan.surgeries if each.surgery.surgery_on == course.day0]
    if course.day0 is None or len(latest) != 1 or not course.check_ins:
        return None
    with whole_practice(current_session()):
        band = view_recovery_band(
            current_session(),
            practice,
            procedure=latest[0].procedure,
            approach_class=latest[0].approach_class,
            today=today,
            smallest=smallest(),
            without_episode=course.episode.id,
        )
    return band if band.pain or band.walking else None


def _limits(patient: Patient) -> list[LimitLine] | None:
    """Return what the patient's open episodes limit today; None if none is open."""
    told = patient_limits(current_session(), caller(), patient.id, on=None, now=now())
    return None if told.limits is None else lines_of(told.limits, Language(language()), patient.units)
