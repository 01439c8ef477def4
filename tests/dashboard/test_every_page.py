"""Each page at the width of a phone and at 200 % zoom, by keys alone, and by the rules of accessibility."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy.orm import Session

from models.people import StaffRole
from schedules.plan.vocabulary import ApproachClass
from tests import builders
from tests.api.conftest import Clinic
from tests.api.route_targets import add_targets
from tests.dashboard.browser import violations
from tests.dashboard.every_page import forms_that_show, pages_by_address
from tests.dashboard.keys import Walk, walk_by_tab
from tests.dashboard.test_browser import Visit, address, session_of, visit  # noqa: F401
from tests.outcomes.courses import SMALLEST
from tests.outcomes.scores import improved
from tests.outcomes.test_what_is_told import fill

# Each looks at every page, which a busy machine takes minutes for.
pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only, pytest.mark.timeout(600)]
# The narrowest that pages are for, a phone, and a desk's 1280 x 800 at 200 %.
SIZES = ({"width": 320, "height": 640}, {"width": 390, "height": 844}, {"width": 640, "height": 400})
ANSWERED = {"coordinator /clinic/nowhere": 404, "stranger /clinic/": 401}
Look = Callable[[], Iterator[tuple[str, Page]]]


@pytest.fixture
def every_page(
    app: Flask,
    visit: Callable[..., Visit],  # noqa: F811
    session: Session,
    clinic: Clinic,
    milestone_id: Callable[[str], str],
) -> Look:
    """Return a way to go through every page: each is named, and open while it is looked at."""
    fill(session, clinic)
    for index, approach_class in enumerate(ApproachClass):
        improved(session, clinic.practice, [50.0] * SMALLEST, [30.0 + index] * SMALLEST, approach_class=approach_class)
    ids = add_targets(session, clinic, other=False)
    ids |= {"drive_id": milestone_id("drive"), "other_patient_id": clinic.other_patient.id, "card_id": "stairs"}
    boss = builders.staff(session, clinic.practice, role=StaffRole.practice_admin)
    staff = {"coordinator": clinic.coordinator, "clinician": clinic.clinician, "admin": boss}
    people = {who: visit(session_of(session, each)) for who, each in staff.items()} | {"stranger": visit()}

    def go_through() -> Iterator[tuple[str, Page]]:
        for who, paths in pages_by_address(app, ids).items():
            for path in paths:
                page = people[who].page
                answer = page.goto(path)
                assert answer is not None
                assert answer.status == ANSWERED.get(f"{who} {path}", 200), path
                yield f"{who} {path}", page
        for who, forms in forms_that_show(ids).items():
            for number, (path, typed) in enumerate(forms):
                page = people[who].go("/clinic/account")
                send(page, path, typed)
                yield f"{who} sends {path} ({number})", page

    return go_through


def send(page: Page, path: str, typed: dict[str, str]) -> None:
    """Send a form from a page of ours, as one of its own forms would be."""
    with page.expect_navigation():
        page.evaluate(
            """([path, typed]) => {
                const form = document.createElement("form");
                const token = document.querySelector("input[name=form]").value;
                form.method = "post";
                form.action = path;
                for (const [name, value] of Object.entries({form: token, ...typed})) {
                    const field = form.appendChild(document.createElement("input"));
                    [field.type, field.name, field.value] = ["hidden", name, value];
                }
                document.body.append(form);
                form.submit();
            }""",
            [path, typed],
        )


def test_no_page_is_wider_than_the_screen_or_beyond_the_reach_of_keys(every_page: Look) -> None:
    wide: dict[tuple[str, int], str] = {}
    walks: dict[str, Walk] = {}

    for name, page in every_page():
        for size in SIZES:
            page.set_viewport_size(size)  # type: ignore[arg-type]
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wide[name, size["width"]] = page.evaluate(_WIDEST)
        page.set_viewport_size(SIZES[1])  # type: ignore[arg-type]
        walks[name] = walk_by_tab(page)

    assert len(walks) >= 50
    stuck = {name: walk for name, walk in walks.items() if walk.trouble}
    assert (wide, stuck) == ({}, {})


def test_no_page_fails_the_rules_of_accessibility_in_light_or_dark(every_page: Look) -> None:
    found: dict[tuple[str, str], list[str]] = {}

    for name, page in every_page():
        page.emulate_media(color_scheme="light")
        found["light", name] = violations(page)
        page.emulate_media(color_scheme="dark")  # which changes colours alone
        found["dark", name] = violations(page, rules=["color-contrast"])

    assert {key: each for key, each in found.items() if each} == {}


_WIDEST = """[...document.querySelectorAll("body *")].filter(
    (each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !each.closest(".wide *")
).slice(0, 3).map((each) => each.outerHTML.slice(0, 150)).join(" | ")"""
