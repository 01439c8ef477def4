"""Which facts are possible: forms of contacts and zones, plausible dates, what goes together.

Pure. The faults name fields as `/field`, so that an import can turn them into columns.
"""

import re
import zoneinfo
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from schedules.plan.vocabulary import SurgeryStatus
from service.care.records import PatientRecord, SurgeryRecord
from service.care.spine import are_levels_of, expected_levels
from service.errors import Fault, describe, describe_private

LONGEST_LIFE_YEARS = 130
FIRST_SURGERY_ON = date(1990, 1, 1)
PLANNING_HORIZON = timedelta(days=5 * 366)
_NOT_PLACES = frozenset({"localtime", "posixrules", "Factory"})
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
# Direction marks and joiners are part of names and kept; NUL and lone surrogates cannot be stored on every database.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """Return the names of all IANA zones that a person can be in."""
    return frozenset(zoneinfo.available_timezones()) - _NOT_PLACES


def is_email_address(text: str) -> bool:
    """Return whether `text` is a deliverable-looking e-mail address. Asks no name server."""
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def is_phone_number(text: str) -> bool:
    """Return whether `text` is an international number in E.164, such as +16175550123."""
    return _PHONE.fullmatch(text) is not None


def is_storable(text: str) -> bool:
    """Return whether every database can store `text`."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return `text` with a replacement character for each one that not every database can store."""
    return _UNSTORABLE.sub("\ufffd", text)


def patient_faults(record: PatientRecord, today: date) -> tuple[Fault, ...]:
    """Return what is not possible in a patient's facts. `today` is the clinic's calendar date."""
    return tuple(_patient_faults(record, today))


def surgery_faults(record: SurgeryRecord, today: date) -> tuple[Fault, ...]:
    """Return what is not possible in a surgery's facts. `today` is the clinic's calendar date."""
    return tuple(_surgery_faults(record, today))


def _patient_faults(record: PatientRecord, today: date) -> Iterator[Fault]:
    earliest = date(today.year - LONGEST_LIFE_YEARS, 1, 1)
    if not earliest <= record.date_of_birth <= today:
        yield Fault("/date_of_birth", f"a date from {earliest} to {today}", describe(record.date_of_birth))
    if record.time_zone not in time_zones():
        yield Fault("/time_zone", "an IANA zone such as America/New_York", describe_private(record.time_zone))
    if record.email is not None and not is_email_address(record.email):
        yield Fault("/email", "an e-mail address", describe_private(record.email))
    if record.phone is not None and not is_phone_number(record.phone):
        yield Fault("/phone", "a phone number in E.164 such as +16175550123", describe_private(record.phone))
    consent_at = record.details_consent_at
    if consent_at is not None and consent_at.date() > today + timedelta(days=1):
        yield Fault("/details_consent_at", f"an instant up to {today}", describe(consent_at.date()))
    yield from _quiet_hours_faults(record)
    yield from _repeated(record)
    # Where the patient is may be a day ahead of the clinic.
    if record.died_on is not None and not record.date_of_birth <= record.died_on <= today + timedelta(days=1):
        yield Fault("/died_on", f"a date from the date of birth to {today}", describe(record.died_on))


def _repeated(record: PatientRecord) -> Iterator[Fault]:
    lists: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("channels", "channel", record.channels),
        ("opted_out", "channel", record.opted_out),
        ("opted_out_categories", "category", record.opted_out_categories),
    )
    for name, one, words in lists:
        if len(set(words)) != len(words):
            yield Fault(f"/{name}", f"each {one} once", ";".join(words))


def _quiet_hours_faults(record: PatientRecord) -> Iterator[Fault]:
    if (record.quiet_from is None) != (record.quiet_until is None):
        yield Fault("/quiet_until", "quiet_from and quiet_until together, or neither", "one of the two")
    elif record.quiet_from is not None and record.quiet_from == record.quiet_until:
        yield Fault("/quiet_until", "another time than quiet_from", describe(record.quiet_until))


def _surgery_faults(record: SurgeryRecord, today: date) -> Iterator[Fault]:
    if not are_levels_of(record.procedure, record.levels):
        yield Fault("/levels", expected_levels(record.procedure), describe_levels(record.levels))
    latest = today + PLANNING_HORIZON
    if record.surgery_on is None:
        yield from _undated_faults(record)
        return
    if not FIRST_SURGERY_ON <= record.surgery_on <= latest:
        yield Fault("/surgery_on", f"a date from {FIRST_SURGERY_ON} to {latest}", describe(record.surgery_on))
    if record.status is SurgeryStatus.performed and record.surgery_on > today:
        yield Fault("/status", f"planned, since {record.surgery_on} is ahead", record.status)
    # What is stored is the day on which the patient went home: nobody has gone home ahead of today.
    if record.discharged_on is not None and not record.surgery_on <= record.discharged_on <= today:
        ahead = record.surgery_on > today
        expected = "nothing before the surgery" if ahead else f"a date from {record.surgery_on} to {today}"
        yield Fault("/discharged_on", expected, describe(record.discharged_on))


def _undated_faults(record: SurgeryRecord) -> Iterator[Fault]:
    if record.status is SurgeryStatus.performed:
        yield Fault("/surgery_on", "the date of a surgery that was performed", "nothing")
    if record.discharged_on is not None:
        yield Fault("/discharged_on", "nothing while the surgery has no date", describe(record.discharged_on))


def describe_levels(levels: tuple[str, ...]) -> str:
    """Return levels as they came if they look like levels, else their number."""
    told = ";".join(levels)
    return told if re.fullmatch(r"[A-Z0-9;-]{1,60}", told) else f"list of {len(levels)}"
