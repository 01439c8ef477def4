"""The words of the domain as closed lists. A value is what files, rows and the wire carry.

Knows no rule: what follows from a word stands in the module that decides it.
"""

from enum import StrEnum


class Procedure(StrEnum):
    """What was done, never how."""

    lumbar_microdiscectomy = "lumbar_microdiscectomy"
    lumbar_laminectomy = "lumbar_laminectomy"
    tlif = "tlif"
    alif = "alif"
    llif = "llif"
    intracept = "intracept"
    kyphoplasty = "kyphoplasty"
    acdf = "acdf"
    posterior_cervical_foraminotomy = "posterior_cervical_foraminotomy"


class Approach(StrEnum):
    """How the surgeon reached the spine."""

    percutaneous = "percutaneous"
    endoscopic = "endoscopic"
    tubular = "tubular"
    mini_open = "mini_open"
    microscopic_midline = "microscopic_midline"
    open = "open"
    anterior = "anterior"


class ApproachClass(StrEnum):
    """Minimally invasive or open. Anterior cervical surgery has none: there the value is None."""

    miss = "miss"
    open = "open"


class SurgeryStatus(StrEnum):
    """Whether the surgery is still ahead, done, or will not happen."""

    planned = "planned"
    performed = "performed"
    cancelled = "cancelled"


class EpisodeStatus(StrEnum):
    """Whether an episode of care still plans and sends."""

    active = "active"
    paused = "paused"
    closed = "closed"
    died = "died"
    withdrawn = "withdrawn"
    transferred = "transferred"


class Setting(StrEnum):
    """Where the patient stays after surgery. An outpatient goes home on day 0."""

    inpatient = "inpatient"
    outpatient = "outpatient"


class WorkClass(StrEnum):
    """Physical demand level of the patient's job, by the US Department of Labor."""

    sedentary = "sedentary"
    light = "light"
    medium = "medium"
    heavy = "heavy"
    very_heavy = "very_heavy"
    not_working = "not_working"


class OpioidUse(StrEnum):
    """Opioid use before surgery.

    `none_taken` means none before surgery and none prescribed after it; a patient who was given opioids after
    surgery is `short_term`.
    """

    unknown = "unknown"
    none_taken = "none_taken"
    short_term = "short_term"
    daily_long_term = "daily_long_term"


class Grade(StrEnum):
    """Support of a figure: A trials, B cohorts, C surveys and guidelines, D one institution, E extrapolation."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


class Phase(StrEnum):
    """Which side of day 0 an item belongs to."""

    before_surgery = "before_surgery"
    after_surgery = "after_surgery"


class MilestoneKind(StrEnum):
    """Which reminders and rules a milestone has. Most kinds have one milestone of the same name."""

    education = "education"
    prom_baseline = "prom_baseline"
    step_baseline = "step_baseline"
    stop_smoking = "stop_smoking"
    reduce_alcohol = "reduce_alcohol"
    brace_fitted = "brace_fitted"
    driver_and_adult = "driver_and_adult"
    work_note_before = "work_note_before"
    health_check = "health_check"
    fasting = "fasting"
    medicines_pause = "medicines_pause"
    medicines_restart = "medicines_restart"
    skin_wash = "skin_wash"
    mobilise = "mobilise"
    discharge = "discharge"
    shower = "shower"
    incision = "incision"
    opioid_stop = "opioid_stop"
    drive = "drive"
    walk30 = "walk30"
    sit60 = "sit60"
    pt_start = "pt_start"
    rtw_sed = "rtw_sed"
    rtw_light = "rtw_light"
    rtw_med = "rtw_med"
    rtw_heavy = "rtw_heavy"
    rtw_very_heavy = "rtw_very_heavy"
    blt_end = "blt_end"
    brace_wean = "brace_wean"
    sport_low = "sport_low"
    sport_nc = "sport_nc"
    sport_ct = "sport_ct"
    full = "full"
    prom_followup = "prom_followup"
    imaging = "imaging"
    visit = "visit"
    check_in = "check_in"


class MilestoneState(StrEnum):
    """How a milestone stands on a day. Computed on read, never stored."""

    upcoming = "upcoming"
    open = "open"
    due = "due"
    overdue = "overdue"
    achieved = "achieved"
    cleared = "cleared"
    eligible = "eligible"
    skipped = "skipped"
    cancelled = "cancelled"
    unscheduled = "unscheduled"


class RestrictionKind(StrEnum):
    """What a restriction limits, and what a clearance lifts."""

    lifting = "lifting"
    bending_twisting = "bending_twisting"
    driving = "driving"
    work = "work"
    brace = "brace"
    sitting = "sitting"
    sport = "sport"


class Owner(StrEnum):
    """Whose next step a milestone is. Only the patient's own items can become overdue."""

    patient = "patient"
    clinic = "clinic"


class SkipReason(StrEnum):
    """Why a milestone is skipped. `other` comes with a text, which is stored sealed."""

    patient_declined = "patient_declined"
    not_applicable = "not_applicable"
    died = "died"
    surgery_cancelled = "surgery_cancelled"
    transferred = "transferred"
    other = "other"


class PastPolicy(StrEnum):
    """What happens to an item whose day is already past at enrolment."""

    skip = "skip"
    not_applicable = "not_applicable"
    catch_up = "catch_up"
    digest = "digest"
    ask_coordinator = "ask_coordinator"


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


class Channel(StrEnum):
    """How a reminder reaches the patient."""

    push = "push"
    email = "email"
    sms = "sms"


class Language(StrEnum):
    """Languages that every text exists in."""

    en = "en"
    es = "es"


class Units(StrEnum):
    """In which units a patient reads weights and temperatures. Stored values have one unit."""

    metric = "metric"
    imperial = "imperial"


class ProtocolStatus(StrEnum):
    """Whether a named clinician has signed a protocol version."""

    draft = "draft"
    signed = "signed"


class Binding(StrEnum):
    """What fixes the first day on which a milestone may happen."""

    target = "target"
    earliest = "earliest"
    lifting = "lifting"
    collar = "collar"
    bone_density = "bone_density"
    surgeon = "surgeon"
    prescriber = "prescriber"
    clinician = "clinician"


class ReminderOutcome(StrEnum):
    """What planning a reminder came to: planned, or why there will be none."""

    planned = "planned"
    past_skip = "past_skip"
    past_not_applicable = "past_not_applicable"
    past_window_closed = "past_window_closed"
    past_superseded = "past_superseded"
    asked_coordinator = "asked_coordinator"
    quiet_past_useful = "quiet_past_useful"
    not_signed = "not_signed"
