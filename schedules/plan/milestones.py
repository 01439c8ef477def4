"""Which milestones one surgery gives one patient, and on which days.

Rules: evidence file, sections 3, 11 and 12a. Knows one stage at a time.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from schedules.plan.days import day_after
from schedules.plan.eligibility import Eligibility, eligibility_of
from schedules.plan.items import PatientFacts, PlannedMilestone, Stage
from schedules.plan.kinds import WORK_CLASS_OF, rule_of
from schedules.plan.protocol import MilestoneTemplate, Protocol
from schedules.plan.vocabulary import Grade, MilestoneKind, OpioidUse, PastPolicy, Phase, Setting, WorkClass

_BRACE_KINDS = frozenset({MilestoneKind.brace_wean, MilestoneKind.brace_fitted})
_MEDICINE_KINDS = frozenset({MilestoneKind.medicines_pause, MilestoneKind.medicines_restart})
_WORK_KINDS = frozenset({*WORK_CLASS_OF, MilestoneKind.work_note_before})
_OPIOID_LONG_TERM_TEXT = "opioid_long_term"


def plan_milestones(stage: Stage, patient: PatientFacts, *, enrolled_on: date) -> list[PlannedMilestone]:
    """Return the milestones of `stage` in the protocol's order. Raises PlanError if a date leaves the calendar."""
    return [
        _plan_one(template, stage, patient, enrolled_on)
        for template in _templates(stage.protocol)
        if _applies(template.kind, stage, patient)
    ]


def _templates(protocol: Protocol) -> Iterator[MilestoneTemplate]:
    for template in protocol.milestones:
        yield template
        if template.kind is MilestoneKind.rtw_heavy:
            yield _very_heavy(protocol)


def _very_heavy(protocol: Protocol) -> MilestoneTemplate:
    kind = MilestoneKind.rtw_very_heavy
    sources = protocol.work.sources
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


def _plan_one(template: MilestoneTemplate, stage: Stage, patient: PatientFacts, enrolled_on: date) -> PlannedMilestone:
    template = _for_patient(template, stage, patient)
    protocol, day0, rule = stage.protocol, stage.day0, rule_of(template.kind)
    eligible = _eligibility(template, stage, patient)
    text_key = _text_key(template, protocol, patient)
    not_before_days = _first_heavy_day(template.kind, stage, patient)
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
        past_policy=_past_policy(template.kind, protocol, latest_on or target_on, enrolled_on),
        owner=rule.owner,
        not_before_days=not_before_days,
        not_before_on=day_after(day0, not_before_days),
    )


def _for_patient(template: MilestoneTemplate, stage: Stage, patient: PatientFacts) -> MilestoneTemplate:
    if template.kind is MilestoneKind.discharge and stage.setting is Setting.outpatient:
        return replace(template, earliest_days=0, target_days=0, latest_days=0)
    if template.kind is MilestoneKind.opioid_stop and patient.opioid_use is OpioidUse.daily_long_term:
        return replace(template, earliest_days=None, target_days=None, latest_days=None)
    return template


def _eligibility(template: MilestoneTemplate, stage: Stage, patient: PatientFacts) -> Eligibility:
    return eligibility_of(
        template,
        stage.protocol,
        low_bone_density=patient.low_bone_density,
        brace_ordered=stage.brace_ordered,
    )


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


def _first_heavy_day(kind: MilestoneKind, stage: Stage, patient: PatientFacts) -> int | None:
    """Return the day before which very heavy work is not considered; None for other kinds, or if there is none."""
    if kind is not MilestoneKind.rtw_very_heavy:
        return None
    heavy = stage.protocol.find_milestone(MilestoneKind.rtw_heavy)
    return None if heavy is None else _eligibility(heavy, stage, patient).days


def _past_policy(kind: MilestoneKind, protocol: Protocol, last_on: date | None, enrolled_on: date) -> PastPolicy | None:
    """Return what applies if `last_on`, the end of the window or of an open one the target, was before enrolment."""
    if last_on is None or last_on >= enrolled_on:
        return None
    return protocol.reminders.past_policy_of(kind)
