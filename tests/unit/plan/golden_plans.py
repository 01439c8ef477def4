"""The golden plans: one text a protocol, for a clinician to read.

Write them again with `.venv/bin/python -m tests.unit.plan.golden_plans`, and read the difference before keeping it.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

from schedules.plan.build import PatientFacts
from schedules.plan.library import load_library
from schedules.plan.render import render_beside, render_plan
from schedules.plan.vocabulary import OpioidUse, WorkClass
from tests.unit.plan.samples import plan, stage

GOLDEN_FOLDER = Path(__file__).parent / "golden"
STAGED = (stage("INTRACEPT", day0=date(2026, 3, 1)), stage("MD-MISS", day0=date(2026, 3, 22), ordinal=2))
_STAGED_TITLE = "The worked example of staged surgery: INTRACEPT, then MD-MISS\n"
_LATE_TITLE = "Low bone density, long-term opioids, very heavy work, enrolled on day 20\n"
_FRAIL = PatientFacts(work_class=WorkClass.very_heavy, opioid_use=OpioidUse.daily_long_term, low_bone_density=True)
_ANY_WORK = PatientFacts(work_class=None, wants_contact_sport=True)


def render_golden_plans() -> dict[str, str]:
    """Return the text of every golden plan by file name: each protocol, and one with a collar."""
    texts = {}
    for protocol in load_library().protocols:
        title = f"{protocol.id}, version {protocol.version} ({protocol.status}): {protocol.title}\n"
        usual = stage(protocol.id)
        name = protocol.id.lower().replace("+", "_or_more")
        texts[f"{name}.txt"] = title + render_plan(plan(usual, patient=_ANY_WORK))
    collar = plan(replace(stage("ACDF-2+"), brace_ordered=True), patient=_ANY_WORK)
    texts["acdf-2_or_more.collar.txt"] = "ACDF-2+, a collar was ordered\n" + render_plan(collar)
    texts["intracept_then_md-miss.txt"] = _STAGED_TITLE + render_plan(plan(*STAGED, patient=_ANY_WORK))
    texts["md.beside.txt"] = render_beside(
        {each: plan(stage(each), patient=_ANY_WORK) for each in ("MD-MISS", "MD-OPEN")}
    )
    texts["md-miss.undated.txt"] = render_plan(plan(stage(day0=None), patient=_ANY_WORK))
    late = plan(stage("INTRACEPT"), patient=_FRAIL, enrolled_on=date(2026, 3, 22))
    texts["intracept.late.txt"] = (
        "Low bone density, long-term opioids, very heavy work, enrolled on day 20\n" + render_plan(late)
    )
    return texts


def write_golden_plans() -> None:
    """Write all golden plans, and drop those that are no longer made."""
    GOLDEN_FOLDER.mkdir(exist_ok=True)
    for path in GOLDEN_FOLDER.glob("*.txt"):
        path.unlink()
    for name, text in render_golden_plans().items():
        (GOLDEN_FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_golden_plans()
