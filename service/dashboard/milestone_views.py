"""One item of a plan: how it stands, why, and what the clinic does about it: reach, skip, clear, take back."""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from flask import Response, request

from models import Episode, Milestone, Task
from models.people import StaffRole
from schedules.plan.vocabulary import Condition, SkipReason
from schedules.planning.slots import SLOT_KINDS
from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.clearances import ClearMilestone, clear, revoke, view_clearance
from service.care.enrol import clinic_today
from service.care.plan_view import view_plan
from service.care.progress import achieve, may_report, reopen, skip
from service.care.reach import find_patient, find_row, practice_of
from service.care.slots import find_slot
from service.care.tasks import close_task
from service.dashboard.blueprint import clinic, typed, typed_day
from service.dashboard.queries.milestone import find_names, find_sources
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError


@clinic.get("/milestones/<id:milestone_id>")
@settled
def show_milestone(milestone_id: str) -> Response:
    """Show one item, its conditions, and what may be done about it."""
    return milestone_page(milestone_id)


@clinic.post("/milestones/<id:milestone_id>/achieve")
@settled
def achieve_milestone(milestone_id: str) -> Response:
    """Note an item as reached."""

    def deed() -> object:
        on = typed_day("achieved_on")
        return achieve(current_session(), caller(), milestone_id, achieved_on=on, note=None, now=now())

    return do_to_milestone(milestone_id, deed)


@clinic.post("/milestones/<id:milestone_id>/skip")
@settled
def skip_milestone(milestone_id: str) -> Response:
    """Leave an item out, for a coded reason."""

    def deed() -> object:
        text = typed("text") or None
        return skip(current_session(), caller(), milestone_id, reason=_reason(), text=text, now=now())

    return do_to_milestone(milestone_id, deed)


@clinic.post("/milestones/<id:milestone_id>/reopen")
@settled
def reopen_milestone(milestone_id: str) -> Response:
    """Take a report back."""
    return do_to_milestone(milestone_id, lambda: reopen(current_session(), caller(), milestone_id, now=now()))


@clinic.post("/milestones/<id:milestone_id>/clear")
@settled
def clear_milestone(milestone_id: str) -> Response:
    """Lift what the item lifts."""

    def deed() -> object:
        command = ClearMilestone(
            cleared_on=typed_day("cleared_on"),
            attested=tuple(each for each in Condition if typed(f"attest_{each}")),
            override=typed("override") or None,
        )
        return clear(current_session(), caller(), milestone_id, command, now=now())

    return do_to_milestone(milestone_id, deed)


@clinic.post("/milestones/<id:milestone_id>/revoke")
@settled
def revoke_clearance(milestone_id: str) -> Response:
    """Take a clearance back: the limit holds again."""
    reason = typed("because")
    if not reason:
        return milestone_page(milestone_id, status=422, faults=(Fault("/because", "a reason", "nothing"),))
    return do_to_milestone(
        milestone_id, lambda: revoke(current_session(), caller(), milestone_id, reason=reason, now=now())
    )


@clinic.post("/tasks/<id:task_id>/close")
@settled
def close_question(task_id: str) -> Response:
    """Mark a question as answered."""
    task: Task = close_task(current_session(), caller(), task_id, now=now())
    show(task.patient_id)
    return go_to(f"/clinic/patients/{task.patient_id}?episode={task.episode_id}")


def do_to_milestone(milestone_id: str, deed: Callable[[], object]) -> Response:
    """Do something to an item and go back to its patient; show the item again with what stands against it."""
    milestone = find_row(current_session(), caller(), Milestone, milestone_id)
    show(milestone.patient_id)
    try:
        deed()
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        begin(reads=False)
        return milestone_page(milestone_id, status=refused.status, faults=refused.faults)
    return go_to(f"/clinic/patients/{milestone.patient_id}?episode={milestone.episode_id}&done={milestone.kind}")


def milestone_page(milestone_id: str, *, status: int = 200, faults: Sequence[Fault] = ()) -> Response:
    """Return the page of one item, with what stands against what was typed on it."""
    session, practice = current_session(), practice_of(current_session(), caller())
    row = find_row(session, caller(), Milestone, milestone_id)
    show(row.patient_id)
    scope().about["milestone_id"] = row.id
    episode = session.get_one(Episode, (row.practice_id, row.episode_id))
    today = clinic_today(practice, now())
    plan = view_plan(session, practice, episode, today, now())
    clearance = view_clearance(session, caller(), milestone_id, now=now()) if row.lifts is not None else None
    slot = find_slot(session, caller(), milestone_id) if row.kind in SLOT_KINDS else None
    return page(
        "milestone.html",
        status=status,
        faults=tuple(faults),
        patient=find_patient(session, caller(), row.patient_id),
        item=next(each for each in plan.milestones if each.row.id == row.id),
        clearance=clearance,
        slot=slot,
        said={name: typed(name) for name in ("due_on", "instruction")} if request.method == "POST" else {},
        names=find_names(session, row.practice_id, clearance, None if slot is None else slot.entry),
        sources=find_sources(row.sources),
        today=today,
        is_clinician=caller().role is StaffRole.clinician,
        zone=ZoneInfo(practice.time_zone),
        may_clear=caller().role is StaffRole.clinician and row.lifts is not None,
        may_report=may_report(caller(), row),
        skip_reasons=list(SkipReason),
    )


def _reason() -> SkipReason:
    told = typed("reason", longest=40)
    if told not in list(SkipReason):
        raise InvalidError(Fault("/reason", "one of the reasons", f"text of {len(told)} characters"))
    return SkipReason(told)
