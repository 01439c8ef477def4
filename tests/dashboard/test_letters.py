"""Work-status letters at the desk: a release is recorded, a letter is printed, and what cannot leave is said."""

import re
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import Letter, LetterRelease
from schedules.plan.vocabulary import WorkClass
from tests.api.conftest import Clinic, Look
from tests.api.letters import text_of as text_of_pdf
from tests.dashboard.conftest import Desk, text_of

RELEASE = {
    "id": "r1",
    "recipient": "employer",
    "name": "Harbor <b>Freight</b>",
    "address": "1 Pier\r\nAlbany",
    "claim_number": "",
    "injured_on": "2026-01-12",
    "signed_on": "2026-02-20",
    "valid_through_on": "2026-08-20",
}


def hidden(desk: Desk, path: str, name: str) -> str:
    """Return the value of the first hidden field of that name."""
    found = re.search(rf'name="{name}" value="([^"]+)"', desk.get(path).get_data(as_text=True))
    assert found is not None
    return found[1]


def test_a_letter_is_printed_in_two_steps_from_the_patients_page(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/episodes/{clinic.episode.id}/letters"
    assert path in desk.get(f"/clinic/patients/{clinic.patient.id}").get_data(as_text=True)

    recorded = desk.post(path.replace("letters", "letter-releases"), RELEASE)
    shown = desk.get(path)
    made = desk.post(path, {"id": hidden(desk, path, "id"), "release_id": "r1", "language": "es"})

    assert (recorded.status_code, made.status_code) == (303, 303)
    assert "Harbor &lt;b&gt;Freight&lt;/b&gt;" in shown.get_data(as_text=True)
    (letter,) = look(Letter)
    told = text_of(desk.get(path))
    assert "Print the letter 1" in told
    assert "holds" in told
    pdf = desk.get(f"/clinic/letters/{letter.id}/pdf")
    assert (pdf.content_type, pdf.headers["Cache-Control"]) == ("application/pdf", "no-store")
    assert "Al empleador Harbor <b>Freight</b> 1 Pier Albany" in text_of_pdf(pdf.data)


@pytest.mark.sqlite_only
def test_a_revoked_release_lets_nothing_leave_and_the_page_says_so(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/episodes/{clinic.episode.id}/letters"
    desk.post(path.replace("letters", "letter-releases"), RELEASE)
    desk.post(path, {"id": "l1", "release_id": "r1", "language": "en"})

    desk.post("/clinic/letter-releases/r1/revoke")
    made = desk.post(path, {"id": "l2", "release_id": "r1", "language": "en"})
    opened = desk.get("/clinic/letters/l1/pdf")

    assert (made.status_code, opened.status_code) == (409, 409)
    assert "No letter leaves without a release" in text_of(made)
    assert "text/html" in opened.content_type
    assert len(look(Letter)) == 1


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "changes",
    [{"name": " "}, {"recipient": "press"}, {"signed_on": ""}, {"signed_on": "yesterday"}, {"id": "x y"},
     {"valid_through_on": "2026-01-01"}],
    ids=str,
)  # fmt: skip
def test_a_release_that_is_not_whole_is_not_recorded_and_keeps_what_was_typed(
    desk: Desk, clinic: Clinic, look: Look, changes: dict[str, Any]
) -> None:
    refused = desk.post(f"/clinic/episodes/{clinic.episode.id}/letter-releases", RELEASE | changes)

    assert refused.status_code == 422
    assert 'value="2026-01-12"' in refused.get_data(as_text=True)
    assert "1 Pier" in refused.get_data(as_text=True)
    assert look(LetterRelease) == []


@pytest.mark.sqlite_only
def test_the_page_of_who_does_not_work_says_that_no_letter_can_be_made(
    desk: Desk, clinic: Clinic, session: Session
) -> None:
    clinic.patient.work_class = WorkClass.not_working
    session.commit()

    assert "There is no work status today" in text_of(desk.get(f"/clinic/episodes/{clinic.episode.id}/letters"))
