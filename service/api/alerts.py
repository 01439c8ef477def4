"""Alerts: what asks for a person, by danger and lateness, and what was done about it."""

from collections.abc import Mapping
from typing import Any

from models import Alert
from schedules.plan.alert_rules import ALERT_RULES
from schedules.plan.escalation import CHAIN, Answering
from schedules.plan.red_flag_questions import QUESTIONS
from schedules.plan.red_flags import FLAG_OF_KEY, RED_FLAGS
from schedules.plan.vocabulary import AlertKind, AlertUrgency, Grade
from schedules.planning.answering import load_answering
from service.api import examples_alerts as examples
from service.api.alert_bodies import (
    AlertAnswer,
    AlertAssignBody,
    AlertContactBody,
    AlertPage,
    AlertQuery,
    AlertRulesView,
    AlertStepBody,
    AlertView,
    CloseAlertBody,
)
from service.api.pages import page, row_after
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.alerts import (
    AlertFilter,
    AlertStory,
    ContactRecord,
    acknowledge_alert,
    assign_alert,
    close_alert,
    list_alerts,
    log_contact,
    read_alert,
    story_of,
)
from service.db import current_session

alerts = Resource("alerts", "What asks for a person, and what was done about it. Never a patient's to read.")
_FILTERS = ("state", "kind", "urgency", "patient_id", "owner_id")
_RULES = {rule.kind: rule for rule in ALERT_RULES}


@alerts.get("/alerts")
@alerts.arguments(AlertQuery, location="query")
@alerts.response(200, AlertPage, example=examples.ALERTS)
def list_practice_alerts(query: dict[str, Any]) -> Any:
    """List the practice's alerts, the most dangerous first, then those that should have been in hand longest."""
    wanted = AlertFilter(**{name: query.get(name) for name in _FILTERS})
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_alerts(current_session(), caller().practice_id, wanted, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    show(*(row.patient_id for row in answer["items"]))
    held = load_answering(current_session(), caller().practice_id)
    return {**answer, "items": [_view(row, held) for row in answer["items"]]}


@alerts.get("/alert-rules")
@alerts.response(200, AlertRulesView)
def list_alert_rules() -> Any:
    """Return what raises an alert, how soon it must be acknowledged, and who is called in which order."""
    held = load_answering(current_session(), caller().practice_id)
    flags = [
        {
            "key": flag.key,
            "urgency": flag.urgency,
            "text": flag.text,
            "question": QUESTIONS[flag.key],
            "what_to_do": flag.what_to_do,
            "grade": Grade.E,
            "sources": flag.sources,
            "answering": held[AlertUrgency(flag.urgency.value)],
        }
        for flag in RED_FLAGS
    ]
    return {"chain": CHAIN, "red_flags": flags, "rules": ALERT_RULES}


@alerts.get("/alerts/<id:alert_id>")
@alerts.tagged(200)
@alerts.response(200, AlertAnswer, example=examples.ALERT)
def get_alert(alert_id: str) -> Any:
    """Return an alert with its log and its messages."""
    story = read_alert(current_session(), caller(), alert_id)
    show(story.alert.patient_id)
    return _whole(story)


@alerts.post("/alerts/<id:alert_id>/acknowledge")
@alerts.arguments(AlertStepBody)
@alerts.response(200, AlertAnswer, example=examples.ALERT)
def take_alert_in_hand(_body: dict[str, Any], alert_id: str) -> Any:
    """Take an alert in hand: nobody else is called about it. Sending again changes nothing."""
    return _told(acknowledge_alert(current_session(), caller(), alert_id, now=now()))


@alerts.post("/alerts/<id:alert_id>/assign")
@alerts.arguments(AlertAssignBody, example=examples.ASSIGN)
@alerts.response(200, AlertAnswer, example=examples.ALERT)
def give_alert(body: dict[str, Any], alert_id: str) -> Any:
    """Give an alert to a member of staff. It still waits for somebody to acknowledge it."""
    return _told(assign_alert(current_session(), caller(), alert_id, body["staff_id"], now=now()), **body)


@alerts.post("/alerts/<id:alert_id>/contacts")
@alerts.arguments(AlertContactBody, example=examples.CONTACT)
@alerts.response(200, AlertAnswer, example=examples.ALERT)
def log_alert_contact(body: dict[str, Any], alert_id: str) -> Any:
    """Log a try to reach the patient. The note is kept sealed."""
    row = log_contact(current_session(), caller(), alert_id, ContactRecord(**body), now=now())
    return _told(row, method=body["method"], is_reached=body["is_reached"])


@alerts.post("/alerts/<id:alert_id>/close")
@alerts.arguments(CloseAlertBody, example=examples.CLOSE)
@alerts.response(200, AlertAnswer, example=examples.ALERT)
def end_alert(body: dict[str, Any], alert_id: str) -> Any:
    """Close an alert that was acknowledged, with what came of it."""
    row = close_alert(current_session(), caller(), alert_id, body["outcome"], note=body["note"], now=now())
    return _told(row, outcome=body["outcome"])


def _told(alert: Alert, **about: Any) -> Any:
    """Return the answer to a step, and name its patient and what was told in the audit trail: codes and ids alone."""
    show(alert.patient_id)
    scope().about.update({"alert_id": alert.id} | about)
    current_session().flush()
    return _whole(story_of(current_session(), alert))


def _whole(story: AlertStory) -> Any:
    held = load_answering(current_session(), caller().practice_id)
    answer = _view(story.alert, held) | {"log": story.log, "messages": story.messages}
    return answer, 200, {"ETag": f'"{story.alert.version}"'}


def _view(alert: Alert, held: Mapping[AlertUrgency, Answering]) -> dict[str, Any]:
    """Return an alert as it is shown: its columns, and in words what raised it, with grade and sources."""
    told = {name: getattr(alert, name) for name in AlertView().fields if name != "why"}
    if alert.kind is AlertKind.red_flag:
        flag = FLAG_OF_KEY[alert.about["red_flag"]]
        why: dict[str, Any] = {"text": flag.text, "grade": Grade.E, "sources": flag.sources}
    else:
        rule = _RULES[alert.kind]
        why = {"text": rule.text, "grade": rule.grade, "sources": rule.sources}
    return told | {"why": why | {"answering": held.get(alert.urgency)}}
