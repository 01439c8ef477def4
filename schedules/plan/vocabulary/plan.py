"""What a plan consists of: milestones, restrictions, their states, and the evidence behind them."""

from enum import StrEnum


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
    lifting_step = "lifting_step"
    fracture_check = "fracture_check"
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


class CancelReason(StrEnum):
    """Why a row of a plan no longer stands. `merged`: a later stage's occurrence takes its place."""

    surgery_cancelled = "surgery_cancelled"
    not_applicable = "not_applicable"
    merged = "merged"
    protocol_changed = "protocol_changed"


class PastPolicy(StrEnum):
    """What happens to an item whose day is already past at enrolment."""

    skip = "skip"
    not_applicable = "not_applicable"
    catch_up = "catch_up"
    digest = "digest"
    ask_coordinator = "ask_coordinator"


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


class Condition(StrEnum):
    """What must hold before a restriction may be lifted."""

    day_reached = "day_reached"
    off_opioids = "off_opioids"
    emergency_stop = "emergency_stop"
    no_motor_deficit = "no_motor_deficit"
    collar_off = "collar_off"
    xray_satisfactory = "xray_satisfactory"
    wound_closed = "wound_closed"


class LimitState(StrEnum):
    """How a limit stands on a day. `none`: the plan holds no such limit on that day."""

    restricted = "restricted"
    eligible = "eligible"
    cleared = "cleared"
    none = "none"


class WorkStatus(StrEnum):
    """The three values of a work status report (evidence file, section 8.2)."""

    without_restrictions = "without_restrictions"
    with_restrictions = "with_restrictions"
    prevented = "prevented"


class ProtocolStatus(StrEnum):
    """Whether a named clinician has signed a protocol version."""

    draft = "draft"
    signed = "signed"


class VersionStatus(StrEnum):
    """How far a protocol version of a clinic has come. Only a released one serves new surgeries."""

    draft = "draft"
    signed = "signed"
    released = "released"
    retired = "retired"
