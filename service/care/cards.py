"""Use cases: a clinic edits the cards about daily life, a version an edit and a language, and a clinician signs them.

Patients see the newest signed version, else what ships, marked as a draft: a clinic's own draft is for staff alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from models import CardVersion, Practice, Staff
from schedules.plan.cards import EARLIEST_DAY, LATEST_DAY, Card, CardText, faults_of_card, read_card_text
from schedules.plan.library import load_library
from schedules.plan.vocabulary import Grade, Language, ProtocolStatus
from service.care.enrol import clinic_today
from service.care.protocol_states import Signature
from service.care.reach import practice_of
from service.errors import Fault, InvalidError, NotFoundError
from service.identity.principal import Principal

RequireTag = Callable[[str], None]
SHIPPED: Final = 0  # the number of the version that ships


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of a card in one language. Version 0 is what ships: nobody edited it."""

    version: int
    text: CardText
    edited_by: str | None
    edited_at: datetime | None
    signature: Signature | None
    row_id: str = ""

    @property
    def status(self) -> ProtocolStatus:
        """Return whether a named clinician of the practice has signed this text."""
        return ProtocolStatus.draft if self.signature is None else ProtocolStatus.signed

    @property
    def tag(self) -> str:
        """Return what the card's ETag holds: the newest text, and whether it is signed."""
        return f"{self.version}.{self.text.digest()[:32]}.{self.status}"


@dataclass(frozen=True, slots=True)
class CardView:
    """A card in one language: its `newest` version, and the one `in_use`, which patients see."""

    card: Card
    language: Language
    newest: VersionView
    in_use: VersionView


def list_cards(session: Session, caller: Principal) -> tuple[CardView, ...]:
    """Return every card in every language, in the order in which they ship."""
    practice = practice_of(session, caller)
    newest, signed = _newest_of(session, practice), _newest_of(session, practice, signed_only=True)
    return tuple(
        _view(card, language, newest.get((card.id, language)), signed.get((card.id, language)))
        for card in load_library().cards
        for language in Language
    )


def view_card(session: Session, caller: Principal, card_id: str, language: str) -> CardView:
    """Return a card in one language. Raises NotFoundError."""
    for view in list_cards(session, caller):
        if (view.card.id, view.language) == (card_id, language):
            return view
    raise NotFoundError


def edit_card(
    session: Session,
    caller: Principal,
    card_id: str,
    language: str,
    text: CardText,
    *,
    now: datetime,
    require_tag: RequireTag,
) -> None:
    """Store the next version of a card, unless the newest says the same: a draft, until a clinician signs it.

    Raises NotFoundError, InvalidError for what no card may say, and what `require_tag` raises.
    """
    view = view_card(session, caller, card_id, language)
    if view.newest.text == text:
        return
    require_tag(view.newest.tag)
    _refuse_faults(text, view.language)
    session.add(_row(caller, view, text, now))


def sign_card(
    session: Session, caller: Principal, card_id: str, language: str, *, now: datetime, require_tag: RequireTag
) -> None:
    """Sign the newest version in the caller's name, which shows it to patients. Signing again changes nothing.

    What ships becomes the clinic's own first version by it: the signature is under exactly what was read. Raises
    NotFoundError, InvalidError for what no card may say any more, and what `require_tag` raises.
    """
    view = view_card(session, caller, card_id, language)
    if view.newest.signature is not None:
        return
    require_tag(view.newest.tag)
    _refuse_faults(view.newest.text, view.language)
    if view.newest.version == SHIPPED:
        row = _row(caller, view, view.newest.text, now)
        session.add(row)
    else:
        key = (caller.practice_id, view.newest.row_id)
        row = session.get_one(CardVersion, key, with_for_update=True, populate_existing=True)
    if row.signed_at is None:
        row.signed_by, row.signed_at = caller.actor_id, now


