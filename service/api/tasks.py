"""Tasks: questions that wait for the clinic."""

from typing import Any

from marshmallow import Schema, fields

from models.report import TaskKind, TaskState
from service.api.fields import CivilDate, Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, scope, show
from service.care.tasks import CloseOutcome, TaskFilter, close_task, list_tasks
from service.db import current_session

tasks = Resource("tasks", "Questions that wait for the clinic, such as whether a planned surgery happened.")


class TaskView(Schema):
    """One question. `about` holds keys or ids of plan rows."""

    id = Id(required=True)
    patient_id = Id(required=True)
    episode_id = Id(required=True)
    surgery_id = Id(allow_none=True)
    kind = Word(TaskKind, required=True)
    state = Word(TaskState, required=True)
    due_on = CivilDate(allow_none=True)
    about = fields.Dict(keys=fields.String(), values=fields.Raw())
    created_at = Instant(required=True)
    done_at = Instant(allow_none=True)
    done_by = Id(allow_none=True)
    rev = fields.Integer(required=True)


TaskPage = listing(TaskView, "TaskPage")


class TaskQuery(PageQuery):
    """Which tasks, and which page of them. Without a state: the open ones."""

    state = Word(TaskState, load_default=TaskState.open)
    kind = Word(TaskKind)
    patient_id = Id()


class CloseBody(Schema):
    """Nothing, or what was found out: an address that failed and is `still_valid` takes messages again."""

    outcome = Word(CloseOutcome)


@tasks.get("/tasks")
@tasks.arguments(TaskQuery, location="query")
@tasks.response(200, TaskPage)
def list_waiting(query: dict[str, Any]) -> Any:
    """List the practice's tasks in the order in which they were asked."""
    wanted = TaskFilter(**{name: query.get(name) for name in ("state", "kind", "patient_id")})
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_tasks(current_session(), caller().practice_id, wanted, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    show(*(row.patient_id for row in answer["items"]))
    return answer


@tasks.post("/tasks/<id:task_id>/close")
@tasks.arguments(CloseBody)
@tasks.response(200, TaskView)
def close(body: dict[str, Any], task_id: str) -> Any:
    """Mark a question as answered. One that a surgery's status or a personal item answers closes with it: 409."""
    session = current_session()
    task = close_task(session, caller(), task_id, outcome=body.get("outcome"), now=now())
    show(task.patient_id)
    scope().about.update(body)
    session.flush()
    return task
