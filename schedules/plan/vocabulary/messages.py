"""What is said to a patient, when and by which way."""

from enum import StrEnum


class WeekendRule(StrEnum):
    """Whether a reminder goes out on a closed day or shifts to the next open one."""

    send = "send"
    shift = "shift"


class Anchor(StrEnum):
    """Which day of a milestone a reminder counts from. `arrival` is the day of arrival at the hospital: day 0."""

    earliest = "earliest"
    target = "target"
    latest = "latest"
    arrival = "arrival"


class ReminderCategory(StrEnum):
    """What a reminder is about; a patient may opt out of a category."""

    preparation = "preparation"
    questionnaire = "questionnaire"
    safety = "safety"
    activity = "activity"
    work = "work"
    visit = "visit"
    wound = "wound"
    medication = "medication"
    clearance = "clearance"
    check_in = "check_in"


class ReminderState(StrEnum):
    """How a stored reminder stands."""

    planned = "planned"
    sent = "sent"
    suppressed = "suppressed"
    expired = "expired"
    cancelled = "cancelled"
    failed = "failed"


class ReminderCorrection(StrEnum):
    """Why an app must show a message: what was said before no longer holds."""

    replaces_earlier = "replaces_earlier"  # a message about the same, for another time, may have gone out
    urgent = "urgent"  # advice for the days before a surgery has become wrong


class ReminderOutcome(StrEnum):
    """What planning a reminder came to: planned, or why there will be none."""

    planned = "planned"
    past_skip = "past_skip"
    past_not_applicable = "past_not_applicable"
    past_window_closed = "past_window_closed"
    past_superseded = "past_superseded"
    asked_coordinator = "asked_coordinator"
    quiet_past_useful = "quiet_past_useful"
    past_digest = "past_digest"  # said in the digest of another reminder
    not_signed = "not_signed"
    superseded = "superseded"  # a later stage has begun by then
    said_elsewhere = "said_elsewhere"  # another episode of the patient says the same


class Channel(StrEnum):
    """How a reminder reaches the patient."""

    push = "push"
    email = "email"
    sms = "sms"
    webhook = "webhook"  # the clinic's own system, which tells the patient by its own means


class Provider(StrEnum):
    """Who takes a message from us. A channel has one, but for push: there the patient's device decides."""

    smtp = "smtp"
    sms = "sms"
    fcm = "fcm"
    apns = "apns"
    expo = "expo"
    web_push = "web_push"
    webhook = "webhook"


class Language(StrEnum):
    """Languages that every text exists in."""

    en = "en"
    es = "es"
