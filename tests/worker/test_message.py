"""Texts: the protocol's own, in the patient's language, with nothing clinical in the subject."""

import re
from dataclasses import replace
from datetime import time, timedelta

import pytest

from schedules.delivery.message import Draft, Item, message_key, render
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library
from schedules.plan.protocol import Text
from schedules.plan.sms_length import count_segments
from schedules.plan.vocabulary import Channel, Language, ReminderCategory
from tests.clock import MONDAY_AFTERNOON
from tests.unit.protocols.own_versions import own
from tests.worker.desks import PUBLIC_URL

WALKING = Item("MD-MISS", 1, "walk30", "encourage")
DRAFT = Draft(
    practice_id="practice-1",
    delivery_id="reminder-1.1.0",
    generation=1,
    language=Language.en,
    practice_name="Hudson Spine Clinic",
    practice_phone="+12125550100",
    items=(WALKING,),
    useful_until=MONDAY_AFTERNOON + timedelta(hours=6),
    country="US",
    token="EXAMPLE_abcdefghijk-22",
)
LINK = f"{PUBLIC_URL}/m/{DRAFT.token}"
READ_IT = {Language.en: "Read it here:", Language.es: "Léalo aquí:"}


def about(item: Item, language: Language = Language.en) -> Draft:
    """Return the draft of a message about one thing."""
    return replace(DRAFT, items=(item,), language=language)


