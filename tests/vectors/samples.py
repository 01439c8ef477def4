"""The samples with their outputs, as the server's own code computes them, and the files that hold them."""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from schedules.plan.course import Course, CourseItem, ItemKey, course_on
from schedules.plan.progress import NO_PROGRESS, ClearedSpan, MilestoneFacts, ProgressFacts, SlotState
from schedules.plan.timing import local_time
from schedules.plan.vocabulary import Owner, PastPolicy, Phase, RestrictionKind, SkipReason
from tests.vectors.cases import CASES, DAYS_AROUND, MEDICAL_DAYS

FOLDER = Path(__file__).parents[2] / "docs" / "vectors"
_REPORTED = ("achieved_on", "skipped_on", "cancelled_on")


def sample_files() -> dict[str, str]:
    """Return the content of each file of samples by its name."""
    # The plan's own tests take samples too, and run without the service.
    from tests.vectors.digests import digest_samples

    return {
        "progress.json": _text({"cases": [sample(case) for case in CASES]}, lines=4),
        "medical_day.json": _text({"samples": [_medical_day(*each) for each in MEDICAL_DAYS]}, lines=2),
        "digest.json": _text({"collections": digest_samples()}, lines=4),
    }


def sample(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case with how its plan stands on each day that matters: each date of it, the day before and after."""
    return case | {"days": [course_json(case, on) for on in _days(case)]}


def course_json(case: dict[str, Any], on: date) -> dict[str, Any]:
    """Return how a case stands on a day, as the files hold it."""
    items = _items(case)
    return _as_json(items, course_on(items, on), on)


def _items(case: dict[str, Any]) -> list[CourseItem]:
    reported = {(each["key"], each["occurrence"]): _progress(each) for each in case["facts"]}
    ids = [ItemKey(each["key"], each["occurrence"]) for each in case["milestones"]]
    plain = zip(ids, case["milestones"], strict=True)
    return [CourseItem(item_id, _milestone(each), reported.get(item_id, NO_PROGRESS)) for item_id, each in plain]


def _milestone(plain: dict[str, Any]) -> MilestoneFacts:
    return MilestoneFacts(
        phase=Phase(plain["phase"]),
        earliest_on=_date(plain["earliest_on"]),
        target_on=_date(plain["target_on"]),
        latest_on=_date(plain["latest_on"]),
        eligible_on=_date(plain["eligible_on"]),
        lifts=None if plain["lifts"] is None else RestrictionKind(plain["lifts"]),
        owner=Owner(plain["owner"]),
        past_policy=None if plain["past_policy"] is None else PastPolicy(plain["past_policy"]),
        superseded_on=_date(plain["superseded_on"]),
        slot=None if plain["slot"] is None else SlotState(plain["slot"]),
        slot_until_on=_date(plain["slot_until_on"]),
    )


def _progress(plain: dict[str, Any]) -> ProgressFacts:
    return ProgressFacts(
        achieved_on=_date(plain["achieved_on"]),
        clearances=tuple(
            ClearedSpan(date.fromisoformat(each["cleared_on"]), _date(each["revoked_on"]))
            for each in plain["clearances"]
        ),
        skipped_on=_date(plain["skipped_on"]),
        skip_reason=None if plain["skip_reason"] is None else SkipReason(plain["skip_reason"]),
        cancelled_on=_date(plain["cancelled_on"]),
    )


def _as_json(items: Iterable[CourseItem], course: Course, on: date) -> dict[str, Any]:
    adherence = course.adherence
    names = ("counted", "done_in_time", "done_late", "not_done", "done_percent", "in_time_percent")
    return {
        "on": on.isoformat(),
        "states": [course.states[item.id].value for item in items],
        "adherence": {name: getattr(adherence, name) for name in names},
        "behind": [
            {
                "id": _name(each.id),
                "closed_on": each.closed_on.isoformat(),
                "since_on": each.since_on.isoformat(),
                "days": each.days,
                "rule": each.rule.value,
            }
            for each in course.behind
        ],
        "waiting_for_clinic": [
            {
                "id": _name(each.id),
                "reason": each.reason.value,
                "since_on": None if each.since_on is None else each.since_on.isoformat(),
            }
            for each in course.waiting_for_clinic
        ],
        "next": [_name(each) for each in course.next],
    }


def _days(case: dict[str, Any]) -> list[date]:
    milestones = [each[name] for each in case["milestones"] for name in DAYS_AROUND]
    reported = [each[name] for each in case["facts"] for name in _REPORTED]
    cleared = [day for each in case["facts"] for span in each["clearances"] for day in span.values()]
    days = {date.fromisoformat(day) for day in (*milestones, *reported, *cleared) if day is not None}
    around = {day.toordinal() + step for day in days for step in (-1, 0, 1)}
    return [date.fromordinal(each) for each in sorted(around) if each <= date.max.toordinal()]


def _medical_day(instant: str, zone: str, day0: str) -> dict[str, Any]:
    clinic_day = local_time(datetime.fromisoformat(instant), ZoneInfo(zone)).date()
    pod = (clinic_day - date.fromisoformat(day0)) // timedelta(days=1)
    return {"instant": instant, "zone": zone, "clinic_day": clinic_day.isoformat(), "day0": day0, "pod": pod}


def _name(item_id: ItemKey) -> str:
    return f"{item_id.key}/{item_id.occurrence}"


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _text(value: dict[str, Any], *, lines: int) -> str:
    """Return JSON that begins new lines down to the depth `lines`, so that a difference reads well."""
    return _lines(value, lines, depth=0) + "\n"


def _lines(value: Any, lines: int, *, depth: int) -> str:
    if depth == lines or not isinstance(value, dict | list) or not value:
        return json.dumps(value)
    margin, end = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, list):
        return "[" + ",".join(margin + _lines(each, lines, depth=depth + 1) for each in value) + end + "]"
    pairs = (f"{margin}{json.dumps(key)}: {_lines(each, lines, depth=depth + 1)}" for key, each in value.items())
    return "{" + ",".join(pairs) + end + "}"
