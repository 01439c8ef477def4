"""What a message says on each channel, and how long an SMS is: the parts that messages are made of."""

import doctest
from dataclasses import replace
from datetime import time

import pytest

from schedules.plan import placeholders, sms_length
from schedules.plan.emergency import emergency_number
from schedules.plan.errors import PlanError
from schedules.plan.placeholders import fill
from schedules.plan.protocol import Text
from schedules.plan.sms_length import count_segments
from schedules.plan.vocabulary import Language
from schedules.plan.wording import LONGEST_LEAD, LONGEST_SUBJECT, Said, Wording, time_words

WALK = Said(Text(en="Walk a little.", es="Camine un poco."))
MESSAGE = Wording(
    language=Language.en,
    says=(WALK,),
    practice_name="Hudson Spine Clinic",
    practice_phone="+12125550100",
    country="US",
    reference="846eb21e",
    link="https://clinic.example/m/1",
)
FASTING = Text(
    en="Be there at {arrival}. Ill? Call {phone}, or {emergency}.",
    es="Venga a {arrival}. ¿Mal? Llame al {phone} o al {emergency}.",
)


@pytest.mark.parametrize(
    ("language", "country", "arrival_at", "expected"),
    [
        (Language.en, "US", time(6, 30), "Be there at 6:30 am. Ill? Call +12125550100, or 911."),
        (Language.es, "ES", time(13, 5), "Venga a 1:05 p. m.. ¿Mal? Llame al +12125550100 o al 112."),
        (
            Language.en,
            "ZZ",
            None,
            "Be there at the time that we give you. Ill? Call +12125550100, or your local emergency number.",
        ),
        (
            Language.es,
            "ZZ",
            None,
            "Venga a la hora que le demos. ¿Mal? Llame al +12125550100 o al número de emergencias de su localidad.",
        ),
    ],
)
def test_what_a_text_leaves_open_is_filled_in_for_the_patient(
    language: Language, country: str, arrival_at: time | None, expected: str
) -> None:
    message = replace(MESSAGE, language=language, country=country, says=(Said(FASTING, arrival_at),))

    assert message.said == expected


def test_several_texts_are_a_paragraph_each_and_what_is_alike_is_said_once() -> None:
    shower = Said(Text(en="You may ask about showering.", es="Pregunte por la ducha."))

    assert replace(MESSAGE, says=(WALK, shower, WALK)).said == "Walk a little.\n\nYou may ask about showering."


def test_an_e_mail_has_the_text_the_link_and_whom_to_call() -> None:
    assert MESSAGE.subject == "A message from your care team"
    assert MESSAGE.body == (
        "Walk a little.\n\n"
        "Read it here: https://clinic.example/m/1\n"
        "The page asks for your date of birth. The link works once.\n\n"
        "Hudson Spine Clinic\n"
        "Questions? Call us: +12125550100\n\n"
        "This mailbox is not monitored; please do not reply. In an emergency call your local emergency number.\n"
    )


@pytest.mark.parametrize(
    ("message", "notice", "sms"),
    [
        (
            MESSAGE,
            "Your care team has a message for you. Please call +12125550100. Replies are not read. Ref 846eb21e",
            (
                "Your care team has a message for you. "
                "Read it: https://clinic.example/m/1 Or call +12125550100. Replies are not read."
            ),
        ),
        (
            replace(MESSAGE, is_urgent=True, language=Language.es),
            "Algo que le dijimos ha cambiado. Llame ahora al +12125550100. No se leen respuestas. Ref 846eb21e",
            (
                "Algo que le dijimos ha cambiado. Llame ahora al +12125550100. "
                "O léalo: https://clinic.example/m/1 No se leen respuestas."
            ),
        ),
        (
            replace(MESSAGE, with_details=True),
            "Walk a little. Please call +12125550100. Replies are not read. Ref 846eb21e",
            "Walk a little. Read it: https://clinic.example/m/1 Or call +12125550100. Replies are not read.",
        ),
    ],
)
def test_a_notice_and_an_sms_say_only_what_the_patient_agreed_to(message: Wording, notice: str, sms: str) -> None:
    assert (message.notice, message.sms) == (notice, sms)


def test_with_consent_a_long_text_is_cut_to_one_line() -> None:
    def subject(words: str) -> str:
        return replace(MESSAGE, with_details=True, says=(Said(Text(en=words, es=words)),)).subject

    assert subject("Walk\n  a   little.") == "Walk a little."
    assert subject("a" * LONGEST_SUBJECT) == "a" * LONGEST_SUBJECT
    assert subject("a" * (LONGEST_SUBJECT + 1)) == "a" * (LONGEST_SUBJECT - 1) + "…"
    assert subject("a" * (LONGEST_SUBJECT - 2) + " bb") == "a" * (LONGEST_SUBJECT - 2) + "…"
    long = replace(MESSAGE, with_details=True, says=(Said(Text(en="a" * 301, es="")),))
    assert long.notice.startswith("a" * (LONGEST_LEAD - 1) + "… Please call")


@pytest.mark.parametrize(
    ("at", "english", "spanish"),
    [
        (time(0, 5), "12:05 am", "12:05 a. m."),
        (time(1, 0), "1:00 am", "1:00 a. m."),
        (time(11, 59), "11:59 am", "11:59 a. m."),
        (time(12, 0), "12:00 pm", "12:00 p. m."),
        (time(13, 30), "1:30 pm", "1:30 p. m."),
    ],
)
def test_a_wall_time_is_said_by_the_half_of_the_day(at: time, english: str, spanish: str) -> None:
    assert (time_words(at, Language.en), time_words(at, Language.es)) == (english, spanish)


def test_the_emergency_number_is_that_of_the_country() -> None:
    assert (emergency_number("US"), emergency_number("GB"), emergency_number("ZZ")) == ("911", "999", None)


def test_values_are_text_and_an_unknown_name_is_refused() -> None:
    assert fill("{phone} and {phone}, {not a name}", {"phone": "{emergency}"}) == (
        "{emergency} and {emergency}, {not a name}"
    )
    with pytest.raises(PlanError, match=r"^text: expected one of phone, emergency, got 'arrival'$"):
        fill("{phone} {arrival}", {"phone": "1", "emergency": "2"})
    with pytest.raises(PlanError, match=r"^text: expected one of no placeholder, got 'phone'$"):
        fill("{phone}", {})


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        ("a" * 157 + "€€", 2),
        ("á" * 70, 1),
        ("á" * 71, 2),
        ("á" * 134, 2),
        ("á" * 135, 3),
        ("a" * 69 + "á", 1),
        ("a" * 68 + "😀", 1),
        ("a" * 69 + "😀", 2),
    ],
)
def test_an_sms_has_as_many_parts_as_the_network_makes_of_it(text: str, segments: int) -> None:
    assert count_segments(text) == segments


def test_the_examples_of_the_modules_hold() -> None:
    assert [doctest.testmod(each).failed for each in (placeholders, sms_length)] == [0, 0]
