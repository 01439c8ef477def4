"""How long somebody counts: to the event, to the last word of them, or to what ended the look."""

from datetime import date

import pytest

from schedules.outcomes.follow_up import FollowUp, followed
from schedules.outcomes.survival import Followed

DAY_0, TODAY = date(2026, 3, 2), date(2026, 6, 1)
HEARD = date(2026, 5, 1)


def told(*, heard: date | None = HEARD, ended: date | None = None, reached: date | None = None) -> Followed:
    return followed(FollowUp(DAY_0, heard, ended, reached), TODAY)


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        (told(reached=date(2026, 3, 23)), Followed(21, reached=True)),
        (told(reached=DAY_0), Followed(0, reached=True)),
        (told(), Followed(60, reached=False)),
        (told(heard=None), Followed(0, reached=False)),
        (told(heard=date(2026, 2, 1)), Followed(0, reached=False)),
        (told(heard=date(2027, 1, 1)), Followed(91, reached=False)),
        (told(ended=date(2026, 3, 22)), Followed(20, reached=False)),
        (told(ended=date(2026, 3, 23), reached=date(2026, 3, 23)), Followed(21, reached=True)),
        (told(ended=date(2026, 3, 22), reached=date(2026, 3, 23)), Followed(20, reached=False)),
        (told(reached=date(2026, 6, 2)), Followed(60, reached=False)),
        (told(reached=date(2026, 3, 1)), Followed(60, reached=False)),
    ],
    ids=[
        "reached", "reached on day 0", "waits up to the last word", "never heard of", "last heard before surgery",
        "a word of tomorrow counts to today", "ended before the last word", "reached on the last day that counts",
        "reached after the end", "reached ahead of today", "reached before surgery",
    ],
)  # fmt: skip
def test_somebody_counts_for_as_long_as_they_were_followed(course: Followed, expected: Followed) -> None:
    assert course == expected
