"""Cards about daily life: both languages side by side, edited by the clinic and signed by a clinician."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Response, request

from models.people import StaffRole
from schedules.plan.cards import CardText, Statement
from schedules.plan.vocabulary import Grade, Language
from service.api.cards import MOST_STATEMENTS, CardBody
from service.api.parsing import load_form
from service.api.scope import caller, now, scope
from service.api.settle import settled
from service.care.cards import CardView, VersionView, edit_card, list_cards, list_versions, sign_card, view_card
from service.care.reach import practice_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError

_KEPT: Final = 20  # versions that the page shows
_BLANK: Final = 2  # places for further statements
_UNSURE: Final = (Grade.D, Grade.E)


@dataclass(frozen=True, slots=True)
class Side:
    """A card in one language as its page shows it: with its versions, and what was typed and refused."""

    view: CardView
    versions: list[VersionView]
    said: dict[str, Any]
    faults: tuple[Fault, ...]
    places: int


@clinic.get("/cards")
@settled
def show_cards() -> Response:
    """Show every card, with how far each language has come."""
    cards = [list(views) for _, views in groupby(list_cards(current_session(), caller()), lambda view: view.card.id)]
    return page("cards.html", cards=cards)


@clinic.get("/cards/<id:card_id>")
@settled
def show_card(card_id: str) -> Response:
    """Show one card in both languages."""
    return _card(card_id)


@clinic.post("/cards/<id:card_id>/<id:language>")
@settled
def store_card_text(card_id: str, language: str) -> Response:
    """Store the next version of a card, made from the one that was shown."""
    newest = view_card(current_session(), caller(), card_id, language).newest.text
    said = _said()
    try:
        text = _with_grades(load_form(CardBody(), said), newest)
        edit_card(current_session(), caller(), card_id, language, text, now=now(), require_tag=_require_shown)
    except (InvalidError, ConflictError) as refused:
        return _again(card_id, language, refused, said)
    return _done(card_id, language, "edited")


@clinic.post("/cards/<id:card_id>/<id:language>/sign")
@settled
def sign_card_text(card_id: str, language: str) -> Response:
    """Sign the version that was shown, in the caller's name."""
    try:
        sign_card(current_session(), caller(), card_id, language, now=now(), require_tag=_require_shown)
    except (InvalidError, ConflictError) as refused:
        return _again(card_id, language, refused, {})
    return _done(card_id, language, "signed")


def _require_shown(tag: str) -> None:
    if typed("tag", longest=100) != tag:
        raise ConflictError(Fault("", "the text that was shown", "another: somebody changed it meanwhile"))


def _said() -> dict[str, Any]:
    """Return the form as the API's body. Empty places are left out."""
    texts = [typed(f"statement_{n}") for n in range(MOST_STATEMENTS + _BLANK)]
    return {
        "title": typed("title"),
        "statements": [{"text": " ".join(text.split())} for text in texts if text],
        "from_day": _number(typed("from_day", longest=10)),
        "through_day": _number(typed("through_day", longest=10)),
        "is_shown": typed("is_shown") == "yes",
    }


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() else text


def _with_grades(text: CardText, newest: CardText) -> CardText:
    """Return what was typed with the grades of the statements that stay. A changed one is E: its sources said other."""
    known = {each.text: each for each in newest.statements}
    statements = tuple(known.get(each.text, Statement(each.text, Grade.E)) for each in text.statements)
    return CardText(text.title, statements, text.from_day, text.through_day, text.is_shown)


def _done(card_id: str, language: str, what: str) -> Response:
    current_session().flush()
    version = view_card(current_session(), caller(), card_id, language).newest.version
    scope().about["card"] = f"{card_id}/{language}@{version}"
    return go_to(f"/clinic/cards/{card_id}?done={what}")


def _again(card_id: str, language: str, refused: InvalidError | ConflictError, said: dict[str, Any]) -> Response:
    current_session().rollback()
    begin(reads=False)
    return _card(card_id, status=refused.status, language=language, faults=refused.faults, said=said)


def _card(
    card_id: str,
    *,
    status: int = 200,
    language: str = "",
    faults: tuple[Fault, ...] = (),
    said: dict[str, Any] | None = None,
) -> Response:
    sides = []
    for spoken in Language:
        view = view_card(current_session(), caller(), card_id, spoken)
        versions = list_versions(current_session(), caller(), card_id, spoken, after=None, limit=_KEPT)
        is_asked = spoken == language
        told = (said or {}) if is_asked else {}
        places = min(MOST_STATEMENTS, len(told.get("statements", view.newest.text.statements)) + _BLANK)
        sides.append(Side(view, list(versions), told, faults if is_asked else (), places))
    done = request.args.get("done")
    return page(
        "card.html",
        status=status,
        sides=sides,
        card=sides[0].view.card,
        unsure=_UNSURE,
        may_edit=caller().role in (StaffRole.clinician, StaffRole.practice_admin),
        zone=ZoneInfo(practice_of(current_session(), caller()).time_zone),
        may_sign=caller().role is StaffRole.clinician,
        done=done if done in ("edited", "signed") else None,
    )
