"""The worklist, which is the first page, and the list of all patients."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from flask import Response, request
from sqlalchemy import bindparam, func, select

from models import AlertEntry
from models.caseload import rows_seen
from models.ids import first_id_at
from models.prepared import Prepared
from models.sync import SyncClock
from schedules.plan.check_ins import read_history
from schedules.plan.vocabulary import ApproachClass, Procedure
from service.api.scope import caller, monitoring, now, scope, show
from service.api.settle import settled
from service.care.enrol import clinic_today
from service.care.reach import practice_of
from service.care.saved_views import list_views
from service.dashboard.blueprint import clinic, typed
from service.dashboard.queries.patients import find_patients
from service.dashboard.queries.worklist import levels_of, load_caseload
from service.dashboard.render import page
from service.dashboard.saved_view_views import beside_worklist, open_default
from service.dashboard.worklist import Page, Sort, Wanted, Worklist, groups_of, make_worklist, pages_of
from service.dashboard.worklist_day import make_day
from service.dashboard.worklist_reasons import Why
from service.db import current_session

PAGE: Final = 50
_MOST_PAGES: Final = 10_000
_LONGEST_TEXT: Final = 100
# Lines of alerts' logs are counted from the day before on, and the day is part of the mark: so the count only grows, a
# transaction may take a day, and years of alerts cost nothing.
_CHANGED: Final = Prepared(
    select(
        SyncClock.revision,
        select(func.count())
        .select_from(AlertEntry)
        .where(AlertEntry.practice_id == bindparam("practice"), AlertEntry.id >= bindparam("from_id"))
        .scalar_subquery(),
    ).where(SyncClock.practice_id == bindparam("practice"))
)
Word = TypeVar("Word", bound=StrEnum)


@clinic.get("/")
@settled
def show_worklist() -> Response:
    """Show who needs the clinic now, by danger and then by lateness."""
    views = list_views(current_session(), caller())
    default = open_default(views)
    return page("worklist.html", **_worklist(), **beside_worklist(views)) if default is None else default


@clinic.get("/worklist")
@settled
def refresh_worklist() -> Response:
    """Return the list anew if anything changed since `mark`, else nothing. Asked by an open page, by itself."""
    scope().is_by_itself = True
    if request.args.get("mark") == _mark():
        return Response(status=204)
    return page("worklist_rows.html", **_worklist())


@clinic.get("/patients")
@settled
def list_patients() -> Response:
    """Show all patients by name."""
    return _patients(_number(request.args), "")


@clinic.post("/patients")
@settled
def search_patients() -> Response:
    """Show the patients whose names or number hold what is looked for. A name does not go into an address."""
    return _patients(_number(request.form), typed("q", longest=_LONGEST_TEXT))


def _patients(number: int, text: str) -> Response:
    found = find_patients(current_session(), caller().practice_id, text, offset=(number - 1) * PAGE, limit=PAGE)
    show(*(each.patient_id for each in found.rows))
    return page("patients.html", found=found, text=text, number=number, pages=pages_of(found.count, PAGE))


def _worklist() -> dict[str, Any]:
    session, practice = current_session(), practice_of(current_session(), caller())
    today, zone = clinic_today(practice, now()), ZoneInfo(practice.time_zone)
    wanted, mark = _wanted(), _mark()
    page_wanted, rhythms = Page(_number(request.args), PAGE), read_history(practice.check_in_rhythms)
    caseload = load_caseload(session, practice.id, make_day(today, zone, rhythms))
    worklist = make_worklist(caseload, wanted, today, zone, page_wanted, rhythms=rhythms)
    shown = worklist.entries
    show(*(entry.person.patient_id for entry in shown))
    watched_until = monitoring().until(session, practice, now())
    told = {
        "watched_until": watched_until,
        "today": today,
        "zone": zone,
        "wanted": wanted,
        "mark": mark,
        "levels": levels_of(session, practice.id, [each.surgery for each in shown if each.surgery is not None]),
        "staff": caseload.staff,
    }
    return told | _filters(worklist) | {
        "groups": groups_of(shown) if wanted.sort is Sort.urgency else [(None, list(shown))],
        "first": (worklist.number - 1) * PAGE + 1,
        "last": (worklist.number - 1) * PAGE + len(shown),
    }  # fmt: skip


def _filters(worklist: Worklist) -> dict[str, Any]:
    asked = {name: value for name, value in request.args.items() if name in ("why", "procedure", "class", "of", "sort")}
    return {
        "worklist": worklist,
        "asked": {name: value for name, value in asked.items() if value},
        "whys": list(Why),
        "procedures": list(Procedure),
        "classes": list(ApproachClass),
        "sorts": list(Sort),
        "own_id": caller().actor_id,
    }


def _wanted() -> Wanted:
    """Return what the address asks for. What it cannot ask for counts as nothing."""
    return Wanted(
        why=_word(Why, "why"),
        procedure=_word(Procedure, "procedure"),
        approach_class=_word(ApproachClass, "class"),
        coordinator_id=request.args.get("of") or None,
        sort=_word(Sort, "sort") or Sort.urgency,
    )


def _word(words: type[Word], name: str) -> Word | None:
    asked = request.args.get(name)
    return words(asked) if asked in list(words) else None


def _number(sent: Mapping[str, str]) -> int:
    asked = sent.get("page", "")
    return min(int(asked), _MOST_PAGES) if asked.isascii() and asked.isdigit() and int(asked[:9]) > 0 else 1


def _mark() -> str:
    """Return what changes with all that the worklist follows from: the practice's revision, its alerts, the day."""
    practice = practice_of(current_session(), caller())
    today = clinic_today(practice, now())
    day_before = datetime.combine(today - timedelta(days=1), time(), ZoneInfo(practice.time_zone))
    told = {"practice": practice.id, "from_id": first_id_at(day_before)}
    ((revision, done),) = rows_seen(current_session(), _CHANGED, told)
    return f"{revision}.{done}.{today}"
