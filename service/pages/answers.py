"""Reads the answers of the page's form. Whatever is not a number in its range, yes or no is refused.

A temperature may be told in either unit: the ranges of the two have nothing in common.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from werkzeug.datastructures import MultiDict

from schedules.plan.exercises import EXERCISE_OF_KEY
from schedules.plan.red_flags import FLAG_OF_KEY
from schedules.plan.vocabulary import WoundSign
from service.care.checks import is_storable
from service.care.records import CheckInRecord, SaidFlags
from service.errors import Fault, InvalidError, describe_private

LONGEST_NOTE = 2000
_CELSIUS, _FAHRENHEIT = (30.0, 45.0), (86.0, 113.0)  # the same temperatures: which of them is meant shows by itself


def read_answers(form: MultiDict[str, str], episode_id: str, reported_at: datetime) -> CheckInRecord:
    """Return what a patient answered. Raises InvalidError."""
    pain = _whole(form, "pain", 10)
    if pain is None:
        raise InvalidError(Fault("/pain", "a whole number from 0 to 10", "nothing"))
    return CheckInRecord(
        episode_id=episode_id,
        reported_at=reported_at,
        pain=pain,
        pain_back=_whole(form, "pain_back", 10),
        pain_leg=_whole(form, "pain_leg", 10),
        pain_neck=_whole(form, "pain_neck", 10),
        pain_arm=_whole(form, "pain_arm", 10),
        walking_minutes=_whole(form, "walking_minutes", 1440),
        steps=_whole(form, "steps", 200_000),
        opioid_doses=_whole(form, "opioid_doses", 100),
        temperature_tenths_c=_temperature(form),
        wound_signs=_wound_signs(form),
        sleep=_whole(form, "sleep", 10),
        mood=_whole(form, "mood", 10),
        confidence=_whole(form, "confidence", 10),
        took_opioid={"yes": True, "no": False}.get(form.get("took_opioid", "")),
        red_flags=_red_flags(form),
        exercises=_exercises(form),
        note=_note(form),
    )


def read_said_flags(form: MultiDict[str, str], episode_id: str, reported_at: datetime) -> SaidFlags:
    """Return what of the answers asks for a person at once, whatever else is wrong with them."""
    try:
        temperature = _temperature(form)
    except InvalidError:
        temperature = None
    flags, signs = set(form.getlist("red_flag")), set(form.getlist("wound_sign"))
    return SaidFlags(
        episode_id=episode_id,
        reported_at=reported_at,
        red_flags=tuple(key for key in FLAG_OF_KEY if key in flags),
        wound_signs=tuple(sign for sign in WoundSign if sign in signs),
        temperature_tenths_c=temperature,
    )


def _temperature(form: Mapping[str, str]) -> int | None:
    """Return a temperature in tenths of a degree Celsius, as it is stored."""
    raw = form.get("temperature", "").strip().replace(",", ".")
    if not raw:
        return None
    if re.fullmatch(r"[0-9]{2,3}(\.[0-9]{1,2})?", raw):
        if _CELSIUS[0] <= float(raw) <= _CELSIUS[1]:
            return round(float(raw) * 10)
        if _FAHRENHEIT[0] <= float(raw) <= _FAHRENHEIT[1]:
            return round((float(raw) - 32) * 50 / 9)
    expected = "a temperature from 30 to 45 degrees Celsius, or from 86 to 113 degrees Fahrenheit"
    raise InvalidError(Fault("/temperature", expected, describe_private(raw)))


def _wound_signs(form: MultiDict[str, str]) -> tuple[str, ...]:
    """Return what is seen at the wound: none ticked means nothing of it."""
    said = set(form.getlist("wound_sign"))
    if not said <= set(WoundSign):
        raise InvalidError(Fault("/wound_signs", "signs at a wound", "something else"))
    return tuple(sign.value for sign in WoundSign if sign in said)


def _whole(form: Mapping[str, str], name: str, highest: int) -> int | None:
    raw = form.get(name, "").strip()
    if not raw:
        return None
    if not re.fullmatch("[0-9]{1,6}", raw) or int(raw) > highest:
        raise InvalidError(Fault(f"/{name}", f"a whole number from 0 to {highest}", describe_private(raw)))
    return int(raw)


def _red_flags(form: MultiDict[str, str]) -> tuple[str, ...]:
    """Return the red flags that were ticked: the page asks for all of them, so that none ticked means none."""
    said = set(form.getlist("red_flag"))
    if not said <= FLAG_OF_KEY.keys():
        raise InvalidError(Fault("/red_flags", "keys of red flags", "something else"))
    return tuple(key for key in FLAG_OF_KEY if key in said)


def _exercises(form: MultiDict[str, str]) -> tuple[str, ...] | None:
    """Return the exercises that were ticked; None where the page asked for none."""
    said = set(form.getlist("exercise"))
    if not said <= EXERCISE_OF_KEY.keys():
        raise InvalidError(Fault("/exercises", "keys of exercises", "something else"))
    if form.get("asks_exercises") != "yes":
        return None
    return tuple(key for key in EXERCISE_OF_KEY if key in said)


def _note(form: Mapping[str, str]) -> str | None:
    note = form.get("note", "").strip()
    if len(note) > LONGEST_NOTE or not is_storable(note):
        raise InvalidError(Fault("/note", f"a text of at most {LONGEST_NOTE} characters", describe_private(note)))
    return note or None
