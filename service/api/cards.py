"""Cards about daily life after surgery: read, edited and signed by the clinic, and those that a patient reads today."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from schedules.plan.cards import EARLIEST_DAY, LATEST_DAY, CardText, Statement
from schedules.plan.vocabulary import ApproachClass, Grade, Language, Procedure, ProtocolStatus
from service.api import examples_cards as examples
from service.api.etags import require_tag
from service.api.fields import CivilDate, Flag, Instant, Text, Whole, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, scope, show
from service.care.cards import CardView, VersionView, edit_card, list_cards, list_versions, sign_card, view_card
from service.care.cards_today import cards_today
from service.db import current_session

cards = Resource(
    "cards", "Short texts about daily life after surgery. What ships is a draft that a clinic edits and signs."
)
MOST_STATEMENTS = 12
_CARD = "/cards/<id:card_id>/<id:language>"


def _day(what: str) -> Whole:
    return Whole(
        EARLIEST_DAY, LATEST_DAY, f"the {what} day on which it is shown; 0 is the day of surgery", required=True
    )


class StatementBody(Schema):
    """One statement. A grade better than E names its sources; without a grade it is E."""

    text = Text(600, "a statement", required=True)
    grade = Word(Grade, load_default=Grade.E)
    sources = fields.List(
        fields.String(validate=validate.Length(1, 20)),
        validate=validate.Length(max=20),
        load_default=list,
        metadata={"expected": "ids of the bibliography", "description": "Ids of the bibliography."},
    )

    @post_load
    def _to_statement(self, told: dict[str, Any], **_: object) -> Statement:
        return Statement(told["text"].strip(), told["grade"], tuple(dict.fromkeys(told["sources"])))


class CardBody(Schema):
    """What a card says in one language. Not `is_shown`: once signed, patients no longer see the card."""

    title = Text(120, "a title", required=True)
    statements = fields.List(
        fields.Nested(StatementBody),
        required=True,
        validate=validate.Length(1, MOST_STATEMENTS),
        metadata={"expected": f"a list of 1 to {MOST_STATEMENTS} statements"},
    )
    from_day = _day("first")
    through_day = _day("last")
    is_shown = Flag(load_default=True)

    @post_load
    def _to_text(self, told: dict[str, Any], **_: object) -> CardText:
        return CardText(**told | {"title": told["title"].strip(), "statements": tuple(told["statements"])})


class StatementView(Schema):
    """One statement with its grade and sources. E: no direct source."""

    text = fields.String(required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.String(), required=True)


class CardVersionView(Schema):
    """One version of a card. Version 0 is what ships. `status`: draft until a clinician of the clinic signs it."""

    version = fields.Integer(required=True)
    status = Word(ProtocolStatus, required=True)
    title = fields.String(attribute="text.title", required=True)
    statements = fields.List(fields.Nested(StatementView), attribute="text.statements", required=True)
    from_day = fields.Integer(attribute="text.from_day", required=True)
    through_day = fields.Integer(attribute="text.through_day", required=True)
    is_shown = fields.Boolean(attribute="text.is_shown", required=True)
    edited_by = fields.String(allow_none=True, required=True, metadata={"description": "The name of who edited it."})
    edited_at = Instant(allow_none=True, required=True)
    signed_by = fields.String(
        attribute="signature.signed_by",
        allow_none=True,
        required=True,
        dump_default=None,
        metadata={"description": "The clinician's name."},
    )
    signed_on = CivilDate(
        "the clinic's day of the signature",
        attribute="signature.signed_on",
        allow_none=True,
        required=True,
        dump_default=None,
    )


class ContentCardView(Schema):
    """A card in one language: its newest version, and the one that patients see now. Empty lists: of everybody."""

    id = fields.String(attribute="card.id", required=True)
    language = Word(Language, required=True)
    procedures = fields.List(Word(Procedure), required=True)
    approach_classes = fields.List(Word(ApproachClass), required=True)
    newest = fields.Nested(CardVersionView, required=True)
    in_use = fields.Nested(CardVersionView, required=True)


class SignCardBody(Schema):
    """Nothing: an empty object. `If-Match` says what is signed."""


class PatientCardView(Schema):
    """A card as a patient reads it. No clinician of the clinic signed a `draft`: show that, and the grades."""

    id = fields.String(required=True)
    version = fields.Integer(required=True)
    status = Word(ProtocolStatus, required=True)
    signed_by = fields.String(allow_none=True, required=True)
    signed_on = CivilDate(allow_none=True, required=True)
    title = fields.String(required=True)
    statements = fields.List(fields.Nested(StatementView), required=True)


class PatientCardsView(Schema):
    """The cards that apply on the clinic's present day, in the patient's language."""

    on = CivilDate(required=True)
    language = Word(Language, required=True)
    items = fields.List(fields.Nested(PatientCardView), required=True)


ContentCardPage = listing(ContentCardView, "ContentCardPage")
CardVersionPage = listing(CardVersionView, "CardVersionPage")


@cards.get("/cards")
@cards.response(200, ContentCardPage, example=examples.CARDS)
def list_all_cards() -> Any:
    """List every card in every language. They are few: there is one page."""
    return {"items": [_told(view) for view in list_cards(current_session(), caller())], "next": None}


@cards.get(_CARD)
@cards.tagged(200)
@cards.response(200, ContentCardView, example=examples.CARD)
def get_card(card_id: str, language: str) -> Any:
    """Return a card in one language."""
    return _answer(card_id, language)


@cards.put(_CARD)
@cards.tagged(200, needs_match=True)
@cards.arguments(CardBody, example=examples.EDIT)
@cards.response(200, ContentCardView, example=examples.CARD)
def store_card(body: CardText, card_id: str, language: str) -> Any:
    """Store the next version of a card: a draft. The same text again makes none.

    A card that speaks of what plans limit has no figure and gives no leave: it refers to the plan.
    """
    edit_card(current_session(), caller(), card_id, language, body, now=now(), require_tag=require_tag)
    return _answer(card_id, language)


@cards.post(f"{_CARD}/sign")
@cards.tagged(200, needs_match=True)
@cards.arguments(SignCardBody)
@cards.response(200, ContentCardView, example=examples.CARD)
def sign_a_card(_body: dict[str, Any], card_id: str, language: str) -> Any:
    """Sign exactly this text in your name, a clinician's: patients see it from now on."""
    sign_card(current_session(), caller(), card_id, language, now=now(), require_tag=require_tag)
    return _answer(card_id, language)


