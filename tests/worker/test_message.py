"""Texts: the protocol's own, in the patient's language, with nothing clinical in the subject."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from schedules.delivery.message import Draft, Item, message_key, render
from schedules.plan.corrections import URGENT_TEXTS
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library
from schedules.plan.vocabulary import Language, ReminderCategory
from tests.clock import MONDAY_AFTERNOON

WALK = Item("MD-MISS", 1, "walk30", "encourage")
DRAFT = Draft(
    practice_id="practice-1",
    delivery_id="reminder-1.1.0",
    generation=1,
    language=Language.en,
    practice_name="Hudson Spine Clinic",
    practice_phone="+12125550100",
    items=(WALK,),
    useful_until=MONDAY_AFTERNOON + timedelta(hours=6),
)


def about(item: Item, language: Language = Language.en) -> Draft:
    """Return the draft of a message about one thing."""
    return replace(DRAFT, items=(item,), language=language)


def test_an_english_message_has_the_protocols_text_and_says_whom_to_call() -> None:
    message = render(DRAFT, "alex@example.org", MONDAY_AFTERNOON)

    assert message.subject == "A message from your care team"
    assert message.body == (
        "Build up your walking: a few minutes, several times a day, a little more each day.\n\n"
        "Hudson Spine Clinic\n"
        "Questions? Call us: +12125550100\n\n"
        "This mailbox is not monitored; please do not reply. In an emergency call your local emergency number.\n"
    )


def test_a_spanish_message_is_spanish_throughout() -> None:
    message = render(replace(DRAFT, language=Language.es), "alex@example.org", MONDAY_AFTERNOON)

    assert message.subject == "Un mensaje de su equipo de atención"
    assert message.body == (
        "Aumente sus caminatas: unos minutos, varias veces al día, un poco más cada día.\n\n"
        "Hudson Spine Clinic\n"
        "¿Preguntas? Llámenos: +12125550100\n\n"
        "Nadie lee las respuestas a este correo; por favor, no responda. "
        "En una emergencia llame al número de emergencias de su localidad.\n"
    )


@pytest.mark.parametrize(
    ("language", "key", "opening"),
    [
        (Language.en, "encourage", "Your care team has a message for you. Please call +12125550100."),
        (Language.es, "encourage", "Su equipo de atención tiene un mensaje para usted. Llame al +12125550100."),
        (Language.en, next(iter(URGENT_TEXTS)), "Something that we told you has changed. Please call us now: +1212"),
        (Language.es, next(iter(URGENT_TEXTS)), "Algo que le dijimos ha cambiado. Llámenos ahora: +12125550100."),
    ],
)
def test_a_notice_says_only_that_something_waits(language: Language, key: str, opening: str) -> None:
    message = render(about(replace(WALK, reminder_key=key), language), "+12125550123", MONDAY_AFTERNOON)

    assert message.notice.startswith(opening)
    assert message.notice.endswith(f"Ref {message.key[:8]}")
    assert "Spine" not in message.notice
    assert len(message.notice) <= 160  # one SMS; these letters are all in its alphabet
    assert message.useful_until == DRAFT.useful_until


def test_every_reminder_of_every_protocol_can_be_rendered() -> None:
    for protocol in load_library().protocols:
        for template in protocol.reminders.templates:
            for language in Language:
                draft = about(Item(protocol.id, protocol.version, template.kind, template.key), language)

                message = render(draft, "alex@example.org", MONDAY_AFTERNOON)

                assert message.body.startswith(template.text.in_language(language))
                assert message.subject in ("A message from your care team", "Un mensaje de su equipo de atención")


def test_no_text_about_a_lifted_restriction_says_you_may() -> None:
    templates = [each for protocol in load_library().protocols for each in protocol.reminders.templates]
    clearances = {each.text for each in templates if each.category is ReminderCategory.clearance}

    assert clearances
    for text in clearances:
        for sentence in re.split(r"[.:] ?", f"{text.en}. {text.es}"):
            if re.search(r"\b(you (may|can)|puede)\b", sentence):
                assert re.match(r"Ask |Pregunte ", sentence), sentence


def test_braces_in_a_clinics_name_are_only_a_name() -> None:
    message = render(replace(DRAFT, practice_name="{phone} & {0}"), "alex@example.org", MONDAY_AFTERNOON)

    assert "{phone} & {0}\n" in message.body


def test_the_key_is_the_same_for_every_repeat_and_differs_for_everything_else() -> None:
    again = render(DRAFT, "new.address@example.org", MONDAY_AFTERNOON).key

    others = [
        message_key(replace(DRAFT, practice_id="practice-2")),
        message_key(replace(DRAFT, delivery_id="reminder-2.1.0")),
        message_key(replace(DRAFT, generation=2)),
    ]
    assert again == message_key(DRAFT)
    assert len({again, *others}) == 4
    assert re.fullmatch(r"[0-9a-f]{32}", again)


def test_a_reminder_that_the_protocol_does_not_have_is_refused() -> None:
    with pytest.raises(PlanError, match="reminder: expected a reminder of 'walk30', got 'shout'"):
        render(about(replace(WALK, reminder_key="shout")), "alex@example.org", MONDAY_AFTERNOON)


@pytest.mark.parametrize(
    ("language", "opening"),
    [
        (Language.en, "Your dates have changed. This message replaces an earlier one.\n\nBuild up your walking:"),
        (Language.es, "Sus fechas han cambiado. Este mensaje reemplaza uno anterior.\n\nAumente sus caminatas:"),
    ],
)
def test_a_correction_says_first_that_it_replaces_an_earlier_message(language: Language, opening: str) -> None:
    draft = replace(about(replace(WALK, is_correction=True), language), generation=2)

    message = render(draft, "alex@example.org", MONDAY_AFTERNOON)

    assert message.body.startswith(opening)


@pytest.mark.parametrize(
    ("key", "language", "sentence"),
    [
        ("surgery_moved", Language.en, "Your surgery has moved. Ask us now about eating and about paused medicines."),
        (
            "surgery_moved",
            Language.es,
            "Su cirugía cambió de fecha. Pregúntenos ahora sobre la comida y los medicamentos suspendidos.",
        ),
        (
            "surgery_called_off",
            Language.en,
            "Your surgery has been called off. Ask us now about eating and about paused medicines.",
        ),
        (
            "surgery_called_off",
            Language.es,
            "Su cirugía se canceló. Pregúntenos ahora sobre la comida y los medicamentos suspendidos.",
        ),
    ],
)
def test_an_urgent_correction_has_its_own_text_and_nothing_of_it_in_the_subject(
    key: str, language: Language, sentence: str
) -> None:
    draft = about(replace(WALK, milestone_kind="fasting", reminder_key=key), language)

    message = render(draft, "alex@example.org", MONDAY_AFTERNOON)

    assert message.body.startswith(sentence + "\n\nHudson Spine Clinic\n")
    assert message.subject in ("A message from your care team", "Un mensaje de su equipo de atención")
