"""From which day each class of work may be considered, over all surgeries of an episode.

Rules: evidence file, sections 2.9, 8 and 11. Says nothing of what is cleared, and a day here clears nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from schedules.plan.build import plan_cases
from schedules.plan.combine import combine
from schedules.plan.items import ClinicRules, PatientFacts, PlannedMilestone, Stage
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.milestones import plan_work_milestones
from schedules.plan.vocabulary import Binding, Grade, MilestoneKind, Procedure, WorkClass

_NOTHING_SET = ClinicRules()


@dataclass(frozen=True, slots=True)
class WorkOption:
    """One class of work: its window, and the first day on which a clinician may clear it; None: never by date.

    `binds` is what fixes that day, `binding_procedure` of stage `binding_stage` whose limit it is. `occurrence` is the
    stage under which the milestone stands. `not_before_on` bounds very heavy work, which only the surgeon dates.
    """

    work_class: WorkClass
    occurrence: int
    earliest_on: date | None
    target_on: date | None
    latest_on: date | None
    eligible_on: date | None
    binds: Binding
    binding_procedure: Procedure
    binding_stage: int
    not_before_on: date | None
    grade: Grade
    sources: tuple[str, ...]


def work_eligibility(
    stages: Sequence[Stage], patient: PatientFacts, clinic: ClinicRules = _NOTHING_SET, *, on: date | None = None
) -> dict[WorkClass, WorkOption]:
    """Return an option for every class of work, the lightest first, whatever class the patient's own is.

    `on` asks for the occurrences that stand on that day: before a later stage those of the earlier one. Without it they
    are those of the last stage. A stage without a date counts only where none has one; no stage that stands gives
    nothing. Raises PlanError as `build_plan` does.
    """
    cases = plan_cases(stages, patient, enrolled_on=date.min, clinic=clinic)
    dated = [case for case in cases if case.stage.day0 is not None]
    planned = [(case, plan_work_milestones(case)) for case in dated or cases]
    combined = combine(planned)
    standing: dict[str, list[PlannedMilestone]] = {}
    for case, items in planned:
        for item in combined.of_stage(case.stage.ordinal, items):
            standing.setdefault(item.key, []).append(item)
    chosen = (_standing_on(items, on) for items in standing.values())
    return {option.work_class: option for option in map(_option, chosen)}


def _standing_on(items: Sequence[PlannedMilestone], on: date | None) -> PlannedMilestone:
    """Return the first occurrence that no later stage has superseded by `on`."""
    by_end = sorted(items, key=lambda item: item.superseded_on or date.max)
    if on is None:
        return by_end[-1]
    return next((item for item in by_end if item.superseded_on is None or on < item.superseded_on), by_end[-1])


def _option(item: PlannedMilestone) -> WorkOption:
    return WorkOption(
        work_class=WORK_CLASS_OF[MilestoneKind(item.kind)],
        occurrence=item.occurrence,
        earliest_on=item.earliest_on,
        target_on=item.target_on,
        latest_on=item.latest_on,
        eligible_on=item.eligible_on,
        binds=Binding(item.binds),
        binding_procedure=item.binding_procedure,
        binding_stage=item.binding_stage,
        not_before_on=item.not_before_on,
        grade=item.grade or Grade.E,
        sources=item.sources,
    )
