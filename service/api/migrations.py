"""Migrations: enrolled patients move to a newer protocol version. Shown for each first; then all, some or none."""

from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from models import Episode, journal
from models.audit import AuditAction
from models.engine import make_session_factory
from models.isolation import see
from schedules.plan.diff import ItemChange, MessageChange, MilestoneChange, RestrictionChange
from schedules.plan.errors import PlanError
from schedules.plan.migration import Obstacle
from schedules.plan.protocol import Protocol
from service.api import examples_protocols as examples
from service.api.fields import Id, Whole, Word
from service.api.move_bodies import MilestoneChangeView, ReminderChangeView, RestrictionChangeView
from service.api.resource import Resource
from service.api.scope import caller, now, route_of, scope, show
from service.care.migrations import Outlook, find_target, list_affected, look_ahead, migrate_episode
from service.care.reach import find_row
from service.db import current_session, db
from service.errors import NotFoundError, ServiceError, StaleMoveError

migrations = Resource("migrations", "Moves of enrolled patients to a newer protocol version, reviewed one by one.")
_MOST = 100
_UNAVAILABLE = "unavailable"  # the database was busy: a repeat may do it


class ChosenEpisode(Schema):
    """An episode to move, with the token that its dry run gave."""

    episode_id = Id(required=True)
    token = fields.String(required=True, validate=validate.Length(1, 100), metadata={"expected": "a token"})


class MigrationBody(Schema):
    """Without `apply` a dry run: `limit` affected episodes after the id `after`. With it, those are moved."""

    after = Id()
    limit = Whole(1, _MOST, "episodes", load_default=50)
    apply = fields.List(
        fields.Nested(ChosenEpisode),
        validate=validate.Length(1, _MOST),
        metadata={"expected": f"1 to {_MOST} episodes, each with its token"},
    )


class MovingSurgery(Schema):
    """A surgery that would move, and the version that it pins now, as id@version."""

    surgery_id = fields.String(required=True)
    pinned = fields.String(required=True)


class RecordedView(Schema):
    """What was recorded and has no place in the new version."""

    key = fields.String(required=True)
    occurrence = fields.Integer(required=True)
    obstacle = Word(Obstacle, required=True)


class EpisodeOutlook(Schema):
    """What the migration does to one episode: what changes of its plan, and what stands `against` it.

    `redates` is false where no day, limit or message changes. `error`: no plan can be made of it under that version.
    """

    episode_id = fields.String(required=True)
    patient_id = fields.String(required=True)
    surgeries = fields.List(fields.Nested(MovingSurgery), required=True)
    redates = fields.Boolean(required=True)
    milestones = fields.List(fields.Nested(MilestoneChangeView), required=True)
    restrictions = fields.List(fields.Nested(RestrictionChangeView), required=True)
    reminders = fields.List(fields.Nested(ReminderChangeView), required=True)
    against = fields.List(fields.Nested(RecordedView), required=True)
    error = fields.String(allow_none=True, required=True)
    token = fields.String(allow_none=True, required=True)


class EpisodeResult(Schema):
    """What became of one episode: `applied`, `stale` (something changed since the dry run), `refused` or `unknown`."""

    episode_id = fields.String(required=True)
    outcome = fields.String(
        required=True, validate=validate.OneOf(["applied", "stale", "refused", "unknown", _UNAVAILABLE])
    )
    answers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class MigrationView(Schema):
    """A dry run: `episodes`, and `next` to go on after; or what became of each episode: `results`."""

    dry_run = fields.Boolean(required=True)
    episodes = fields.List(fields.Nested(EpisodeOutlook))
    next = fields.String(allow_none=True)
    results = fields.List(fields.Nested(EpisodeResult))


@migrations.post("/protocols/<id:protocol_id>/versions/<version:version>/migrations")
@migrations.arguments(MigrationBody, examples=examples.MIGRATION_REQUESTS)
@migrations.response(200, MigrationView, examples=examples.MIGRATION_ANSWERS)
def migrate_patients(body: dict[str, Any], protocol_id: str, version: int) -> Any:
    """Show what a version would change for each patient under an older one, or move those that are named.

    Nothing moves by itself. Each episode moves in a transaction of its own, exactly as its dry run showed, or stays.
    """
    target = find_target(current_session(), caller(), protocol_id, version)
    scope().about["protocol"] = f"{protocol_id}@{version}"
    if "apply" not in body:
        return _show(target, body)
    # Every episode has a transaction of its own, which on SQLite would wait for this one.
    current_session().rollback()
    factory = make_session_factory(db.engine)
    results = [_apply(factory, target, **each) for each in body["apply"]]
    scope().is_whole = all(each["outcome"] != _UNAVAILABLE for each in results)
    return {"dry_run": False, "results": results}


