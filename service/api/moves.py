"""Moves: dates, approach, levels, procedure and stages of an episode change here, each shown before it happens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request

from models import Episode
from models.change import PlanChange
from service.api import examples_moves as examples
from service.api.dry_run_tokens import VALID_FOR, DryRunToken, issue, open_token
from service.api.move_bodies import MoveBody, MovePage, MoveView, read_move
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.api.strict_json import parse_object
from service.care.move_changes import Move
from service.care.moves import Preview, apply_move, find_applied, list_moves, preview_move
from service.care.reach import find_row
from service.db import current_session
from service.errors import Fault, InvalidError, StaleMoveError

moves = Resource("moves", "Changes of dates, approach, levels, procedure and stages: shown first, then applied.")


@moves.post("/episodes/<id:episode_id>/moves")
@moves.arguments(MoveBody, examples=examples.REQUESTS)
@moves.response(200, MoveView, examples=examples.ANSWERS)
def move_episode(body: dict[str, Any], episode_id: str) -> Any:
    """Show what a change of surgeries would do to the whole plan, or apply what was shown.

    A dry run stores nothing but its audit entry. Its token applies exactly what it showed, within an hour; if anything
    relevant changed since, the answer is 409 and nothing happens. A token that was applied answers again what it did.
    Conversions of approach, levels or procedure are for clinicians and coordinators: 403.
    """
    return _apply(body, episode_id) if "token" in body else _show(body, episode_id)


@moves.get("/episodes/<id:episode_id>/moves")
@moves.arguments(PageQuery, location="query")
@moves.response(200, MovePage, example=examples.HISTORY)
def list_applied(query: dict[str, Any], episode_id: str) -> Any:
    """List the moves that were applied to an episode, oldest first."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    rows = list_moves(session, episode.practice_id, episode.id, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    return answer | {"items": [_applied(row) for row in answer["items"]]}


@dataclass(frozen=True, slots=True)
class Shown:
    """A dry run, and the token that applies exactly what it shows."""

    preview: Preview
    token: str
    expires_at: datetime


def look_ahead(move: Move, sent: dict[str, Any], episode_id: str) -> Shown:
    """Return what a move would do. `sent` is its body as it came, which the token holds. Raises as `preview_move`."""
    preview = preview_move(current_session(), caller(), episode_id, move, now())
    show(preview.episode.patient_id)
    expires_at, whose = now() + VALID_FOR, (preview.episode.practice_id, _subject(preview.episode.id))
    token = issue(*whose, body=sent, fingerprint=preview.diff.fingerprint, expires_at=expires_at)
    return Shown(preview, token, expires_at)


def _show(body: Mapping[str, Any], episode_id: str) -> dict[str, Any]:
    move = read_move(body)
    shown = look_ahead(move, parse_object(request.get_data(cache=True)), episode_id)
    told = {"dry_run": True, "reason": move.reason, "reason_text": move.reason_text}
    return told | _diff(shown.preview) | {"token": shown.token, "expires_at": shown.expires_at}


def _apply(body: Mapping[str, Any], episode_id: str) -> dict[str, Any]:
    extra = sorted(body.keys() - {"token"})
    if extra:
        raise InvalidError(*(Fault(f"/{name}", "nothing beside the token", "something") for name in extra))
    return _applied(apply_shown(body["token"], episode_id))


def apply_shown(sent: str, episode_id: str) -> PlanChange:
    """Make the changes of the dry run whose token was sent; once, however often it is sent.

    Raises NotFoundError, InvalidError for a token that is not of this episode, and as `apply_move` does.
    """
    session, who = current_session(), caller()
    find_row(session, who, Episode, episode_id)
    expected = "the token of a dry run of this episode"
    token = open_token(sent, who.practice_id, _subject(episode_id), expected=expected)
    change = find_applied(session, who, episode_id, token.id) or _make(token, episode_id)
    show(change.patient_id)
    session.flush()
    return change


def _make(token: DryRunToken, episode_id: str) -> PlanChange:
    if now() >= token.expires_at:
        raise StaleMoveError(Fault("/token", "the token of a dry run within the last hour", "an older one"))
    loaded: dict[str, Any] = MoveBody().load(token.body)
    move, whose = read_move(loaded), (current_session(), caller())
    return apply_move(*whose, episode_id, move, change_id=token.id, fingerprint=token.fingerprint, now=now())


def _subject(episode_id: str) -> str:
    return f"move/{episode_id}"


def _diff(preview: Preview) -> dict[str, Any]:
    return {
        "episode_id": preview.episode.id,
        "surgeries": preview.surgeries,
        "correction": preview.correction,
        "milestones": preview.diff.milestones,
        "restrictions": preview.diff.restrictions,
        "reminders": preview.diff.reminders,
    }


def _applied(change: PlanChange) -> dict[str, Any]:
    answers = [{"reminder_id": each, "answer": answer} for each, answer in sorted(change.answers.items())]
    return {
        "dry_run": False,
        "id": change.id,
        "episode_id": change.episode_id,
        "reason": change.reason,
        "reason_text": change.reason_text,
        "surgeries": change.changes["surgeries"],
        "correction": change.changes["correction"],
        "changed_by": change.changed_by,
        "changed_at": change.changed_at,
        "answers": answers,
        "rev": change.rev,
    }
