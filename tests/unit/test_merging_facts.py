"""Whose value of a fact stands once two records are one: the rules, fact by fact."""

from dataclasses import fields
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from schedules.plan.vocabulary import Channel, Language, OpioidUse, ReminderCategory, Units
from service.care.merging_checks import find_same_surgeries
from service.care.merging_facts import FIELDS, NOT_CHOSEN, Fact, Side, find_differences, free_labels, join_facts
from service.care.records import PatientRecord

EARLY, LATE = datetime(2026, 2, 1, 8, 0, tzinfo=UTC), datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def _record(**changes: Any) -> PatientRecord:
    told: dict[str, Any] = {
        "mrn": "SP1", "given_name": "Alex", "family_name": "Sample", "date_of_birth": date(1980, 5, 17),
        "language": Language.en, "country": "US", "time_zone": "America/New_York", "units": Units.imperial,
    }  # fmt: skip
    return PatientRecord(**told | changes)


def test_every_fact_of_a_patient_is_chosen_or_follows_from_both() -> None:
    chosen = [name for names in FIELDS.values() for name in names]

    assert sorted([*chosen, *NOT_CHOSEN]) == sorted(each.name for each in fields(PatientRecord))
    assert set(FIELDS) == set(Fact)


def test_records_that_say_the_same_leave_nothing_to_choose() -> None:
    assert find_differences(_record(), _record(), {Fact.mrn: Side.absorbed}) == ()
    assert join_facts(_record(), _record(), {}) == _record()


@pytest.mark.parametrize(
    ("name", "own", "other", "stands"),
    [
        ("email", None, "a@example.org", Side.survivor),
        ("phone", "+12125550101", "+12125550102", Side.survivor),
        ("channels", (), (Channel.sms,), Side.survivor),
        ("takes_blood_thinner", None, False, Side.absorbed),
        ("takes_blood_thinner", False, True, Side.absorbed),
        ("takes_blood_thinner", True, False, Side.survivor),
        ("low_bone_density", False, None, Side.survivor),
        ("opioid_use", OpioidUse.unknown, OpioidUse.daily_long_term, Side.absorbed),
        ("opioid_use", OpioidUse.none_taken, OpioidUse.daily_long_term, Side.survivor),
        ("wants_contact_sport", False, True, Side.survivor),
    ],
)
def test_where_nobody_chooses_contacts_stay_and_of_clinical_facts_nothing_known_is_lost(
    name: str, own: object, other: object, stands: Side
) -> None:
    survivor, absorbed = _record(**{name: own}), _record(**{name: other})

    (difference,) = find_differences(survivor, absorbed, {})

    assert (difference.fact, difference.stands) == (name, stands)
    assert getattr(join_facts(survivor, absorbed, {}), name) == (own if stands is Side.survivor else other)


def test_what_somebody_chooses_stands_as_a_whole() -> None:
    survivor = _record(quiet_from=time(22), quiet_until=time(7))
    absorbed = _record(given_name="Sasha", family_name="Else")

    joined = join_facts(survivor, absorbed, {Fact.quiet_hours: Side.absorbed, Fact.name: Side.absorbed})

    assert (joined.quiet_from, joined.quiet_until) == (None, None)
    assert (joined.given_name, joined.family_name) == ("Sasha", "Else")


def test_what_a_patient_does_not_want_is_never_lost_and_no_consent_is_made() -> None:
    survivor = _record(opted_out=(Channel.sms,), details_consent_at=EARLY)
    absorbed = _record(
        opted_out=(Channel.email, Channel.sms),
        opted_out_categories=(ReminderCategory.activity,),
        reminders_paused_at=EARLY,
    )

    joined = join_facts(survivor, absorbed, {})

    assert joined.opted_out == (Channel.sms, Channel.email)
    assert joined.opted_out_categories == (ReminderCategory.activity,)
    assert (joined.reminders_paused_at, joined.details_consent_at) == (EARLY, None)
    both = join_facts(survivor, _record(details_consent_at=LATE, reminders_paused_at=LATE), {})
    assert (both.details_consent_at, both.reminders_paused_at) == (LATE, LATE)


def test_a_label_that_is_taken_becomes_the_next_free_one() -> None:
    assert free_labels(frozenset({"E1"}), {"a": "E1", "b": "E1-2", "c": "E2"}) == {"a": "E1-3"}


def test_episodes_with_one_procedure_on_one_day_are_found_and_undated_ones_too() -> None:
    disc, fusion, day = "lumbar_microdiscectomy", "tlif", date(2026, 2, 23)
    own: Any = {"a": frozenset({(disc, day)}), "b": frozenset({(fusion, None)})}
    other: Any = {"c": frozenset({(disc, None), (fusion, day)}), "d": frozenset({(fusion, None), (disc, day)})}

    assert find_same_surgeries(own, other) == [("a", "d"), ("b", "d")]
