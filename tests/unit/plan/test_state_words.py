"""What a patient reads of a state: never that somebody is late, never that a limit has ended before it was cleared."""

import re
from itertools import product

import pytest

from schedules.plan.protocol import Text
from schedules.plan.state_words import patient_words
from schedules.plan.vocabulary import MilestoneState, Owner


def test_no_patient_reads_of_lateness_or_of_leave_that_nobody_gave() -> None:
    for state, owner, lifts in product(MilestoneState, Owner, (False, True)):
        words = patient_words(state, owner, lifts=lifts)

        assert not re.search("overdue|late|behind|missed|you may|you can|allowed", words.en, re.IGNORECASE)
        assert not re.search("retras|tarde|atrasad|puede|permitid", words.es, re.IGNORECASE)
        assert words.en.strip()
        assert words.es.strip()


@pytest.mark.parametrize(
    ("state", "owner", "lifts", "expected"),
    [
        (MilestoneState.overdue, Owner.patient, False, Text("Talk to us", "Hable con nosotros")),
        (MilestoneState.due, Owner.patient, False, Text("Planned for now", "Previsto para ahora")),
        (MilestoneState.due, Owner.clinic, False, Text("We will see to this with you", "Lo veremos con usted")),
        (
            MilestoneState.open,
            Owner.clinic,
            True,
            Text("Not yet: your care team decides", "Todavía no: lo decide su equipo médico"),
        ),
        (
            MilestoneState.eligible,
            Owner.clinic,
            True,
            Text("Ask us whether you are ready", "Pregúntenos si ya está preparado"),
        ),
        (
            MilestoneState.cleared,
            Owner.clinic,
            True,
            Text("Cleared by your care team", "Autorizado por su equipo médico"),
        ),
        (MilestoneState.upcoming, Owner.patient, False, Text("Coming up", "Más adelante")),
    ],
)
def test_the_words_of_a_state(state: MilestoneState, owner: Owner, lifts: bool, expected: Text) -> None:
    assert patient_words(state, owner, lifts=lifts) == expected
