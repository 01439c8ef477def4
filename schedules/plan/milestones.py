"""Which milestones one surgery gives one patient, and on which days.

Rules: evidence file, sections 3, 8.4, 11 and 12a. Knows one stage at a time.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from schedules.plan.days import day_after
from schedules.plan.eligibility import Eligibility, eligibility_of
from schedules.plan.items import Case, PatientFacts, PlannedMilestone, Stage
from schedules.plan.kinds import WORK_CLASS_OF, rule_of
from schedules.plan.protocol import MilestoneTemplate, Protocol, WorkDemands
from schedules.plan.vocabulary import (
    Binding,
    Grade,
    MilestoneKind,
    OpioidUse,
    PastPolicy,
    Phase,
    Setting,
    WorkClass,
)

_BRACE_KINDS = frozenset({MilestoneKind.brace_wean, MilestoneKind.brace_fitted})
_MEDICINE_KINDS = frozenset({MilestoneKind.medicines_pause, MilestoneKind.medicines_restart})
_WORK_KINDS = frozenset({*WORK_CLASS_OF, MilestoneKind.work_note_before})
_OPIOID_LONG_TERM_TEXT = "opioid_long_term"


def plan_milestones(case: Case) -> list[PlannedMilestone]:
    """Return the milestones of the case's stage in the protocol's order.

    Raises PlanError if a date leaves the calendar.
    """
    return [
        _plan_one(template, case)
        for template in _templates(case.stage.protocol, case.work)
        if _applies(template.kind, case.stage, case.patient)
    ]


def plan_work_milestones(case: Case) -> list[PlannedMilestone]:
    """Return the returns to work of every class, the lightest first, whatever the patient's own is. Raises as above."""
    templates = _templates(case.stage.protocol, case.work)
    return [_plan_one(template, case) for template in templates if template.kind in WORK_CLASS_OF]


def past_policy_of(kind: MilestoneKind, protocol: Protocol, last_on: date | None, known_on: date) -> PastPolicy | None:
    """Return what applies if `last_on`, the end of the window or of an open one the target, was before `known_on`."""
    if last_on is None or last_on >= known_on:
        return None
    return protocol.reminders.past_policy_of(kind)


def _templates(protocol: Protocol, work: WorkDemands) -> Iterator[MilestoneTemplate]:
    for template in protocol.milestones:
        yield template
        if template.kind is MilestoneKind.rtw_heavy:
            yield _very_heavy(work.sources)


def _very_heavy(sources: tuple[str, ...]) -> MilestoneTemplate:
    kind = MilestoneKind.rtw_very_heavy
    return MilestoneTemplate(
        kind, kind, Phase.after_surgery, None, None, None, grade=Grade.E, sources=sources, note=None
    )


def _applies(kind: MilestoneKind, stage: Stage, patient: PatientFacts) -> bool:
    """Whether the milestone exists for this patient. What is not known counts as yes."""
    if kind in _BRACE_KINDS:
        return stage.brace_ordered
    if kind in _WORK_KINDS:
        return _is_own_work(kind, patient.work_class)
    if kind in _MEDICINE_KINDS:
        return not (patient.takes_blood_thinner is False and patient.has_diabetes_or_glp1 is False)
    if kind is MilestoneKind.opioid_stop:
        return patient.opioid_use is not OpioidUse.none_taken
    if kind is MilestoneKind.stop_smoking:
        return patient.uses_nicotine is not False
    return kind is not MilestoneKind.sport_ct or patient.wants_contact_sport


def _is_own_work(kind: MilestoneKind, own: WorkClass | None) -> bool:
    if kind is MilestoneKind.work_note_before:
        return own is not WorkClass.not_working
    if own is None:
        return kind is not MilestoneKind.rtw_very_heavy
    return WORK_CLASS_OF[kind] is own


