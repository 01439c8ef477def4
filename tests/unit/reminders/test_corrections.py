"""When earlier advice is wrong, and what the patient is told of it at once."""

from datetime import date, timedelta

import pytest

from schedules.plan.corrections import ADVICE_KINDS, URGENT_KEYS, URGENT_TEXTS, USEFUL, UrgentCorrection, correction_for
from schedules.plan.vocabulary import SurgeryStatus

TENTH, NINTH = date(2026, 3, 10), date(2026, 3, 9)
PLANNED, PERFORMED, CANCELLED = SurgeryStatus.planned, SurgeryStatus.performed, SurgeryStatus.cancelled


@pytest.mark.parametrize(
    ("was", "becomes", "was_on", "becomes_on", "expected"),
    [
        (PLANNED, PLANNED, TENTH, NINTH, "surgery_moved"),
        (PLANNED, PLANNED, NINTH, TENTH, "surgery_moved"),
        (PLANNED, PLANNED, TENTH, None, "surgery_moved"),
        (PLANNED, CANCELLED, TENTH, TENTH, "surgery_called_off"),
        (PLANNED, CANCELLED, TENTH, NINTH, "surgery_called_off"),
        (PLANNED, PLANNED, TENTH, TENTH, None),
        (PLANNED, PLANNED, None, TENTH, None),
        (PLANNED, CANCELLED, None, None, None),
        (PLANNED, PERFORMED, TENTH, NINTH, None),
        (PERFORMED, PERFORMED, TENTH, NINTH, None),
        (CANCELLED, CANCELLED, TENTH, NINTH, None),
    ],
)
def test_a_planned_day_that_changes_makes_advice_wrong(
    was: SurgeryStatus, becomes: SurgeryStatus, was_on: date | None, becomes_on: date | None, expected: str | None
) -> None:
    assert correction_for(was_on=was_on, becomes_on=becomes_on, was=was, becomes=becomes) == expected


def test_every_urgent_correction_says_to_ask_now_in_both_languages() -> None:
    assert {"surgery_moved", "surgery_called_off"} == URGENT_KEYS == set(URGENT_TEXTS)
    moved, called_off = (URGENT_TEXTS[key] for key in UrgentCorrection)

    assert moved.en == "Your surgery has moved. Ask us now about eating and about paused medicines."
    assert called_off.en == "Your surgery has been called off. Ask us now about eating and about paused medicines."
    assert moved.es == "Su cirugía cambió de fecha. Pregúntenos ahora sobre la comida y los medicamentos suspendidos."
    assert called_off.es == "Su cirugía se canceló. Pregúntenos ahora sobre la comida y los medicamentos suspendidos."


def test_it_hangs_on_fasting_first_and_is_useful_for_a_week() -> None:
    assert ADVICE_KINDS == ("fasting", "medicines_pause", "medicines_restart", "skin_wash")
    assert timedelta(days=7) == USEFUL
