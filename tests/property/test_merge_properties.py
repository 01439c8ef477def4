"""Merging of any edits: what nobody touched stays, what does not stand is told, the order of devices is no matter."""

from collections.abc import Mapping
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from schedules.plan.vocabulary import SkipReason
from service.sync.merge import Merged, Unit, merge, units_of
from service.sync.writers.progress import takes_new

COLUMNS = ("zone", "language", "left", "right")
TOGETHER = ("left", "right")
REPORT = ("achieved_on", "skip_reason", "note")
REPORTED = (Unit(REPORT, takes_new),)

values = st.none() | st.integers(0, 2)
rows = st.fixed_dictionaries(dict.fromkeys(COLUMNS, values))
some_columns = st.sets(st.sampled_from(COLUMNS))
# Whether the later or the stored value stands may be decided in any way: the properties hold for each.
units = st.sampled_from((lambda *_: True, lambda *_: False)).map(lambda rule: units_of(COLUMNS, Unit(TOGETHER, rule)))
notes = st.sampled_from((None, "Slept well", "Walked to the shop", "Walked to the park"))
nothing = st.fixed_dictionaries({"achieved_on": st.none(), "skip_reason": st.none(), "note": st.none()})
reached = st.fixed_dictionaries(
    {
        "achieved_on": st.sampled_from(("2026-03-02", "2026-03-05", "2026-03-09")),
        "skip_reason": st.none(),
        "note": notes,
    }
)
skipped = st.fixed_dictionaries(
    {"achieved_on": st.none(), "skip_reason": st.sampled_from(sorted(map(str, SkipReason))), "note": notes}
)
reports = nothing | reached | skipped


def after(before: Mapping[str, Any], base: Mapping[str, Any] | None, new: Mapping[str, Any], by: Any) -> Merged:
    return merge(by, base=base, stored=before, new=new)


@given(units, st.none() | rows, rows)
def test_equal_state_is_never_a_conflict(by: Any, base: dict[str, Any] | None, stored: dict[str, Any]) -> None:
    merged = after(stored, base, stored, by)

    assert (merged.values, merged.changed, merged.losses) == (stored, frozenset(), ())


@given(units, rows, rows, rows)
def test_an_edit_that_comes_twice_is_as_one(
    by: Any, base: dict[str, Any], stored: dict[str, Any], new: dict[str, Any]
) -> None:
    once = after(stored, base, new, by)

    twice = after(once.values, base, new, by)

    assert (twice.values, twice.changed) == (once.values, frozenset())
    assert set(map(str, twice.losses)) <= set(map(str, once.losses))


@given(units, rows, rows, some_columns)
def test_a_column_that_nobody_else_changed_takes_the_devices_value(
    by: Any, stored: dict[str, Any], new: dict[str, Any], sent: set[str]
) -> None:
    given_columns = {name: new[name] for name in sent}

    with_base = after(stored, stored, given_columns, by)
    without = after(stored, None, given_columns, by)

    assert with_base.values == without.values == stored | given_columns
    assert with_base.losses == without.losses == ()


@given(units, rows, rows, some_columns)
def test_what_the_device_did_not_change_stays_as_it_is_stored(
    by: Any, base: dict[str, Any], stored: dict[str, Any], sent: set[str]
) -> None:
    merged = after(stored, base, {name: base[name] for name in sent}, by)

    assert (merged.values, merged.losses) == (stored, ())


@given(units, rows, rows, rows)
def test_two_who_change_different_columns_both_have_their_way(
    by: Any, base: dict[str, Any], stored: dict[str, Any], new: dict[str, Any]
) -> None:
    theirs = base | {name: stored[name] for name in ("zone", "left", "right")}

    merged = after(theirs, base, base | {"language": new["language"]}, by)

    assert merged.values == theirs | {"language": new["language"]}
    assert merged.losses == ()


@given(units, rows, rows, rows)
def test_every_value_that_does_not_stand_is_told(
    by: Any, base: dict[str, Any], stored: dict[str, Any], new: dict[str, Any]
) -> None:
    merged = after(stored, base, new, by)

    lost_of_device = {name: each for loss in merged.losses if loss.is_of_device for name, each in loss.lost.items()}
    lost_of_others = {name: each for loss in merged.losses if not loss.is_of_device for name, each in loss.lost.items()}
    for name, value in merged.values.items():
        if new[name] not in (base[name], value):
            assert lost_of_device[name] == new[name]
        if stored[name] not in (base[name], value):
            assert lost_of_others[name] == stored[name]


@given(units, rows, rows, rows)
def test_what_is_told_as_lost_was_somebodys_word_and_stands_nowhere(
    by: Any, base: dict[str, Any], stored: dict[str, Any], new: dict[str, Any]
) -> None:
    merged = after(stored, base, new, by)

    for loss in merged.losses:
        assert loss.kept == {name: merged.values[name] for name in loss.kept}
        assert any(each not in (base[name], merged.values[name]) for name, each in loss.lost.items())


@given(reports, reports, reports)
@example(
    dict.fromkeys(REPORT),
    {"achieved_on": None, "skip_reason": "patient_declined", "note": None},
    {"achieved_on": None, "skip_reason": "not_applicable", "note": None},
)
def test_two_devices_reports_end_the_same_in_either_order(
    base: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    one_first = after(after(base, base, one, REPORTED).values, base, other, REPORTED)
    other_first = after(after(base, base, other, REPORTED).values, base, one, REPORTED)

    assert one_first.values == other_first.values


@given(reports, reports, reports, reports)
def test_three_devices_reports_end_the_same_in_any_order(
    base: dict[str, Any], one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    assume(len({str(each) for each in (base, one, two, three)}) == 4)

    ends = set()
    for order in ((one, two, three), (one, three, two), (two, one, three), (two, three, one), (three, two, one)):
        stored = base
        for new in order:
            stored = after(stored, base, new, REPORTED).values
        ends.add(str(sorted(stored.items(), key=str)))

    assert len(ends) == 1


@given(reports, reports)
def test_of_two_reports_exactly_one_stands(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(one != other)

    assert takes_new(one, other) != takes_new(other, one)
