"""The dashboard in a real browser against a real process: sign in, look, find, keys, small screens, and the end."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from models import Staff, Task
from models.report import TaskKind
from models.sign_in import CodePurpose
from service.identity.invitations import issue_sign_in_code
from service.identity.sessions import start_session
from service.identity.totp import code_at, step_of
from tests.api.conftest import Clinic
from tests.api.signing_in import NEW_PASSWORD
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.browser import Seen, open_page, violations
from tests.dashboard.conftest import COOKIE
from tests.dashboard.servers import serving
from tests.dashboard.test_patient import planned_surgery

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only]
PHONE, DESK = {"width": 320, "height": 640}, {"width": 1280, "height": 800}


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """Yield where a process of its own serves this test's database."""
    with serving(database_url, MONDAY_AFTERNOON) as address:
        yield address


@dataclass
class Visit:
    """Somebody at a browser window."""

    page: Page
    clinic: Clinic
    seen: Seen

    def go(self, path: str) -> Page:
        """Open a page of the dashboard."""
        self.page.goto(path)
        return self.page


@pytest.fixture
def visit(browser: Browser, address: str, clinic: Clinic) -> Iterator[Callable[..., Visit]]:
    """Yield a way to open a window. At the end nothing was asked of another machine, and nothing complained."""
    opened, seen = [], Seen(address)

    def open_window(secret: str | None = None, **options: object) -> Visit:
        context, page = open_page(browser, address, seen, **({"viewport": DESK} | options))
        opened.append(context)
        if secret is not None:
            context.add_cookies([{"name": COOKIE, "value": secret, "url": address, "httpOnly": True}])
        return Visit(page, clinic, seen)

    yield open_window
    for context in opened:
        context.close()
    assert (seen.foreign, seen.complaints) == ([], [])


@pytest.fixture
def secret(session: Session, clinic: Clinic) -> str:
    """Return the secret of a session of the clinic's coordinator."""
    return session_of(session, clinic.coordinator)


def session_of(session: Session, staff: Staff) -> str:
    life = timedelta(hours=12)
    issued = start_session(session, staff.practice_id, staff.id, life=life, label="Chrome", now=MONDAY_AFTERNOON)
    session.commit()
    return issued.secret


def test_somebody_signs_in_for_the_first_time_works_and_leaves_nothing_behind(
    visit: Callable[..., Visit], session: Session, clinic: Clinic
) -> None:
    issued = issue_sign_in_code(session, clinic.coordinator, CodePurpose.invitation, MONDAY_AFTERNOON)
    session.commit()
    page = visit().go("/clinic/")

    page.get_by_role("link", name=re.compile("First time here")).click()
    page.get_by_label("One-time code").fill(issued.code)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Show the QR code").click()
    secret = page.locator("figcaption code").inner_text()
    page.get_by_label("Code of the app").fill(code_at(secret, step_of(MONDAY_AFTERNOON)))
    page.get_by_role("button", name="Finish").click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()

    page.get_by_role("link", name="Sample, Alex").first.click()
    expect(page.get_by_role("heading", name="Limits today")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    for _ in range(2):
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "Sample" not in page.content()


def test_a_phone_is_enough_to_find_somebody(visit: Callable[..., Visit], secret: str) -> None:
    page = visit(secret, viewport=PHONE).go("/clinic/")

    page.get_by_role("link", name="Sample, Alex").first.click()

    expect(page.get_by_role("heading", name="Limits today")).to_be_visible()


def test_the_list_is_walked_and_searched_by_keys_alone(visit: Callable[..., Visit], secret: str) -> None:
    page = visit(secret).go("/clinic/")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sample, Alex")).to_be_visible()
    assert page.url.endswith(focused)

    page.keyboard.press("/")
    page.keyboard.type("nobody/j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No patient has this in a name or number")).to_be_visible()
    assert "nobody" not in page.url


def test_a_page_without_scripts_shows_and_does_the_same(visit: Callable[..., Visit], secret: str) -> None:
    page = visit(secret, java_script_enabled=False).go("/clinic/")

    page.get_by_label("Order").select_option("name")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Sample, Alex").first.click()

    expect(page.get_by_role("heading", name="Limits today")).to_be_visible()


def test_a_view_is_kept_renamed_opened_and_removed(visit: Callable[..., Visit], secret: str) -> None:
    page = visit(secret).go("/clinic/")
    patient, own_views = (
        page.get_by_role("link", name="Sample, Alex"),
        page.get_by_role("navigation", name="Saved views"),
    )
    expect(patient.first).to_be_visible()

    page.get_by_label("Procedure").select_option("tlif")
    page.get_by_role("button", name="Show").click()
    page.locator("summary", has_text="Keep these filters").click()
    page.get_by_label("Name of the view").fill("Fusions")
    page.get_by_role("button", name="Keep these filters").click()
    view = page.get_by_role("region", name="Fusions")
    view.get_by_label("Name of the view").fill("All fusions")
    view.get_by_label("The worklist opens with it").check()
    view.get_by_role("button", name="Store").click()
    expect(page.get_by_role("heading", name="All fusions opens with the worklist")).to_be_visible()
    assert violations(page) == []

    page.goto("/clinic/")
    expect(own_views.get_by_role("link", name="All fusions")).to_have_attribute("aria-current", "true")
    expect(page.get_by_label("Procedure")).to_have_value("tlif")
    expect(patient).to_have_count(0)
    own_views.get_by_role("link", name="Manage views").click()
    page.get_by_role("link", name="All fusions").click()
    expect(page).to_have_url(re.compile(r"/clinic/\?procedure=tlif&sort=urgency$"))

    own_views.get_by_role("link", name="Manage views").click()
    page.get_by_role("region", name="All fusions").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("You have kept no view yet")).to_be_visible()
    page.goto("/clinic/")
    expect(own_views).to_have_count(0)
    expect(patient.first).to_be_visible()


