"""Work-status letters of an episode: the releases that the patient gave, and the letters that left under them."""

from collections.abc import Callable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from flask import Response

from models import Episode
from models.ids import new_id
from models.letter import Recipient
from schedules.plan.vocabulary import Language
from service.api.letters import letter_answer
from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.enrol import clinic_today
from service.care.letter_releases import (
    ReleaseRecord,
    find_release,
    is_valid,
    list_releases,
    put_release,
    revoke_release,
)
from service.care.letters import MakeLetter, list_letters, make_letter
from service.care.reach import find_patient, find_row, practice_of
from service.care.work_status import work_status_of
from service.dashboard.blueprint import clinic, typed, typed_day, typed_id
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError

_MOST = 50
_ASKED = ("recipient", "name", "address", "claim_number", "injured_on", "signed_on", "valid_through_on")
_LONGEST = {"name": 200, "address": 400, "claim_number": 64}


@clinic.get("/episodes/<id:episode_id>/letters")
@settled
def show_letters(episode_id: str) -> Response:
    """Show the releases and letters of an episode."""
    return _letters(episode_id)


@clinic.post("/episodes/<id:episode_id>/letter-releases")
@settled
def note_release(episode_id: str) -> Response:
    """Record a release as the patient signed it."""

    def deed() -> object:
        return put_release(current_session(), caller(), typed_id("id"), _record(episode_id), now=now())

    return _do(episode_id, deed, said={name: typed(name) for name in _ASKED})


@clinic.post("/letter-releases/<id:release_id>/revoke")
@settled
def end_release(release_id: str) -> Response:
    """Revoke a release."""
    episode_id = find_release(current_session(), caller(), release_id).episode_id
    return _do(episode_id, lambda: revoke_release(current_session(), caller(), release_id, now=now()))


@clinic.post("/episodes/<id:episode_id>/letters")
@settled
def print_letter(episode_id: str) -> Response:
    """Make a letter of today's work status, to be printed."""

    def deed() -> object:
        language = Language.es if typed("language") == Language.es else Language.en
        command = MakeLetter(episode_id=episode_id, release_id=typed_id("release_id"), language=language)
        return make_letter(current_session(), caller(), typed_id("id"), command, now=now())

    return _do(episode_id, deed)


@clinic.get("/letters/<id:letter_id>/pdf")
@settled
def open_letter(letter_id: str) -> Response:
    """Return a letter as PDF, which the browser shows and prints."""
    return letter_answer(letter_id)


def _do(episode_id: str, deed: Callable[[], object], said: dict[str, str] | None = None) -> Response:
    """Do something and go back to the letters; show them with what stands against it, and with what was typed."""
    episode = find_row(current_session(), caller(), Episode, episode_id)
    show(episode.patient_id)
    try:
        deed()
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        begin(reads=False)
        return _letters(episode_id, status=refused.status, faults=refused.faults, said=said)
    return go_to(f"/clinic/episodes/{episode.id}/letters")


def _letters(
    episode_id: str, *, status: int = 200, faults: Sequence[Fault] = (), said: dict[str, str] | None = None
) -> Response:
    session, practice = current_session(), practice_of(current_session(), caller())
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    scope().about["episode_id"] = episode.id
    today = clinic_today(practice, now())
    releases = list_releases(session, caller(), episode.id, after=None, limit=_MOST)
    return page(
        "letters.html",
        status=status,
        faults=tuple(faults),
        said=said or {},
        patient=find_patient(session, caller(), episode.patient_id),
        episode=episode,
        work=work_status_of(session, caller(), episode.id, on=today, now=now()).report,
        releases=[(each, is_valid(each, today)) for each in releases],
        letters=list_letters(session, caller(), episode.id, after=None, limit=_MOST, now=now()),
        recipients=list(Recipient),
        make_id=lambda: new_id(now()),
        today=today,
        zone=ZoneInfo(practice.time_zone),
    )


def _record(episode_id: str) -> ReleaseRecord:
    recipient = typed("recipient", longest=40)
    name = typed("name", longest=_LONGEST["name"])
    if recipient not in list(Recipient):
        raise InvalidError(
            Fault("/recipient", "one of " + ", ".join(Recipient), f"text of {len(recipient)} characters")
        )
    if not name:
        raise InvalidError(Fault("/name", "the recipient's name", "nothing"))
    return ReleaseRecord(
        episode_id=episode_id,
        recipient=Recipient(recipient),
        name=name,
        address=typed("address", longest=_LONGEST["address"]).replace("\r\n", "\n") or None,
        claim_number=typed("claim_number", longest=_LONGEST["claim_number"]) or None,
        injured_on=typed_day("injured_on"),
        tells_diagnosis=bool(typed("tells_diagnosis")),
        signed_on=_asked_day("signed_on"),
        valid_through_on=_asked_day("valid_through_on"),
    )


def _asked_day(name: str) -> date:
    day = typed_day(name)
    if day is None:
        raise InvalidError(Fault(f"/{name}", "a date such as 2026-03-12", "nothing"))
    return day
