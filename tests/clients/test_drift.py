"""A phone whose storage was damaged finds out by digests, and its next sync heals it."""

import pytest

from tests.clients.conftest import Phones
from tests.clients.service import Ward

pytestmark = pytest.mark.slow


def test_a_damaged_phone_sees_that_it_differs_and_is_healed_by_its_next_sync(phones: Phones, ward: Ward) -> None:
    phone = phones(ward, "watermelon")
    for row_id, note in (("c-1", "Señora Núñez ✓"), ("c-2", None), ("c-3", None)):
        phone.create("check_ins", ward.check_in(row_id, note=note, took_opioid=True))
    unsent = phone.send("drift")
    phone.sync()
    phone.sync()
    before = phone.rows("check_ins")
    whole = phone.send("drift")

    strange = ward.check_in("c-9")
    phone.send("damage", collection="check_ins", lost="c-1", altered={"id": "c-2", "pain": 9}, strange=strange)
    damaged = phone.rows("check_ins")
    phone.sync()
    unhealed = phone.rows("check_ins")
    healed = phone.send("drift")
    phone.sync()

    assert (unsent, whole, healed) == ("unsent", "same", "healed")
    assert [(row["id"], row["pain"]) for row in damaged] == [("c-2", 9), ("c-3", 4), ("c-9", 4)]
    assert unhealed == damaged
    assert phone.rows("check_ins") == before
    assert phone.send("drift") == "same"
    assert {row_id: row["pain"] for row_id, row in ward.stored("check_ins").items()} == {"c-1": 4, "c-2": 4, "c-3": 4}
