"""Cards in a real browser: a surgeon edits and signs one, and the page of a message shows it, both by the rules."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, ViewportSize, expect
from sqlalchemy.orm import Session

from models import CardVersion
from service.pages.views import STYLE
from tests.api.conftest import Clinic
from tests.api.message_reader import Reader, message, reader, small_clinic, text_of  # noqa: F401
from tests.dashboard.browser import violations
from tests.dashboard.test_browser import Visit, address, session_of, visit  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only]
SMALL: ViewportSize = {"width": 320, "height": 640}
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true })"


def test_a_surgeon_edits_and_signs_a_card(
    visit: Callable[..., Visit],  # noqa: F811
    session: Session,
    clinic: Clinic,
) -> None:
    page = visit(session_of(session, clinic.clinician)).go("/clinic/protocols")
    page.get_by_role("link", name="Cards about daily life").click()
    page.get_by_role("link", name="Stairs").click()
    page.get_by_text("Edit the text in English").click()
    english = page.get_by_role("region", name="English")
    english.get_by_label("Statement 1", exact=True).fill("Hold the rail on both sides.")
    page.keyboard.press("Tab")
    english.get_by_role("button", name="Store as a draft in English").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Stored. Patients see it once a clinician has signed it.")
    english.get_by_role("button", name="Sign the text in English").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Signed. Patients see this text from now on.")

    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(OPEN_ALL)
        found += violations(page)
    page.set_viewport_size(SMALL)
    width = page.evaluate("document.documentElement.scrollWidth")

    assert found == []
    assert width <= SMALL["width"]
    (row,) = session.query(CardVersion)
    assert (row.text["statements"][0]["text"], row.signed_by) == ("Hold the rail on both sides.", clinic.clinician.id)


def test_the_page_of_a_message_keeps_the_rules_of_accessibility_with_its_cards_open(
    browser: Browser,
    reader: Reader,  # noqa: F811
) -> None:
    reader.open()
    pages = [reader.look(), reader.answer(reader.look(), pain="x", red_flag="chest")]

    found = []
    for shown in pages:
        page = browser.new_page(viewport=SMALL)
        page.set_content(text_of(shown))
        page.add_style_tag(content=STYLE.read_text("utf-8"))
        page.evaluate(OPEN_ALL)
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
        page.close()

    assert found == []
