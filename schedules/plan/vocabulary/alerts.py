"""What asks for a person: alerts, how urgent they are, what becomes of them, and who is on call."""

from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is raised by."""

    red_flag = "red_flag"  # a patient says yes to a red flag
    pain_rising = "pain_rising"  # pain rises again after it had fallen
    opioid_past_window = "opioid_past_window"  # opioids are taken beyond the protocol's window
    opioid_above_step = "opioid_above_step"  # more is taken a day than the prescriber's step allows
    no_check_in = "no_check_in"  # the patient has reported nothing for days
    far_behind = "far_behind"  # a milestone is long past its last day


class AlertUrgency(StrEnum):
    """What an alert calls for, the most urgent first. The first four are those of red flags."""

    emergency_number = "emergency_number"
    emergency_department = "emergency_department"
    same_day = "same_day"
    next_day = "next_day"
    routine = "routine"  # waits in the list of work: nobody is called


class AlertState(StrEnum):
    """How far an alert has come."""

    open = "open"
    acknowledged = "acknowledged"
    closed = "closed"


class AlertOutcome(StrEnum):
    """What came of an alert, in the end."""

    sent_to_emergency = "sent_to_emergency"
    seen_in_clinic = "seen_in_clinic"
    visit_booked = "visit_booked"
    advised_by_phone = "advised_by_phone"
    prescription_changed = "prescription_changed"
    no_action_needed = "no_action_needed"
    answered_by_mistake = "answered_by_mistake"
    not_reached = "not_reached"  # after every try that the clinic makes
    other = "other"


class AlertLine(StrEnum):
    """One line in the log of an alert."""

    raised = "raised"
    called = "called"  # a message to a person was called for
    escalated = "escalated"  # nobody acknowledged in time: the next in the chain
    nobody_to_call = "nobody_to_call"  # there is nobody with an address
    withdrawn = "withdrawn"  # the patient no longer says what raised it
    said_again = "said_again"  # and says it again
    acknowledged = "acknowledged"
    assigned = "assigned"
    contact = "contact"
    closed = "closed"


class ContactMethod(StrEnum):
    """How somebody tried to reach the patient."""

    phone = "phone"
    video = "video"
    in_person = "in_person"
    message = "message"
    relative = "relative"  # spoke with somebody close to the patient


class OnCallPlace(StrEnum):
    """A person's place in the chain of who is told, in its order."""

    first = "first"
    second = "second"
    fallback = "fallback"