def _plan_one(template: MilestoneTemplate, case: Case) -> PlannedMilestone:
    stage, rule = case.stage, rule_of(template.kind)
    protocol, day0 = stage.protocol, stage.day0
    filled_days = _filled_days(template, stage)
    template = _for_case(template, case) if filled_days is None else _on_filled_day(template, filled_days)
    eligible = eligibility_of(template, case) if filled_days is None else Eligibility(filled_days, Binding.clinician)
    text_key = _text_key(template, protocol, case.patient)
    not_before_days = _first_heavy_day(template.kind, case)
    target_on, latest_on = day_after(day0, template.target_days), day_after(day0, template.latest_days)
    return PlannedMilestone(
        key=template.key,
        kind=template.kind,
        occurrence=stage.ordinal,
        phase=template.phase,
        earliest_days=template.earliest_days,
        target_days=template.target_days,
        latest_days=template.latest_days,
        earliest_on=day_after(day0, template.earliest_days),
        target_on=target_on,
        latest_on=latest_on,
        eligible_days=eligible.days,
        eligible_on=day_after(day0, eligible.days),
        binds=eligible.binds,
        binding_procedure=protocol.procedure,
        lifts=rule.lifts,
        grade=template.grade,
        sources=template.sources,
        note=template.note,
        text=protocol.texts.milestones[text_key] if text_key else None,
        past_policy=past_policy_of(template.kind, protocol, latest_on or target_on, case.known_on),
        owner=rule.owner,
        not_before_days=not_before_days,
        not_before_on=day_after(day0, not_before_days),
        binding_stage=stage.ordinal,
    )


def _for_case(template: MilestoneTemplate, case: Case) -> MilestoneTemplate:
    """Return the template with the days that hold for this patient, stage and clinic."""
    kind = template.kind
    if kind in WORK_CLASS_OF:
        return template if case.work_percent == 100 else _stretched(template, case.work_percent)
    if kind is MilestoneKind.discharge and case.stage.setting is Setting.outpatient:
        return replace(template, earliest_days=0, target_days=0, latest_days=0)
    if kind is MilestoneKind.opioid_stop and case.patient.opioid_use is OpioidUse.daily_long_term:
        return replace(template, earliest_days=None, target_days=None, latest_days=None)
    return template


def _stretched(template: MilestoneTemplate, percent: int) -> MilestoneTemplate:
    """Longer for workers' compensation, a part of a day counting as a whole one. The first day stays."""
    target_days, latest_days = template.target_days, template.latest_days
    return replace(
        template,
        target_days=None if target_days is None else -(-target_days * percent // 100),
        latest_days=None if latest_days is None else -(-latest_days * percent // 100),
    )


def _filled_days(template: MilestoneTemplate, stage: Stage) -> int | None:
    """Return the day that a clinician entered for this day of surgery; what was entered for another one is blank."""
    slot = stage.slots.get(template.key)
    if slot is None or stage.day0 is None or slot.due_on is None or slot.for_day0 != stage.day0:
        return None
    return (slot.due_on - stage.day0).days if template.phase is Phase.before_surgery else None


def _on_filled_day(template: MilestoneTemplate, due_days: int) -> MilestoneTemplate:
    is_after = template.kind is MilestoneKind.medicines_restart and due_days >= 0
    phase = Phase.after_surgery if is_after else template.phase
    return replace(template, phase=phase, earliest_days=due_days, target_days=due_days, latest_days=due_days)


def _text_key(template: MilestoneTemplate, protocol: Protocol, patient: PatientFacts) -> str | None:
    if template.kind is MilestoneKind.opioid_stop and patient.opioid_use is OpioidUse.daily_long_term:
        return _OPIOID_LONG_TERM_TEXT
    if template.kind is MilestoneKind.sport_low and not _may_start_before_bending(template, protocol):
        return None
    return template.kind if template.kind in protocol.texts.milestones else None


def _may_start_before_bending(template: MilestoneTemplate, protocol: Protocol) -> bool:
    bending = protocol.find_milestone(MilestoneKind.blt_end)
    if bending is None or bending.target_days is None or template.earliest_days is None:
        return True
    return template.earliest_days < bending.target_days


def _first_heavy_day(kind: MilestoneKind, case: Case) -> int | None:
    """Return the day before which very heavy work is not considered; None for other kinds, or if there is none."""
    if kind is not MilestoneKind.rtw_very_heavy:
        return None
    heavy = case.stage.protocol.find_milestone(MilestoneKind.rtw_heavy)
    return None if heavy is None else eligibility_of(_for_case(heavy, case), case).days
