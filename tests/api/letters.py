"""Makes letters by the API, and reads a PDF as a reader's program does."""

import io
from typing import Any

import pypdfium2
from pypdf import PdfReader

from tests.api.conftest import Answer, Caller, Clinic

RELEASE = {
    "recipient": "carrier",
    "name": "Hudson Mutual Insurance",
    "address": "1 Broad Street\nAlbany, NY 12207",
    "claim_number": "WC-2026-00417",
    "injured_on": "2026-01-12",
    "signed_on": "2026-02-20",
    "valid_through_on": "2026-03-31",
}


def record_release(staff: Caller, clinic: Clinic, release_id: str = "r1", **changes: Any) -> str:
    """Record a release to the carrier."""
    body = RELEASE | {"episode_id": clinic.episode.id} | changes
    answer = staff.put(f"/letter-releases/{release_id}", body)
    assert answer.status_code == 201, answer.json
    return release_id


def make_letter(
    staff: Caller, clinic: Clinic, letter_id: str = "l1", *, release_id: str = "r1", language: str = "en"
) -> Answer:
    """Ask for a letter."""
    body = {"episode_id": clinic.episode.id, "release_id": release_id, "language": language}
    return staff.put(f"/letters/{letter_id}", body)


def text_of(pdf: bytes) -> str:
    """Return the text of every page, each run of spaces and line ends as one space."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def ink_of(pdf: bytes) -> list[tuple[float, float, float, float]]:
    """Return for each page, as it is rendered, where its ink begins and ends: left, top, right, bottom from 0 to 1."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        bitmap = page.render(scale=1, grayscale=True)
        rows = [bytes(bitmap.buffer[row * bitmap.stride :][: bitmap.width]) for row in range(bitmap.height)]
        dark = [(x, y) for y, row in enumerate(rows) if min(row) < 128 for x, shade in enumerate(row) if shade < 128]
        xs, ys = [x for x, _ in dark], [y for _, y in dark]
        found.append((min(xs) / bitmap.width, min(ys) / bitmap.height, max(xs) / bitmap.width, max(ys) / bitmap.height))
    return found