def test_an_english_message_has_the_protocols_text_and_says_whom_to_call() -> None:
    message = render(DRAFT, "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

    assert message.subject == "A message from your care team"
    assert message.body == (
        "Build up your walking: a few minutes, several times a day, a little more each day.\n\n"
        f"Read it here: {LINK}\n"
        "The page asks for your date of birth. The link works once.\n\n"
        "Hudson Spine Clinic\n"
        "Questions? Call us: +12125550100\n\n"
        "This mailbox is not monitored; please do not reply. In an emergency call your local emergency number.\n"
    )


def test_a_spanish_message_is_spanish_throughout() -> None:
    message = render(replace(DRAFT, language=Language.es), "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

    assert message.subject == "Un mensaje de su equipo de atención"
    assert message.body == (
        "Aumente sus caminatas: unos minutos, varias veces al día, un poco más cada día.\n\n"
        f"Léalo aquí: {LINK}\n"
        "La página pide su fecha de nacimiento. El enlace sirve una sola vez.\n\n"
        "Hudson Spine Clinic\n"
        "¿Preguntas? Llámenos: +12125550100\n\n"
        "Nadie lee las respuestas a este correo; por favor, no responda. "
        "En una emergencia llame al número de emergencias de su localidad.\n"
    )


# What each channel shows before it is opened: subject, lock screen and SMS, without and with consent to details.
GENERIC = {
    (Language.en, "encourage"): (
        "A message from your care team",
        "Your care team has a message for you. Please call +12125550100. Replies are not read. Ref 846eb21e",
        f"Your care team has a message for you. Read it: {LINK} Or call +12125550100. Replies are not read.",
    ),
    (Language.es, "encourage"): (
        "Un mensaje de su equipo de atención",
        "Su equipo médico tiene un mensaje para usted. Llame al +12125550100. No se leen respuestas. Ref 846eb21e",
        f"Su equipo médico tiene un mensaje para usted. Léalo: {LINK} O llame al +12125550100. No se leen respuestas.",
    ),
    (Language.en, "surgery_moved"): (
        "A message from your care team",
        "Something that we told you has changed. Please call us now: +12125550100. Replies are not read. Ref 846eb21e",
        f"Something that we told you has changed. Call us now: +12125550100. Or read: {LINK} Replies are not read.",
    ),
    (Language.es, "surgery_moved"): (
        "Un mensaje de su equipo de atención",
        "Algo que le dijimos ha cambiado. Llame ahora al +12125550100. No se leen respuestas. Ref 846eb21e",
        f"Algo que le dijimos ha cambiado. Llame ahora al +12125550100. O léalo: {LINK} No se leen respuestas.",
    ),
}
WALK = "Build up your walking: a few minutes, several times a day, a little more each day."
CAMINE = "Aumente sus caminatas: unos minutos, varias veces al día, un poco más cada día."
DETAILED = {
    (Language.en, "encourage"): (
        WALK,
        f"{WALK} Please call +12125550100. Replies are not read. Ref 846eb21e",
        f"{WALK} Read it: {LINK} Or call +12125550100. Replies are not read.",
    ),
    (Language.es, "encourage"): (
        CAMINE,
        f"{CAMINE} Llame al +12125550100. No se leen respuestas. Ref 846eb21e",
        f"{CAMINE} Léalo: {LINK} O llame al +12125550100. No se leen respuestas.",
    ),
}


def shown_by(draft: Draft) -> tuple[str, str, str]:
    """Return what shows before a message is opened: subject, lock screen, SMS."""
    by_channel = {
        channel: render(replace(draft, channel=channel), "somewhere", MONDAY_AFTERNOON, PUBLIC_URL)
        for channel in (Channel.email, Channel.push, Channel.sms)
    }
    return by_channel[Channel.email].subject, by_channel[Channel.push].notice, by_channel[Channel.sms].notice


@pytest.mark.parametrize(("language", "key"), GENERIC)
def test_without_consent_nothing_shows_but_that_something_waits(language: Language, key: str) -> None:
    draft = about(replace(WALKING, reminder_key=key), language)

    assert shown_by(draft) == GENERIC[language, key]


@pytest.mark.parametrize(("language", "key"), DETAILED)
def test_with_consent_the_protocols_own_text_shows(language: Language, key: str) -> None:
    draft = replace(about(replace(WALKING, reminder_key=key), language), with_details=True)

    assert shown_by(draft) == DETAILED[language, key]
    assert (
        render(draft, "x", MONDAY_AFTERNOON, PUBLIC_URL).body
        == render(replace(draft, with_details=False), "x", MONDAY_AFTERNOON, PUBLIC_URL).body
    )


def test_no_reminder_of_any_protocol_shows_more_without_consent() -> None:
    shown = {
        shown_by(about(Item(each.id, 1, of.kind, of.key), language))
        for each in load_library().protocols
        for of in each.reminders.templates
        for language in Language
    }

    assert shown == {GENERIC[language, "encourage"] for language in Language}


@pytest.mark.parametrize(("language", "key"), GENERIC)
def test_a_generic_sms_is_one_segment(language: Language, key: str) -> None:
    _, _, sms = shown_by(about(replace(WALKING, reminder_key=key), language))

    assert count_segments(sms) == 1


def test_a_long_text_is_cut_where_little_room_is_and_stays_one_line() -> None:
    long = Text(en="Walk\nand " + "walk " * 100, es="Camine")
    also = replace(about(replace(WALKING, also=(long,), is_correction=True)), with_details=True)

    subject, notice, _ = shown_by(also)

    assert subject.startswith("Your dates have changed. This message replaces an earlier one. Build up your walking")
    assert (len(subject), subject[-1]) == (120, "…")
    assert "\n" not in subject + notice
    assert len(notice) < 400


@pytest.mark.parametrize(
    ("text", "segments"),
    [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("á" * 70, 1), ("á" * 71, 2), ("a" * 307, 3)],
)
def test_segments_are_counted_by_the_alphabet_of_sms(text: str, segments: int) -> None:
    assert count_segments(text) == segments


def test_every_reminder_of_every_protocol_can_be_rendered() -> None:
    for protocol in load_library().protocols:
        for template in protocol.reminders.templates:
            for language in Language:
                draft = about(Item(protocol.id, protocol.version, template.kind, template.key), language)

                message = render(draft, "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

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
    message = render(replace(DRAFT, practice_name="{phone} & {0}"), "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

    assert "{phone} & {0}\n" in message.body


def test_the_key_is_the_same_for_every_repeat_and_differs_for_everything_else() -> None:
    again = render(DRAFT, "new.address@example.org", MONDAY_AFTERNOON, PUBLIC_URL).key

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
        render(about(replace(WALKING, reminder_key="shout")), "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)


@pytest.mark.parametrize(
    ("language", "opening"),
    [
        (Language.en, "Your dates have changed. This message replaces an earlier one.\n\nBuild up your walking:"),
        (Language.es, "Sus fechas han cambiado. Este mensaje reemplaza uno anterior.\n\nAumente sus caminatas:"),
    ],
)
def test_a_correction_says_first_that_it_replaces_an_earlier_message(language: Language, opening: str) -> None:
    draft = replace(about(replace(WALKING, is_correction=True), language), generation=2)

    message = render(draft, "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

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
    draft = about(replace(WALKING, milestone_kind="fasting", reminder_key=key), language)

    message = render(draft, "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

    assert message.body.startswith(f"{sentence}\n\n{READ_IT[language]} {LINK}\n")
    assert message.subject in ("A message from your care team", "Un mensaje de su equipo de atención")


OURS = (
    "[imaging]",
    """
[texts.reminders.walk30.encourage]
en = "Call {phone}, or {emergency}."
es = "Llame al {phone} o al {emergency}."

[texts.reminders.fasting.evening]
en = "Come at {arrival}."
es = "Venga a las {arrival}."

[imaging]""",
)


@pytest.mark.parametrize(
    ("language", "country", "said"),
    [
        (Language.en, "US", "Call +12125550100, or 911."),
        (Language.es, "ES", "Llame al +12125550100 o al 112."),
        (Language.en, "ZZ", "Call +12125550100, or your local emergency number."),
        (Language.es, "ZZ", "Llame al +12125550100 o al número de emergencias de su localidad."),
    ],
)
def test_placeholders_are_filled_in_when_a_message_is_sent(language: Language, country: str, said: str) -> None:
    draft = replace(about(replace(WALKING, own=own("MD-MISS", OURS)), language), country=country)

    assert render(draft, "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL).body.startswith(said + "\n\n")


@pytest.mark.parametrize(
    ("language", "arrival_at", "said"),
    [
        (Language.en, time(6, 30), "Come at 6:30 am."),
        (Language.es, time(13, 5), "Venga a las 1:05 p. m.."),
        (Language.en, time(0, 0), "Come at 12:00 am."),
        (Language.en, None, "Come at the time that we give you."),
    ],
)
def test_the_arrival_time_is_said_as_people_say_it(language: Language, arrival_at: time | None, said: str) -> None:
    item = Item("MD-MISS", 1, "fasting", "evening", own=own("MD-MISS", OURS), arrival_at=arrival_at)

    message = render(about(item, language), "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

    assert message.body.startswith(said + "\n\n")


@pytest.mark.parametrize("value", ["{emergency}", "{0}", "{phone.__class__}", "{{7*7}}", "{"])
def test_braces_in_a_value_are_never_expanded(value: str) -> None:
    ours = about(replace(WALKING, own=own("MD-MISS", OURS)))
    draft = replace(ours, practice_phone=value, practice_name=value)

    message = render(draft, "alex@example.org", MONDAY_AFTERNOON, PUBLIC_URL)

    assert message.body.startswith(f"Call {value}, or 911.\n\n")
    assert f"{value}\nQuestions? Call us: {value}\n" in message.body
    assert f"Please call {value}." in message.notice