def list_versions(
    session: Session, caller: Principal, card_id: str, language: str, *, after: str | None, limit: int
) -> Sequence[VersionView]:
    """Return up to `limit` versions that the clinic made, the latest first, from the one after the id `after` on."""
    card = view_card(session, caller, card_id, language)
    place = {"practice_id": caller.practice_id, "card_id": card.card.id, "language": card.language}
    query = select(CardVersion).filter_by(**place)
    if after is not None:
        last = session.scalar(select(CardVersion.version).filter_by(practice_id=caller.practice_id, id=after))
        query = query.where(CardVersion.version < last) if last is not None else query
    rows = session.scalars(query.order_by(CardVersion.version.desc()).limit(limit)).all()
    return _views(session, practice_of(session, caller), rows)


def texts_in_use(session: Session, practice: Practice, language: Language) -> list[tuple[Card, VersionView]]:
    """Return what patients who read `language` see of every card, in the order in which they ship."""
    signed = _newest_of(session, practice, signed_only=True)
    return [(card, signed.get((card.id, language)) or _shipped(card, language)) for card in load_library().cards]


def _newest_of(
    session: Session, practice: Practice, *, signed_only: bool = False
) -> dict[tuple[str, Language], VersionView]:
    place = (CardVersion.card_id, CardVersion.language)
    of_practice = [CardVersion.practice_id == practice.id, *([CardVersion.signed_at.is_not(None)] * signed_only)]
    last = select(*place, func.max(CardVersion.version)).where(*of_practice).group_by(*place)
    query = select(CardVersion).where(*of_practice, tuple_(*place, CardVersion.version).in_(last))
    rows = session.scalars(query).all()
    views = _views(session, practice, rows)
    return {(row.card_id, row.language): view for row, view in zip(rows, views, strict=True)}


def _views(session: Session, practice: Practice, rows: Sequence[CardVersion]) -> list[VersionView]:
    known = {member for row in rows for member in (row.created_by, row.signed_by) if member is not None}
    query = select(Staff.id, Staff.display_name).where(Staff.practice_id == practice.id, Staff.id.in_(sorted(known)))
    names = {row.id: row.display_name for row in session.execute(query)} if known else {}
    return [_read(row, names, practice) for row in rows]


def _read(row: CardVersion, names: dict[str, str], practice: Practice) -> VersionView:
    signature = None
    if row.signed_by is not None and row.signed_at is not None:
        signature = Signature(names[row.signed_by], clinic_today(practice, row.signed_at))
    text = read_card_text(row.text)
    return VersionView(row.version, text, names[row.created_by], row.created_at, signature, row.id)


def _shipped(card: Card, language: Language) -> VersionView:
    return VersionView(SHIPPED, card.texts[language], None, None, None)


def _view(card: Card, language: Language, newest: VersionView | None, signed: VersionView | None) -> CardView:
    shipped = _shipped(card, language)
    return CardView(card, language, newest or shipped, signed or shipped)


def _row(caller: Principal, view: CardView, text: CardText, now: datetime) -> CardVersion:
    version = view.newest.version + 1
    row = CardVersion(practice_id=caller.practice_id, id=f"{view.card.id}:{view.language}:{version}")
    row.card_id, row.language, row.version = view.card.id, view.language, version
    row.text, row.digest = text.as_data(), text.digest()
    row.created_by, row.created_at = caller.actor_id, now
    return row


def _refuse_faults(text: CardText, language: Language) -> None:
    faults = [Fault(each.where, each.expected, each.got) for each in faults_of_card(text, language)]
    if not EARLIEST_DAY <= text.from_day <= text.through_day <= LATEST_DAY:
        expected = f"days in order from {EARLIEST_DAY} to {LATEST_DAY}"
        faults.append(Fault("/from_day", expected, f"{text.from_day}, {text.through_day}"))
    known: Any = load_library().sources
    for n, each in enumerate(text.statements):
        if not set(each.sources) <= known.keys():
            faults.append(Fault(f"/statements/{n}/sources", "ids of the bibliography", "another"))
        elif each.grade is not Grade.E and not each.sources:
            faults.append(Fault(f"/statements/{n}/sources", f"a source for grade {each.grade}", "none"))
    if faults:
        raise InvalidError(*faults)
