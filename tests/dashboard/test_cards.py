"""The dashboard's cards: listed, edited side by side, signed, with their history."""

import re
from html import unescape
from typing import Any

import pytest

from models import CardVersion
from tests.api.conftest import Look
from tests.dashboard.conftest import Answer, Desk, text_of

pytestmark = pytest.mark.sqlite_only
STAIRS = "/clinic/cards/stairs"


def form_in(page: Answer, action: str) -> dict[str, Any]:
    """Return what a browser would send of the form with that address, untouched."""
    html = page.get_data(as_text=True)
    (form,) = re.findall(rf'<form method="post" action="{action}">(.*?)</form>', html, re.DOTALL)
    fields = re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', form)
    fields += re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    return {name: unescape(value) for name, value in fields if name != "form"}


def sign(desk: Desk, language: str = "en") -> Answer:
    action = f"{STAIRS}/{language}/sign"
    return desk.post(action, form_in(desk.get(STAIRS), action))


def edit(desk: Desk, language: str = "en", **changes: str) -> Answer:
    action = f"{STAIRS}/{language}"
    return desk.post(action, form_in(desk.get(STAIRS), action) | changes)


def test_the_protocols_lead_to_the_cards_and_each_card_to_its_page(desk: Desk) -> None:
    protocols, listed = desk.get("/clinic/protocols"), desk.get("/clinic/cards")

    assert 'href="/clinic/cards"' in protocols.get_data(as_text=True)
    assert listed.status_code == 200
    links = re.findall(r'href="(/clinic/cards/\w+)"', listed.get_data(as_text=True))
    assert len(links) == 11
    assert {desk.get(link).status_code for link in links} == {200}
    assert "draft, not signed" in text_of(listed)
    assert desk.get("/clinic/cards/nothing").status_code == 404


def test_a_card_is_shown_in_both_languages_with_grades_and_its_history(surgeon: Desk) -> None:
    edit(surgeon, statement_0="Hold on to something.")
    sign(surgeon)
    sign(surgeon, "es")

    page = surgeon.get(STAIRS)

    shown = text_of(page)
    assert '<div lang="es"><h3>Escaleras</h3>' in page.get_data(as_text=True)
    assert "Hold on to something. E" in shown
    assert "Version 1" in shown
    assert shown.count("signed by") == 4  # above each text and in each history
    assert "signed by" in text_of(surgeon.get("/clinic/cards"))


def test_an_edit_keeps_grades_of_what_stays_and_makes_what_changes_grade_e(surgeon: Desk, look: Look) -> None:
    sent = edit(surgeon, statement_0="Hold on to something.", title="Our stairs")

    (row,) = look(CardVersion)
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{STAIRS}?done=edited")
    assert row.text["title"] == "Our stairs"
    assert (row.text["statements"][0]["grade"], row.text["statements"][0]["sources"]) == ("E", [])
    assert row.text["statements"][-1]["sources"] == ["S137"]
    assert (row.signed_at, row.text["is_shown"]) == (None, True)
    assert "Patients still see the draft that ships." in text_of(surgeon.get(STAIRS))


def test_what_is_refused_stands_beside_its_field_and_is_kept(surgeon: Desk, look: Look) -> None:
    refused = edit(surgeon, statement_0="Lift at most 20 pounds.", from_day="soon", title="Kept")

    html = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert 'aria-describedby="en-from_day-fault"' in html
    assert ">Lift at most 20 pounds.</textarea>" in html
    limits = edit(surgeon, statement_0="Lift at most 20 pounds.").get_data(as_text=True)
    assert "no figure in a card about what plans limit" in limits
    assert 'aria-describedby="en-statement-0-fault"' in limits
    assert 'value="Kept"' in html
    assert look(CardVersion) == []


def test_who_edits_or_signs_what_was_changed_meanwhile_is_told_so(surgeon: Desk, look: Look) -> None:
    seen = surgeon.get(STAIRS)
    edit(surgeon, title="Ours")

    stale_edit = surgeon.post(f"{STAIRS}/en", form_in(seen, f"{STAIRS}/en") | {"title": "Theirs"})
    stale_signature = surgeon.post(f"{STAIRS}/en/sign", form_in(seen, f"{STAIRS}/en/sign"))

    assert (stale_edit.status_code, stale_signature.status_code) == (409, 409)
    assert "somebody changed it meanwhile" in text_of(stale_signature)
    assert [(row.version, row.text["title"], row.signed_at) for row in look(CardVersion)] == [(1, "Ours", None)]


def test_a_coordinator_reads_and_neither_edits_nor_signs(desk: Desk, look: Look) -> None:
    page = desk.get(STAIRS).get_data(as_text=True)

    assert "textarea" not in page
    assert f'action="{STAIRS}' not in page
    assert desk.post(f"{STAIRS}/en", {"title": "X"}).status_code == 403
    assert desk.post(f"{STAIRS}/en/sign").status_code == 403
    assert look(CardVersion) == []


def test_a_card_that_is_not_to_be_shown_says_so(surgeon: Desk) -> None:
    form = form_in(surgeon.get(STAIRS), f"{STAIRS}/en")
    del form["is_shown"]
    surgeon.post(f"{STAIRS}/en", form)
    sign(surgeon)

    assert "not shown to patients" in text_of(surgeon.get("/clinic/cards"))
    assert "not shown to patients" in text_of(surgeon.get(STAIRS))