@cards.get(f"{_CARD}/versions")
@cards.arguments(PageQuery, location="query")
@cards.response(200, CardVersionPage, example=examples.VERSIONS)
def list_card_versions(query: dict[str, Any], card_id: str, language: str) -> Any:
    """List the versions that the clinic made of a card, the latest first."""
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_versions(current_session(), caller(), card_id, language, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.row_id)


@cards.get("/me/cards")
@cards.tagged(200)
@cards.response(200, PatientCardsView, example=examples.TODAY)
def list_own_cards() -> Any:
    """Return the cards that the calling patient, or for whom a proxy calls, reads today."""
    today = cards_today(current_session(), caller(), caller().patient_id or "", now())
    show(today.patient.id)
    items = [_shown(each.card_id, each.shown) for each in today.cards]
    answer = {"on": today.on, "language": today.patient.language, "items": items}
    return answer, 200, {"ETag": f'"{today.tag}"'}


def _answer(card_id: str, language: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    current_session().flush()
    view = view_card(current_session(), caller(), card_id, language)
    scope().about["card"] = f"{view.card.id}/{view.language}@{view.newest.version}"
    return _told(view), 200, {"ETag": f'"{view.newest.tag}"'}


def _told(view: CardView) -> dict[str, Any]:
    return {
        "card": view.card,
        "language": view.language,
        "procedures": sorted(view.card.procedures),
        "approach_classes": sorted(view.card.classes),
        "newest": view.newest,
        "in_use": view.in_use,
    }


def _shown(card_id: str, shown: VersionView) -> dict[str, Any]:
    signature = shown.signature
    return {
        "id": card_id,
        "version": shown.version,
        "status": shown.status,
        "signed_by": None if signature is None else signature.signed_by,
        "signed_on": None if signature is None else signature.signed_on,
        "title": shown.text.title,
        "statements": shown.text.statements,
    }
