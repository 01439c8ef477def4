"""Merges: two records of one person become one, which is shown first, then done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request

from models import RecordMerge
from service.api import examples_privacy as examples
from service.api.dry_run_tokens import VALID_FOR, issue, open_token
from service.api.merge_bodies import MergeBody, MergeView, read_merge, tell_merged, tell_rehearsed
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.api.strict_json import parse_object
from service.care.merging_checks import Merge
from service.care.merging_records import Merged, apply_merge, find_merge, preview_merge
from service.care.reach import find_patient
from service.db import current_session
from service.errors import Fault, InvalidError, StaleMergeError
from service.identity.sessions import require_fresh

merges = Resource("merges", "Two records of one person become one: shown first, then done.")


@merges.post("/patients/<id:patient_id>/merges")
@merges.arguments(MergeBody, examples=examples.MERGE_REQUESTS)
@merges.response(200, MergeView, examples=examples.MERGE_ANSWERS)
def merge_patient(body: dict[str, Any], patient_id: str) -> Any:
    """Show what making another record part of this one would do, or do what was shown.

    For the practice's admin, in a session; it asks for a fresh second factor: 403 `step_up_required`. A dry run stores
    nothing but its audit entry. Its token applies exactly what it showed, within an hour; if anything changed since,
    the answer is 409 `merge_stale` and nothing happens. A token that was applied answers again what it did. 409
    `conflict` names all that stands against it. The other record's id is answered 404 from then on.
    """
    require_fresh(caller(), now())
    if "token" not in body:
        return _show(read_merge(body, patient_id))
    if extra := sorted(body.keys() - {"token"}):
        raise InvalidError(*(Fault(f"/{name}", "nothing beside the token", "something") for name in extra))
    return tell_merged(apply_shown(body["token"], patient_id))


@dataclass(frozen=True, slots=True)
class Shown:
    """A dry run, and the token that applies exactly what it shows."""

    merged: Merged
    token: str
    expires_at: datetime


def look_ahead(command: Merge, sent: dict[str, Any]) -> Shown:
    """Return what a merge would do. `sent` is its body as it came, which the token holds. Raises as `preview_merge`."""
    session, practice_id = current_session(), caller().practice_id
    for patient_id in (command.survivor_id, command.absorbed_id):
        find_patient(session, caller(), patient_id)
    show(command.survivor_id, command.absorbed_id)
    rehearsal = preview_merge(session, practice_id, command, now())
    expires_at = now() + VALID_FOR
    token = issue(
        practice_id,
        _subject(command.survivor_id),
        body=sent,
        fingerprint=rehearsal.fingerprint,
        expires_at=expires_at,
    )
    return Shown(rehearsal.merged, token, expires_at)


def _show(command: Merge) -> dict[str, Any]:
    shown = look_ahead(command, parse_object(request.get_data(cache=True)))
    return tell_rehearsed(command, shown.merged) | {"token": shown.token, "expires_at": shown.expires_at}


def apply_shown(sent: str, survivor_id: str) -> RecordMerge:
    """Do what the dry run showed whose token was sent; once, however often it is sent.

    Raises NotFoundError, InvalidError for a token that is not of this patient, and as `apply_merge` does.
    """
    session, who = current_session(), caller()
    find_patient(session, who, survivor_id)
    expected = "the token of a dry run of this patient"
    token = open_token(sent, who.practice_id, _subject(survivor_id), expected=expected)
    merge = find_merge(session, who.practice_id, token.id)
    if merge is None:
        if now() >= token.expires_at:
            raise StaleMergeError(Fault("/token", "the token of a dry run within the last hour", "an older one"))
        loaded: dict[str, Any] = MergeBody().load(token.body)
        merge = apply_merge(
            session,
            who.practice_id,
            read_merge(loaded, survivor_id),
            merge_id=token.id,
            agreed=token.fingerprint,
            by=who.actor_id,
            now=now(),
        )
    show(merge.patient_id, merge.absorbed_id)
    scope().about.update(merge_id=merge.id, merged=merge.absorbed_id)
    return merge


def _subject(survivor_id: str) -> str:
    return f"merge/{survivor_id}"
