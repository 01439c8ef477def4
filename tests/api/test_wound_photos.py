"""Photos of wounds: written anew without what the camera noted, sealed, read by few, and gone with the patient."""

import base64
import io
import json
import struct
import subprocess
import sys
import zlib
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, text

from models import AuditEntry, WoundPhoto
from service.care.pictures import LONGEST_SIDE, MOST_BYTES
from service.care.wound_photos import MOST_OF_EPISODE
from tests.api.conftest import Answer, Caller, Clinic, Look
from tests.pictures import MARK, photo_of_camera, picture

PHOTO = "/wound-photos/Zq3MdIATlIFVMwSK"
TAKEN = "2026-03-02T08:30:00Z"


def send(
    who: Caller, clinic: Clinic, sent: bytes, *, path: str = PHOTO, kind: str = "image/jpeg", at: str = TAKEN
) -> Answer:
    """Send a photo of the clinic's patient."""
    query = f"?episode_id={clinic.episode.id}&taken_at={at}"
    return who.call("PUT", path + query, data=sent, content_type=kind)


def huge_png() -> bytes:
    """Return a PNG of a few hundred bytes that says it is 30,000 by 30,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_a_photo_is_stored_upright_without_what_the_camera_noted_and_once(
    patient: Caller, clinic: Clinic, look: Look, engine: Engine
) -> None:
    sent = photo_of_camera()
    assert MARK.encode() in sent

    first, second = send(patient, clinic, sent), send(patient, clinic, sent)
    read = patient.get(f"{PHOTO}/picture")

    assert (first.status_code, second.status_code, first.json) == (201, 200, second.json)
    assert (first.json["width"], first.json["height"], first.json["reported_by"]) == (60, 80, "patient")
    assert (read.status_code, read.headers["Content-Type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(read.data)) as shown:
        assert (shown.format, shown.size, dict(shown.getexif()), shown.info.get("icc_profile")) == (
            "JPEG",
            (60, 80),
            {},
            None,
        )
        assert "comment" not in shown.info
    assert b"Nikon" not in read.data
    assert b"Exif" not in read.data
    (row,) = look(WoundPhoto, practice_id=clinic.id)
    with engine.connect() as connection:
        stored = bytes(connection.execute(text("SELECT picture_sealed FROM wound_photo")).scalar_one())
    assert row.size_bytes == len(read.data)
    assert base64.b64encode(read.data)[:40] not in stored
    assert read.data[:20] not in stored


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("kind", "mimetype"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_large_photo_is_kept_as_large_as_a_screen_shows(
    patient: Caller, clinic: Clinic, kind: str, mimetype: str
) -> None:
    stored = send(patient, clinic, picture(kind, size=(3200, 1600)), kind=mimetype).json

    assert (stored["width"], stored["height"]) == (LONGEST_SIDE, LONGEST_SIDE // 2)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("sent", "kind", "status"),
    [
        (b"", "image/jpeg", 422),
        (b"<svg onload='alert(1)'/>", "image/png", 422),
        (picture("GIF"), "image/png", 422),
        (picture("TIFF"), "image/jpeg", 422),
        (picture("JPEG", size=(400, 300))[:600], "image/jpeg", 422),
        (huge_png(), "image/png", 422),
        (picture("PNG", size=(4100, 3000)), "image/png", 422),
        (picture(), "image/gif", 415),
        (picture(), "application/json", 415),
        (b"\xff\xd8\xff" + b"\0" * MOST_BYTES, "image/jpeg", 413),
    ],
    ids=[
        "nothing",
        "svg",
        "gif",
        "tiff",
        "cut short",
        "bomb",
        "too many pixels",
        "other type",
        "json",
        "too many bytes",
    ],
)
def test_what_is_no_picture_or_too_large_is_refused(
    patient: Caller, clinic: Clinic, look: Look, sent: bytes, kind: str, status: int
) -> None:
    assert send(patient, clinic, sent, kind=kind).status_code == status
    assert look(WoundPhoto, practice_id=clinic.id) == []


@pytest.mark.sqlite_only
def test_the_type_is_that_of_the_content(patient: Caller, clinic: Clinic) -> None:
    assert send(patient, clinic, picture("PNG"), kind="image/jpeg").status_code == 201


@pytest.mark.sqlite_only
def test_a_photo_never_changes_and_is_of_its_own_time(patient: Caller, clinic: Clinic) -> None:
    send(patient, clinic, picture())

    other = send(patient, clinic, picture("JPEG"))
    ahead = send(patient, clinic, picture(), path="/wound-photos/ahead", at="2026-03-05T08:30:00Z")

    assert (other.status_code, ahead.status_code) == (409, 422)


@pytest.mark.sqlite_only
def test_an_episode_has_so_many_photos_and_no_more(patient: Caller, clinic: Clinic) -> None:
    statuses = {
        send(patient, clinic, picture(), path=f"/wound-photos/{number}").status_code
        for number in range(MOST_OF_EPISODE)
    }

    assert statuses == {201}
    assert send(patient, clinic, picture(), path="/wound-photos/more").status_code == 409
    assert send(patient, clinic, picture(), path="/wound-photos/0").status_code == 200


def test_each_look_at_a_photo_is_in_the_trail_and_no_one_elses(
    patient: Caller, coordinator: Caller, other_patient: Caller, foreign_staff: Caller, clinic: Clinic, look: Look
) -> None:
    send(patient, clinic, picture())
    coordinator.get(f"{PHOTO}/picture")

    strangers = [who.get(f"{PHOTO}/picture") for who in (other_patient, foreign_staff)]
    none = other_patient.get("/wound-photos/nothing/picture")

    assert [(each.status_code, each.data) for each in strangers] == [(404, none.data)] * 2
    routes = [row.route for row in look(AuditEntry, practice_id=clinic.id, actor_id=clinic.coordinator.id)]
    assert routes == ["GET /api/v1/wound-photos/{photo_id}/picture"]
    (item,) = coordinator.get(f"/episodes/{clinic.episode.id}/wound-photos").json["items"]
    assert (item["taken_at"], item["reported_by"]) == ("2026-03-02T08:30:00Z", "patient")


def test_a_photo_is_part_of_what_is_handed_out(patient: Caller, clinic: Clinic) -> None:
    send(patient, clinic, picture())
    shown = patient.get(f"{PHOTO}/picture").data

    record: dict[str, Any] = json.loads(patient.get(f"/patients/{clinic.patient.id}/export").data)

    (told,) = record["tables"]["wound_photo"]
    assert base64.b64decode(told["picture"]) == shown


@pytest.mark.sqlite_only
def test_memory_stays_flat_over_the_largest_pictures_that_are_taken() -> None:
    # The high-water mark of the process itself: what resource tells begins with that of the process that started it.
    script = (
        "import re, sys\n"
        "from service.care.pictures import rewrite\n"
        "sent, peaks = sys.stdin.buffer.read(), []\n"
        "for _ in range(6):\n"
        "    rewrite(sent)\n"
        "    peaks.append(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)\n"
        "print(peaks[0], peaks[-1])\n"
    )
    sent = picture("JPEG", size=(5000, 5000))

    ran = subprocess.run([sys.executable, "-c", script], input=sent, capture_output=True, check=True)

    first, last = map(int, ran.stdout.split())
    assert last - first < 16
    assert first < 250
