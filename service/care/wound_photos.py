"""Use cases: photos of a wound are stored sealed under the patient's key, listed, and shown."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from models import WoundPhoto
from service.care.pictures import rewrite
from service.care.reach import find_named_episode, find_row, is_stored, lock_patient
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, describe
from service.identity.principal import Principal

MOST_OF_EPISODE: Final = 60
# As for check-ins: a phone's clock may be wrong, though not by days.
_CLOCK_ERROR: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """A photo as it was sent: bytes of a picture."""

    episode_id: str
    taken_at: datetime
    sent: bytes


def put_photo(
    session: Session, caller: Principal, photo_id: str, record: PhotoRecord, *, now: datetime
) -> tuple[WoundPhoto, bool]:
    """Store a photo under the client's id. Return the row, and whether it is new.

    Raises NotFoundError for an episode, or an id, that is another's, InvalidError for what is no picture or is from the
    future, ConflictError for another picture under an id that is there, and for more photos than an episode may have.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    if record.taken_at > now + _CLOCK_ERROR:
        raise InvalidError(
            Fault("/taken_at", f"an instant up to {(now + _CLOCK_ERROR).date()}", describe(record.taken_at))
        )
    digest = hashlib.sha256(record.sent).hexdigest()
    lock_patient(session, caller.practice_id, episode.patient_id)
    if is_stored(session, caller, WoundPhoto, photo_id):
        known = find_row(session, caller, WoundPhoto, photo_id)
        if (known.episode_id, known.sent_digest) != (episode.id, digest):
            raise ConflictError(Fault("", "the photo as it was sent, or a new one under another id", "another photo"))
        return known, False
    if _count(session, caller.practice_id, episode.id) >= MOST_OF_EPISODE:
        raise ConflictError(Fault("", f"at most {MOST_OF_EPISODE} photos of an episode", "one more"))
    picture = rewrite(record.sent)
    row = WoundPhoto(practice_id=caller.practice_id, id=photo_id, patient_id=episode.patient_id)
    row.episode_id, row.taken_at, row.received_at = episode.id, record.taken_at, now
    row.reported_by, row.sent_digest = caller.reporter, digest
    row.width, row.height, row.size_bytes = picture.width, picture.height, len(picture.jpeg)
    session.add(row)
    row.picture = base64.b64encode(picture.jpeg).decode()
    return row, True


def list_photos(session: Session, practice_id: str, episode_id: str) -> Sequence[WoundPhoto]:
    """Return an episode's photos, the latest first, without their pictures."""
    query = select(WoundPhoto).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    query = query.options(defer(WoundPhoto.picture_sealed, raiseload=True))
    return session.scalars(query.order_by(WoundPhoto.taken_at.desc(), WoundPhoto.id)).all()


def read_picture(session: Session, caller: Principal, photo_id: str) -> tuple[WoundPhoto, bytes]:
    """Return a photo that the caller reaches, and its JPEG. Raises NotFoundError."""
    row = find_row(session, caller, WoundPhoto, photo_id)
    if row.picture is None:
        raise NotFoundError
    return row, base64.b64decode(row.picture)


def _count(session: Session, practice_id: str, episode_id: str) -> int:
    query = select(func.count()).select_from(WoundPhoto)
    return session.scalar(query.filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)) or 0
