"""Work-status letters: the patient's release for a recipient, and the letters that leave under it, as PDF."""

from functools import partial
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from models import Episode, LetterRelease
from models.care import Reporter
from models.letter import Recipient
from schedules.plan.vocabulary import Language, WorkStatus
from service.api import examples_letters as examples
from service.api.fields import CivilDate, Flag, Id, Instant, Text, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, scope, show
from service.care.enrol import clinic_today
from service.care.letter_releases import ReleaseRecord, is_valid, list_releases, put_release, revoke_release
from service.care.letters import LetterState, LetterView, MakeLetter, list_letters, make_letter, read_letter
from service.care.reach import find_row, practice_of
from service.db import current_session

letters = Resource("letters", "Work-status letters to an employer or a carrier, under the patient's release.")
PDF = "application/pdf"


class LetterReleaseBody(Schema):
    """A release that the patient signed, for one recipient. `tells_diagnosis`: procedure and indication too."""

    episode_id = Id(required=True)
    recipient = Word(Recipient, required=True)
    name = Text(200, "the recipient's name", required=True)
    address = Text(400, "the recipient's address, line by line", load_default=None, allow_none=True)
    claim_number = Text(64, "the number of the claim", load_default=None, allow_none=True)
    injured_on = CivilDate(load_default=None, allow_none=True)
    tells_diagnosis = Flag(load_default=False)
    signed_on = CivilDate(required=True)
    valid_through_on = CivilDate(required=True)


class LetterReleaseView(Schema):
    """A release. `is_valid`: a letter may leave under it today."""

    id = Id(required=True)
    episode_id = Id(required=True)
    recipient = Word(Recipient, required=True)
    name = fields.String(required=True)
    address = fields.String(required=True, allow_none=True)
    claim_number = fields.String(required=True, allow_none=True)
    injured_on = CivilDate(required=True, allow_none=True)
    tells_diagnosis = fields.Boolean(required=True)
    signed_on = CivilDate(required=True)
    valid_through_on = CivilDate(required=True)
    recorded_at = Instant(required=True)
    recorded_by = Id(required=True)
    revoked_at = Instant(required=True, allow_none=True)
    revoked_by = Word(Reporter, required=True, allow_none=True)
    is_valid = fields.Boolean(required=True)


class EndReleaseBody(Schema):
    """Nothing: an empty object."""


class LetterBody(Schema):
    """Which letter is wanted. It tells today's work status, by the clinic's calendar."""

    episode_id = Id(required=True)
    release_id = Id(required=True)
    language = Word(Language, required=True)


class WorkLetterView(Schema):
    """A letter. `number` counts those of the episode; `pdf_digest` is the SHA-256 of its bytes.

    `superseded`: the same recipient has a later one, or the plan says otherwise since. `lapsed`: its expected end has
    passed.
    """

    id = Id(attribute="row.id", required=True)
    episode_id = Id(attribute="row.episode_id", required=True)
    release_id = Id(attribute="row.release_id", required=True)
    number = fields.Integer(attribute="row.number", required=True)
    recipient = Word(Recipient, attribute="release.recipient", required=True)
    language = Word(Language, attribute="row.language", required=True)
    status = Word(WorkStatus, attribute="row.status", required=True)
    status_on = CivilDate(attribute="row.status_on", required=True)
    state = Word(LetterState, required=True)
    made_at = Instant(attribute="row.made_at", required=True)
    made_by = Id(attribute="row.made_by", required=True)
    pdf_digest = fields.String(attribute="row.pdf_digest", required=True)


LetterReleasePage = listing(LetterReleaseView, "LetterReleasePage")
WorkLetterPage = listing(WorkLetterView, "WorkLetterPage")


