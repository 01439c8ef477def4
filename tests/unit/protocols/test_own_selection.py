"""A clinic's own released protocol serves those that it is for, before what ships; all others get what ships."""

from dataclasses import replace

import pytest

from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol, Text
from schedules.plan.vocabulary import Approach, ApproachClass, Language, Procedure
from tests.unit.protocols.own_versions import own

DISC, TLIF = Procedure.lumbar_microdiscectomy, Procedure.tlif
MISS, OPEN = ApproachClass.miss, ApproachClass.open


def chosen(
    *owned: Protocol,
    procedure: Procedure = DISC,
    approach: Approach = Approach.tubular,
    approach_class: ApproachClass | None = None,
    levels: int = 1,
) -> tuple[str, int]:
    found = replace(load_library(), own=owned).select(procedure, approach, approach_class, levels)
    return found.id, found.version


def test_the_clinics_own_protocol_comes_before_what_ships() -> None:
    assert chosen(own()) == ("hudson-disc", 1)
    assert chosen() == ("MD-MISS", 1)


def test_of_two_that_serve_the_one_released_last_is_taken() -> None:
    first, second = own(), replace(own(), version=2)

    assert chosen(first, second) == ("hudson-disc", 2)
    assert chosen(second, first) == ("hudson-disc", 1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"procedure": TLIF}, "TLIF-MISS"),
        ({"approach": Approach.open}, "MD-OPEN"),
        ({"approach_class": OPEN}, "MD-OPEN"),
        ({"approach_class": MISS}, "hudson-disc"),
        ({"levels": 3}, "MD-MISS"),
    ],
)
def test_whom_the_own_protocol_is_not_for_gets_what_ships(changes: dict[str, object], expected: str) -> None:
    for_two = replace(own(), min_levels=1, max_levels=2)

    assert chosen(for_two, **changes)[0] == expected  # type: ignore[arg-type]


def test_an_approach_that_only_the_surgeon_counts_as_minimally_invasive_needs_his_word() -> None:
    midline = replace(own(), approaches=(Approach.tubular, Approach.microscopic_midline))

    assert chosen(midline, approach=Approach.microscopic_midline)[0] == "MD-OPEN"
    assert chosen(midline, approach=Approach.microscopic_midline, approach_class=MISS)[0] == "hudson-disc"


def test_an_own_protocol_that_serves_nobody_hides_none_behind_it() -> None:
    assert chosen(own(), replace(own(), version=2, min_levels=5, max_levels=None)) == ("hudson-disc", 1)


@pytest.mark.parametrize(("protocol_id", "ships"), [("MD-MISS", True), ("md-miss", True), ("hudson-disc", False)])
def test_an_id_that_ships_is_known_in_any_case(protocol_id: str, ships: bool) -> None:
    assert load_library().ships(protocol_id) is ships


def test_a_text_is_given_in_the_language_asked_for() -> None:
    text = Text(en="Walk a little.", es="Camine un poco.")

    assert [text.in_language(each) for each in (Language.en, Language.es)] == ["Walk a little.", "Camine un poco."]


def test_an_own_protocol_for_a_mini_open_approach_is_found_by_it() -> None:
    ours = own("ALIF-MISS")

    assert chosen(ours, procedure=Procedure.alif, approach=Approach.mini_open) == ("hudson-disc", 1)
