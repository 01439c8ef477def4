"""The card that a phone keeps for emergencies: complete, in every language, and with no number in any text."""

import re
from typing import Any

from schedules.plan.emergency import EMERGENCY_NUMBERS, emergency_number
from schedules.plan.red_flag import Urgency
from schedules.plan.red_flag_questions import QUESTIONS
from schedules.plan.red_flags import RED_FLAGS
from schedules.plan.safety_card import SafetyContent, compose_safety_card
from schedules.plan.vocabulary import Language

# Apps and answers name them: a key that goes or changes its meaning breaks both.
KEYS = [
    "airway", "chest", "stroke", "cold_leg", "sedation_or_self_harm",
    "cauda_equina", "no_urine", "new_weakness", "cord", "vision", "fluid_or_meningitis", "bowel_blocked", "rigors",
    "calf", "wound_infection", "headache_upright", "sudden_pain", "fall", "pain_or_constipation", "thigh_numbness",
    "burning_urine", "swallowing",
]  # fmt: skip


def card() -> SafetyContent:
    return compose_safety_card(
        name="Hudson Spine Clinic", phone="+12125550100", country="US", time_zone="America/New_York"
    )


def texts_of(told: Any) -> list[str]:
    """Return every text of a document, whatever it hangs in."""
    if isinstance(told, str | int):
        return [str(told)]
    values = told.values() if isinstance(told, dict) else told
    return [text for each in values for text in texts_of(each)]


def test_the_keys_of_red_flags_stand() -> None:
    assert [flag["key"] for flag in card().red_flags] == KEYS
    assert [flag["order"] for flag in card().red_flags] == list(range(1, 23))


def test_the_most_urgent_stand_first() -> None:
    order = list(Urgency)
    urgencies = [order.index(Urgency(flag["urgency"])) for flag in card().red_flags]

    assert urgencies == sorted(urgencies)
    assert set(urgencies) == {0, 1, 2, 3}


def test_every_red_flag_has_a_text_a_question_and_what_to_do_in_every_language() -> None:
    for flag in card().red_flags:
        for name in ("text", "question", "what_to_do"):
            assert flag[name].keys() == set(Language), (flag["key"], name)
            assert all(flag[name].values()), (flag["key"], name)
        assert flag["question"]["en"].endswith("?")
        assert re.search(r"¿.+\?$", flag["question"]["es"]), flag["key"]
        assert flag["sources"]
    assert QUESTIONS.keys() == {flag.key for flag in RED_FLAGS}


def test_what_to_do_says_whom_to_reach_and_how_urgent_it_is() -> None:
    told = {flag["key"]: flag["what_to_do"]["en"] for flag in card().red_flags}

    assert told["chest"] == "Call {number} now."
    assert told["cauda_equina"] == "Go to an emergency department now."
    assert told["calf"] == "Call us today: {phone}."
    assert told["headache_upright"] == "Lie flat and call us today: {phone}."
    assert told["burning_urine"] == "Call us by tomorrow: {phone}. With fever: call today."


def test_texts_leave_open_the_number_and_the_clinics_phone_and_nothing_else() -> None:
    texts = [*texts_of(card().red_flags), *card().not_monitored.values(), *texts_of(card().words)]

    assert {name for text in texts for name in re.findall(r"\{(.*?)\}", text)} == {"number", "phone"}
    assert not any(re.search(r"\b(911|112|999|000)\b|[{}]", re.sub(r"\{(number|phone)\}", "", text)) for text in texts)


def test_the_card_names_the_number_of_every_country_that_is_known_and_words_for_the_others() -> None:
    numbers = card().emergency_numbers

    assert numbers == EMERGENCY_NUMBERS
    assert all(numbers[country] == emergency_number(country) for country in numbers)
    assert card().words["local_number"]["en"] == "your local emergency number"


def test_while_nobody_is_on_call_it_says_whom_to_call() -> None:
    assert "{number}" in card().not_monitored["en"]
    assert "{phone}" in card().not_monitored["es"]
