"""What was done, to whom, where and by whom it may change."""

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


class MoveReason(StrEnum):
    """Why a surgery's date or facts change. `other` comes with a text, which is stored sealed."""

    clinic_schedule = "clinic_schedule"
    patient_request = "patient_request"
    medical = "medical"
    converted_in_theatre = "converted_in_theatre"
    entry_corrected = "entry_corrected"
    other = "other"


class Observation(StrEnum):
    """A clinical fact that a clearance waits for. Of one subject (the words before the last) the newest counts."""

    opioid_taken = "opioid_taken"
    sedative_taken = "sedative_taken"
    xray_ordered = "xray_ordered"
    xray_done = "xray_done"
    xray_satisfactory = "xray_satisfactory"  # seen by a clinician
    xray_unsatisfactory = "xray_unsatisfactory"  # seen by a clinician
    wound_closed = "wound_closed"
    wound_open = "wound_open"
    collar_off = "collar_off"
    collar_on = "collar_on"
    emergency_stop_able = "emergency_stop_able"
    emergency_stop_unable = "emergency_stop_unable"
    motor_deficit_absent = "motor_deficit_absent"
    motor_deficit_present = "motor_deficit_present"


class WoundSign(StrEnum):
    """What a patient sees at the wound. What asks for a person is a red flag as well, see `check_in_signs`."""

    redness = "redness"  # at its edge, not spreading
    spreading_redness = "spreading_redness"
    pus = "pus"
    opening = "opening"
    clear_fluid = "clear_fluid"
    blood = "blood"


class Instrument(StrEnum):
    """A questionnaire. Of `nrs` and `rmdq` the items are kept, of the others the score: licences forbid their items."""

    nrs = "nrs"  # pain, 0 to 10, by place
    rmdq = "rmdq"  # Roland-Morris: 24 statements
    odi = "odi"
    ndi = "ndi"
    eq5d = "eq5d"
    promis = "promis"
    sf12 = "sf12"
    mjoa = "mjoa"


class Units(StrEnum):
    """In which units a patient reads weights and temperatures. Stored values have one unit."""

    metric = "metric"
    imperial = "imperial"