def test_a_name_with_a_script_in_it_runs_nothing(
    visit: Callable[..., Visit], session: Session, clinic: Clinic, secret: str
) -> None:
    clinic.patient.family_name = "<script>document.title='taken'</script>"
    clinic.patient.given_name = '"><img src=x onerror="document.title=\'taken\'">'
    session.commit()
    window = visit(secret)

    for path in ("/clinic/", "/clinic/patients", f"/clinic/patients/{clinic.patient.id}"):
        page = window.go(path)
        expect(page.get_by_text("<script>document.title='taken'</script>").first).to_be_visible()
        assert "taken" not in page.title().split(" · ")[-1]
        assert page.title() != "taken"


def test_a_list_that_cannot_be_renewed_says_since_when_it_stands(visit: Callable[..., Visit], secret: str) -> None:
    window = visit(secret)
    page = window.go("/clinic/")
    page.context.set_offline(True)

    page.evaluate("htmx.ajax('GET', '/clinic/worklist', '#rows').catch(() => {})")

    expect(page.get_by_text(re.compile("No connection: this is how it was at Mon 2 Mar"))).to_be_visible()
    page.context.set_offline(False)
    assert any("ERR_INTERNET_DISCONNECTED" in each for each in window.seen.complaints)
    window.seen.complaints.clear()


def test_the_sickest_is_found_the_reason_read_and_the_limit_cleared(
    visit: Callable[..., Visit], session: Session, clinic: Clinic
) -> None:
    task = Task(practice_id=clinic.id, id="t1", patient_id=clinic.other_patient.id, episode_id=clinic.other_episode.id)
    task.kind, task.about, task.created_at = TaskKind.call_patient, {}, MONDAY_AFTERNOON
    clinic.other_patient.family_name = "Whitfield"
    session.add(task)
    session.commit()
    page = visit(session_of(session, clinic.clinician)).go("/clinic/")

    first = page.locator("[data-row]").first
    expect(first).to_contain_text("Whitfield, Alex")
    expect(first).to_contain_text("Call: a date or clearance changed")
    first.get_by_role("link", name="Call").click()
    expect(page.get_by_role("heading", name="Whitfield, Alex")).to_be_visible()
    assert violations(page) == []

    page.get_by_text("As a table").first.click()
    page.locator("details.plan").get_by_role("link", name="Driving").first.click()
    for box in page.get_by_role("checkbox").all():
        box.check()
    reason = page.get_by_label("Why in spite of what does not hold")
    if reason.count():
        reason.fill("Seen in clinic, brakes well.")
    page.get_by_role("button", name="Clear: Driving").click()
    expect(page.get_by_role("status")).to_have_text("Noted.")
    limits = page.get_by_role("region", name="Limits today")
    expect(limits).not_to_contain_text("Driving")


def test_a_date_is_moved_after_the_difference_was_read(
    visit: Callable[..., Visit], session: Session, clinic: Clinic, secret: str
) -> None:
    planned_surgery(session, clinic)
    page = visit(secret).go(f"/clinic/patients/{clinic.other_patient.id}")

    page.get_by_role("link", name="Move the date").click()
    page.get_by_label("New day of surgery").fill("2026-03-30")
    page.get_by_label("Why", exact=True).select_option("patient_request")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.get_by_role("heading", name="What changes")).to_be_visible()
    expect(page.locator("tr.moved").first).to_contain_text("moves")
    assert violations(page) == []
    page.get_by_role("button", name=re.compile(r"Move \d+ items to Mon 30 Mar")).click()

    expect(page.get_by_role("status")).to_contain_text("The surgery is moved")
    expect(page.locator(".stage")).to_contain_text("Mon 30 Mar 2026, planned")


def test_a_phone_is_enrolled_by_a_code_that_the_page_shows(
    visit: Callable[..., Visit], secret: str, address: str, clinic: Clinic
) -> None:
    page = visit(secret).go(f"/clinic/patients/{clinic.patient.id}")

    page.get_by_role("button", name="Show an enrolment code").click()
    expect(page.locator(".qr svg")).to_be_visible()
    assert violations(page) == []
    code = page.locator(".qr code").inner_text()
    enrolled = httpx.post(f"{address}/api/v1/devices", json={"code": code})

    assert enrolled.status_code == 201
    assert enrolled.json()["patient_id"] == clinic.patient.id