def _show(target: Protocol, body: dict[str, Any]) -> dict[str, Any]:
    session, limit = current_session(), body["limit"]
    ids = list_affected(session, caller(), target, after=body.get("after", ""), limit=limit + 1)
    items = [_look(session, target, each) for each in ids[:limit]]
    return {"dry_run": True, "episodes": items, "next": ids[limit - 1] if len(ids) > limit else None}


def _look(session: Session, target: Protocol, episode_id: str) -> dict[str, Any]:
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    try:
        return _told(look_ahead(session, caller(), target, episode, now()))
    except PlanError as error:
        return _untold(episode, error.where)
    except ServiceError as error:
        return _untold(episode, error.code)


def _told(outlook: Outlook) -> dict[str, Any]:
    diff = outlook.diff
    items = [each for each in diff.milestones if each.change is not ItemChange.unchanged]
    limits = [each for each in diff.restrictions if each.change is not ItemChange.unchanged]
    messages = [each for each in diff.reminders if each.change is not MessageChange.unchanged]
    return {
        "episode_id": outlook.episode.id,
        "patient_id": outlook.episode.patient_id,
        "surgeries": [
            {"surgery_id": each.surgery.id, "pinned": f"{each.older.id}@{each.older.version}"}
            for each in outlook.moving
        ],
        "redates": bool(messages) or any(map(_redates_item, items)) or any(map(_redates_limit, limits)),
        "milestones": items,
        "restrictions": limits,
        "reminders": messages,
        "against": outlook.against,
        "error": None,
        "token": None if outlook.against else outlook.token,
    }


def _redates_item(item: MilestoneChange) -> bool:
    return item.change not in (ItemChange.kept, ItemChange.changed)


def _redates_limit(limit: RestrictionChange) -> bool:
    figures = (limit.limit_lb, limit.limit_minutes), (limit.was_limit_lb, limit.was_limit_minutes)
    return limit.change is not ItemChange.changed or figures[0] != figures[1]


def _untold(episode: Episode, code: str) -> dict[str, Any]:
    empty: dict[str, Any] = {name: [] for name in ("surgeries", "milestones", "restrictions", "reminders", "against")}
    told = {"episode_id": episode.id, "patient_id": episode.patient_id, "redates": False, "error": code, "token": None}
    return empty | told


def _apply(factory: sessionmaker[Session], target: Protocol, *, episode_id: str, token: str) -> dict[str, Any]:
    try:
        with factory() as session:
            see(session, caller().practice_id)
            outlook, answers = migrate_episode(session, caller(), target, episode_id, token=token, now=now())
            _note(session, target, outlook)
            session.commit()
    except NotFoundError:
        return _result(episode_id, "unknown")
    except StaleMoveError:
        return _result(episode_id, "stale")
    except (ServiceError, PlanError):
        return _result(episode_id, "refused")
    except DBAPIError:
        return _result(episode_id, _UNAVAILABLE)
    return _result(episode_id, "applied") | {"answers": {each: answer.value for each, answer in answers.items()}}


def _result(episode_id: str, outcome: str) -> dict[str, Any]:
    return {"episode_id": episode_id, "outcome": outcome, "answers": {}}


def _note(session: Session, target: Protocol, outlook: Outlook) -> None:
    """Append the audit entry of one episode's move to its own transaction."""
    who, patient_id = caller(), outlook.episode.patient_id
    about = {
        "protocol": f"{target.id}@{target.version}",
        "episode_id": outlook.episode.id,
        "surgeries": [each.surgery.id for each in outlook.moving],
    }
    act = journal.Act(
        who.actor_kind, who.actor_id, AuditAction.write, route_of(), about=about, patient_ids=(patient_id,)
    )
    journal.append(session, who.practice_id, act, now())