@letters.get("/episodes/<id:episode_id>/letter-releases")
@letters.arguments(PageQuery, location="query")
@letters.response(200, LetterReleasePage, example=examples.RELEASES)
def list_letter_releases(query: dict[str, Any], episode_id: str) -> Any:
    """List the releases of an episode, the latest first."""
    show(find_row(current_session(), caller(), Episode, episode_id).patient_id)
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_releases(current_session(), caller(), episode_id, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    return answer | {"items": [_told(row) for row in answer["items"]]}


@letters.put("/letter-releases/<id:release_id>")
@letters.arguments(LetterReleaseBody, example=examples.RELEASE)
@letters.response(200, LetterReleaseView, example=examples.RELEASE_VIEW)
@letters.alt_response(201, schema=LetterReleaseView, success=True)
def record_release(body: dict[str, Any], release_id: str) -> Any:
    """Record a release as the patient signed it. It never changes, so it needs no `If-Match`: revoke it, make another.

    409 `conflict`: the id stands for another release.
    """
    row, is_new = put_release(current_session(), caller(), release_id, ReleaseRecord(**body), now=now())
    return _shown(row), 201 if is_new else 200


@letters.post("/letter-releases/<id:release_id>/revoke")
@letters.arguments(EndReleaseBody)
@letters.response(200, LetterReleaseView, example=examples.RELEASE_VIEW)
def end_release(_body: dict[str, Any], release_id: str) -> Any:
    """Revoke a release: no letter leaves under it any more. What left before has left."""
    return _shown(revoke_release(current_session(), caller(), release_id, now=now()))


@letters.get("/episodes/<id:episode_id>/letters")
@letters.arguments(PageQuery, location="query")
@letters.response(200, WorkLetterPage, example=examples.LETTERS)
def list_episode_letters(query: dict[str, Any], episode_id: str) -> Any:
    """List the letters of an episode, the latest first, and whether each still holds."""
    show(find_row(current_session(), caller(), Episode, episode_id).patient_id)
    after, limit = row_after(query.get("after")), query["limit"]
    read = partial(list_letters, current_session(), caller(), episode_id, now=now())
    return page(read(after=after, limit=limit + 1), limit, lambda view: view.row.id)


@letters.put("/letters/<id:letter_id>")
@letters.arguments(LetterBody, example=examples.LETTER)
@letters.response(200, WorkLetterView, example=examples.LETTER_VIEW)
@letters.alt_response(201, schema=WorkLetterView, success=True)
def store_letter(body: dict[str, Any], letter_id: str) -> Any:
    """Make a letter of today's work status. It is kept as its very bytes; the same request again makes no other.

    409 `no_release`: the release does not hold today. 409 `conflict`: there is no work status today.
    """
    view, is_new = make_letter(current_session(), caller(), letter_id, MakeLetter(**body), now=now())
    _note(view)
    return view, 201 if is_new else 200


@letters.get("/letters/<id:letter_id>/pdf")
@letters.tagged(200)
@letters.response(200, content_type=PDF, description="The letter, tagged for screen readers (PDF/UA-1).")
@letters.doc(responses={409: "CONFLICT"})
def get_letter_pdf(letter_id: str) -> Any:
    """Return a letter as it was made. 409 `no_release` to staff once its release holds no more."""
    return letter_answer(letter_id)


def letter_answer(letter_id: str) -> Response:
    """Return a letter as the answer to the present request, noted in its audit entry. Raises as `read_letter`."""
    row, pdf = read_letter(current_session(), caller(), letter_id, now=now())
    show(row.patient_id)
    scope().about["letter_id"] = row.id
    return pdf_answer(pdf, f"work-status-{row.number}.pdf", row.pdf_digest)


def pdf_answer(pdf: bytes, filename: str, tag: str) -> Response:
    """Return a PDF to be shown in the browser. Its name tells nobody."""
    answer = Response(pdf, mimetype=PDF)
    answer.headers["Content-Disposition"] = f'inline; filename="{filename}"'
    answer.set_etag(tag)
    return answer


def _note(view: LetterView) -> None:
    show(view.row.patient_id)
    scope().about["letter_id"] = view.row.id


def _shown(row: LetterRelease) -> dict[str, Any]:
    show(row.patient_id)
    scope().about["release_id"] = row.id
    return _told(row)


def _told(row: LetterRelease) -> dict[str, Any]:
    today = clinic_today(practice_of(current_session(), caller()), now())
    names = [name for name in LetterReleaseView().fields if name != "is_valid"]
    return {name: getattr(row, name) for name in names} | {"is_valid": is_valid(row, today)}
