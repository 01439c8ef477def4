"""The full plan of every protocol, before and after surgery, stays as a clinician has read it."""

from dataclasses import replace
from datetime import date

from schedules.plan.build import PatientFacts
from schedules.plan.render import render_plan
from schedules.plan.vocabulary import WorkClass
from tests.unit.plan.golden_plans import GOLDEN_FOLDER, render_golden_plans
from tests.unit.plan.samples import plan, stage


def test_every_plan_reads_as_its_golden_file_and_none_is_left_over() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in GOLDEN_FOLDER.glob("*.txt")}

    assert render_golden_plans() == written


def test_a_plan_without_a_date_reads_so() -> None:
    text = render_plan(plan(stage(day0=None)))

    assert text.startswith("Stage 1: lumbar_microdiscectomy, day 0 not known\n")
    assert "2026" not in text


def test_a_plan_names_its_stages_and_what_was_past_at_enrolment() -> None:
    staged = plan(stage("INTRACEPT"), replace(stage(ordinal=2), day0=date(2026, 3, 23)), enrolled_on=date(2026, 3, 24))

    text = render_plan(staged)

    assert "Stage 1: intracept, day 0 Mon 2026-03-02" in text
    assert "Stage 2: lumbar_microdiscectomy, day 0 Mon 2026-03-23" in text
    assert "past at enrolment: ask_coordinator" in text


def test_very_heavy_work_reads_as_the_surgeons_word() -> None:
    text = render_plan(plan(stage(), patient=PatientFacts(WorkClass.very_heavy)))

    (line,) = [line for line in text.splitlines() if "rtw_very_heavy" in line]
    assert "never by date (surgeon)" in line
    assert "not before POD 85" in line
