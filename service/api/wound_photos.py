"""Photos of wounds: sent as a picture, kept sealed, shown to the patient and the clinic alone."""

from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from models import Episode
from models.care import Reporter
from service.api import examples_photos as examples
from service.api.fields import Id, Instant, Word
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.reach import find_row
from service.care.wound_photos import PhotoRecord, list_photos, put_photo, read_picture
from service.db import current_session
from service.errors import Fault, WrongTypeError

wound_photos = Resource("wound-photos", "Photos of wounds, without what the camera noted.")
TYPES = ("image/jpeg", "image/png", "image/webp")
_BODY = {"schema": {"type": "string", "format": "binary"}}


class PhotoQuery(Schema):
    """Whose wound it is, and when the photo was taken."""

    episode_id = Id(required=True)
    taken_at = Instant(required=True)


class PhotoView(Schema):
    """A stored photo. `width`, `height` and `size_bytes` are those of the picture as it is kept."""

    id = Id(required=True)
    episode_id = Id(required=True)
    taken_at = Instant(required=True)
    received_at = Instant(required=True)
    reported_by = Word(Reporter, required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)
    size_bytes = fields.Integer(required=True)
    rev = fields.Integer(required=True)


class PhotoList(Schema):
    """An episode's photos, the latest first."""

    items = fields.List(fields.Nested(PhotoView), required=True)


@wound_photos.get("/episodes/<id:episode_id>/wound-photos")
@wound_photos.response(200, PhotoList, example=examples.PHOTOS)
def get_photos(episode_id: str) -> Any:
    """List an episode's photos, the latest first; each picture is read by itself."""
    session = current_session()
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    return {"items": list_photos(session, episode.practice_id, episode.id)}


@wound_photos.get("/wound-photos/<id:photo_id>/picture")
@wound_photos.response(200, content_type="image/jpeg", description="The picture.")
def get_picture(photo_id: str) -> Response:
    """Return a photo as JPEG."""
    row, jpeg = read_picture(current_session(), caller(), photo_id)
    show(row.patient_id)
    return Response(jpeg, mimetype="image/jpeg")


@wound_photos.put("/wound-photos/<id:photo_id>")
@wound_photos.arguments(PhotoQuery, location="query")
@wound_photos.response(200, PhotoView, example=examples.PHOTO)
@wound_photos.alt_response(201, schema=PhotoView, success=True, example=examples.PHOTO)
@wound_photos.doc(requestBody={"required": True, "content": dict.fromkeys(TYPES, _BODY)})
def store_photo(query: dict[str, Any], photo_id: str) -> Any:
    """Store a photo under your own id: JPEG, PNG or WebP of at most 10 MiB. Sending it again changes nothing.

    It is written anew from its pixels, no longer than 1600 of them; place, time and camera are left behind. Needs no
    `If-Match`: a photo never changes.
    """
    if request.mimetype not in TYPES:
        raise WrongTypeError(Fault("", f"Content-Type: one of {', '.join(TYPES)}", "another type or none"))
    session = current_session()
    record = PhotoRecord(**query, sent=request.get_data(cache=True))
    row, is_new = put_photo(session, caller(), photo_id, record, now=now())
    show(row.patient_id)
    session.flush()
    return row, 201 if is_new else 200
