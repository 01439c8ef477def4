"""The inputs of the samples: milestones, what was reported, and the days that matter. Literal, so that no change of
clinical content moves them."""

from typing import Any

DAYS_AROUND = ("earliest_on", "target_on", "eligible_on", "latest_on", "superseded_on", "slot_until_on")


def milestone(key: str, occurrence: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a step of the patient, open 9 to 23 March 2026 with its target on 16 March, day 0 on 2 March."""
    return {
        "key": key,
        "occurrence": occurrence,
        "phase": "after_surgery",
        "owner": "patient",
        "lifts": None,
        "earliest_on": "2026-03-09",
        "target_on": "2026-03-16",
        "latest_on": "2026-03-23",
        "eligible_on": "2026-03-16",
        "past_policy": None,
        "superseded_on": None,
        "slot": None,
        "slot_until_on": None,
    } | changes


def facts(key: str, occurrence: int = 1, **changes: Any) -> dict[str, Any]:
    """Return what was reported of a milestone: nothing, unless `changes` say it."""
    return {
        "key": key,
        "occurrence": occurrence,
        "achieved_on": None,
        "clearances": [],
        "skipped_on": None,
        "skip_reason": None,
        "cancelled_on": None,
    } | changes


def cleared(cleared_on: str, revoked_on: str | None = None) -> dict[str, Any]:
    """Return one clearance."""
    return {"cleared_on": cleared_on, "revoked_on": revoked_on}


_CLINIC: dict[str, Any] = {"owner": "clinic"}
_LIFTS: dict[str, Any] = {"owner": "clinic", "lifts": "driving"}
_BEFORE: dict[str, Any] = {
    "phase": "before_surgery",
    "earliest_on": "2026-01-01",
    "target_on": "2026-02-16",
    "latest_on": "2026-03-02",
}
_UNDATED: dict[str, Any] = {"earliest_on": None, "target_on": None, "latest_on": None, "eligible_on": None}
_EVE: dict[str, Any] = {
    "earliest_on": "2026-03-01",
    "target_on": "2026-03-01",
    "latest_on": "2026-03-02",
    "eligible_on": "2026-03-01",
}
_SLOT: dict[str, Any] = {"owner": "clinic", "phase": "before_surgery", **_UNDATED, "slot_until_on": "2026-03-02"}

CASES: tuple[dict[str, Any], ...] = (
    {
        "name": "a step of the patient is behind only after its latest day",
        "milestones": [milestone("walk30")],
        "facts": [],
    },
    {
        "name": "a step of the clinic is never behind",
        "milestones": [milestone("incision", **_CLINIC)],
        "facts": [],
    },
    {
        "name": "what lifts a limit becomes eligible and waits for the clinic, however long",
        "milestones": [milestone("drive", **_LIFTS)],
        "facts": [],
    },
    {
        "name": "without an end nothing is behind",
        "milestones": [milestone("full", latest_on=None)],
        "facts": [],
    },
    {
        "name": "a condition that holds an item beyond its latest day holds its lateness too",
        "milestones": [milestone("walk30", eligible_on="2026-03-30")],
        "facts": [],
    },
    {
        "name": "what only a person dates is never due by date",
        "milestones": [milestone("walk30", eligible_on=None), milestone("opioid_stop", **_UNDATED)],
        "facts": [],
    },
    {
        "name": "without a target an item is due on its latest day",
        "milestones": [milestone("full", target_on=None, eligible_on="2026-03-09")],
        "facts": [],
    },
    {
        "name": "before surgery nobody makes up for a window that has closed",
        "milestones": [
            milestone("prom_baseline", **_BEFORE, eligible_on="2026-02-16"),
            milestone(
                "education",
                **_BEFORE | {"target_on": None, "latest_on": "2026-03-01"},
                eligible_on="2026-01-01",
                owner="clinic",
            ),
        ],
        "facts": [],
    },
    {
        "name": "a clearance counts until it is revoked, and again from the next",
        "milestones": [milestone("drive", **_LIFTS)],
        "facts": [facts("drive", clearances=[cleared("2026-03-18", "2026-03-20"), cleared("2026-03-25")])],
    },
    {
        "name": "a clearance that is revoked on its own day never counted",
        "milestones": [milestone("drive", **_LIFTS)],
        "facts": [facts("drive", clearances=[cleared("2026-03-18", "2026-03-18")])],
    },
    {
        "name": "done in time, done late, not done, and not yet countable",
        "milestones": [
            milestone("walk30"),
            milestone("sit60"),
            milestone("opioid_stop"),
            milestone(
                "prom_6wk",
                earliest_on="2026-04-06",
                target_on="2026-04-13",
                latest_on="2026-04-27",
                eligible_on="2026-04-13",
            ),
        ],
        "facts": [facts("walk30", achieved_on="2026-03-23"), facts("sit60", achieved_on="2026-03-24")],
    },
    {
        "name": "declined is not done; other skips excuse",
        "milestones": [milestone("walk30"), milestone("sit60"), milestone("opioid_stop")],
        "facts": [
            facts("walk30", skipped_on="2026-03-12", skip_reason="patient_declined"),
            facts("sit60", skipped_on="2026-03-25", skip_reason="not_applicable"),
            facts("opioid_stop", achieved_on="2026-03-10"),
        ],
    },
    {
        "name": "what was past at enrolment is nobody's lateness",
        "milestones": [
            milestone("walk30", past_policy="catch_up"),
            milestone("sit60", past_policy="skip"),
            milestone("shower", past_policy="not_applicable"),
            milestone("drive", **_LIFTS, past_policy="ask_coordinator"),
            milestone("check_in", past_policy="digest"),
        ],
        "facts": [facts("shower", achieved_on="2026-03-10")],
    },
    {
        "name": "a later stage takes the place of what is not finished",
        "milestones": [
            milestone("walk30", superseded_on="2026-03-20"),
            milestone("sit60", superseded_on="2026-03-20"),
            milestone("opioid_stop", superseded_on="2026-03-24"),
            milestone("check_in", superseded_on="2026-03-23"),
            milestone("drive", **_LIFTS, superseded_on="2026-03-20"),
            milestone(
                "walk30",
                2,
                earliest_on="2026-03-27",
                target_on="2026-04-03",
                latest_on="2026-04-10",
                eligible_on="2026-04-03",
            ),
        ],
        "facts": [facts("sit60", achieved_on="2026-03-17"), facts("drive", clearances=[cleared("2026-03-18")])],
    },
    {
        "name": "what happened outlives a cancellation, which takes the item out of the count",
        "milestones": [milestone("walk30"), milestone("sit60"), milestone("opioid_stop")],
        "facts": [
            facts("walk30", achieved_on="2026-03-12", cancelled_on="2026-03-20"),
            facts("sit60", cancelled_on="2026-03-20"),
            facts("opioid_stop", skipped_on="2026-03-12", skip_reason="other", cancelled_on="2026-03-20"),
        ],
    },
    {
        "name": "what depends on the person waits for an entry, then for its signature, while it is of use",
        "milestones": [
            milestone("medicines_pause", **_SLOT, slot="blank"),
            milestone("fasting", **_SLOT | _EVE, slot="unsigned"),
            milestone("skin_wash", **_SLOT, slot="filled"),
            milestone("medicines_restart", **_SLOT | {"slot_until_on": None}, slot="blank"),
            milestone("medicines_pause", 2, **_SLOT | {"slot_until_on": "2026-03-20"}, slot="blank"),
        ],
        "facts": [facts("medicines_pause", 2, skipped_on="2026-03-10", skip_reason="not_applicable")],
    },
    {
        "name": "the next three by the day on which they are due, then in the order of the plan",
        "milestones": [
            milestone("full", latest_on=None, target_on="2026-06-01", eligible_on="2026-06-01"),
            milestone("walk30"),
            milestone("drive", **_LIFTS),
            milestone(
                "shower",
                earliest_on="2026-03-03",
                target_on="2026-03-04",
                latest_on="2026-03-05",
                eligible_on="2026-03-04",
            ),
            milestone("sit60", eligible_on="2026-03-17"),
        ],
        "facts": [facts("walk30", achieved_on="2026-03-15")],
    },
    {
        "name": "halves of a percent are rounded up",
        "milestones": [milestone(f"step_{number}") for number in range(1, 9)],
        "facts": [facts(f"step_{number}", achieved_on="2026-03-20") for number in range(1, 6)],
    },
    {
        "name": "the calendar's last day",
        "milestones": [
            milestone(
                "walk30",
                earliest_on="9999-12-29",
                target_on="9999-12-30",
                eligible_on="9999-12-30",
                latest_on="9999-12-30",
            )
        ],
        "facts": [],
    },
)

# Instants in UTC: clock changes, the far zones, a skipped calendar day, 29 February, and years that clients misread.
MEDICAL_DAYS: tuple[tuple[str, str, str], ...] = (
    ("2026-03-02T15:00:00Z", "America/New_York", "2026-02-23"),
    ("2026-03-02T04:59:59Z", "America/New_York", "2026-03-02"),
    ("2026-03-02T05:00:00Z", "America/New_York", "2026-03-02"),
    ("2026-03-08T06:59:59Z", "America/New_York", "2026-03-01"),
    ("2026-03-08T07:00:00Z", "America/New_York", "2026-03-01"),
    ("2026-03-09T03:59:59Z", "America/New_York", "2026-03-01"),
    ("2026-03-09T04:00:00Z", "America/New_York", "2026-03-01"),
    ("2026-11-01T03:59:59Z", "America/New_York", "2026-10-31"),
    ("2026-11-01T05:30:00Z", "America/New_York", "2026-10-31"),
    ("2026-11-01T06:30:00Z", "America/New_York", "2026-10-31"),
    ("2026-11-02T04:59:59Z", "America/New_York", "2026-10-31"),
    ("2026-11-02T05:00:00Z", "America/New_York", "2026-10-31"),
    ("2026-03-29T00:59:59Z", "Europe/Berlin", "2026-03-28"),
    ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-28"),
    ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-24"),
    ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-24"),
    ("2026-04-04T15:30:00Z", "Australia/Lord_Howe", "2026-04-01"),
    ("2026-03-02T10:00:00Z", "Pacific/Kiritimati", "2026-03-02"),
    ("2026-03-02T11:00:00Z", "Pacific/Pago_Pago", "2026-03-02"),
    ("2026-03-02T10:59:59Z", "Pacific/Pago_Pago", "2026-03-02"),
    ("2026-03-02T18:15:00Z", "Asia/Kathmandu", "2026-03-02"),
    ("2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-28"),
    ("2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-28"),
    ("2024-02-29T12:00:00Z", "America/Chicago", "2023-02-28"),
    ("2024-03-01T06:00:00Z", "America/Chicago", "2024-02-29"),
    ("2026-03-05T05:30:00Z", "America/Sao_Paulo", "2026-03-20"),
)
