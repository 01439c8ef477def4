"""Which e-mails a caseload gives, by the file and the pure plan functions alone: no database, no worker."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from schedules.plan.build import PatientFacts, Plan, Stage, build_plan
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol, ReminderTemplate
from schedules.plan.reminders import PLANNED, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.vocabulary import (
    Approach,
    Language,
    MilestoneKind,
    Phase,
    Procedure,
    Setting,
    SurgeryStatus,
    WorkClass,
)

Row = Mapping[str, str]
Letter = tuple[str, str]  # address and what it says


@dataclass(frozen=True, slots=True)
class DueMail:
    """One e-mail that is to go out: to whom, how it begins, and from when until when it is useful."""

    address: str
    text: str
    zone: str
    wall_time: str  # what the patient's clock shows when it is due
    ruled_time: str  # what the rule says it should show
    due_at: datetime
    useful_until: datetime


def due_mails(caseload: Path, *, enrolled_at: datetime, clinic_zone: ZoneInfo) -> list[DueMail]:
    """Return every e-mail of the caseload, enrolled at one instant; those the gate holds back are left out."""
    with caseload.open(encoding="utf-8", newline="") as file:
        by_episode: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in csv.DictReader(file):
            by_episode[row["mrn"], row["episode"]].append(row)
    return [
        mail
        for rows in by_episode.values()
        if "email" in rows[0]["channels"].split(";") and rows[0]["email"]
        for mail in _mails_of_episode(rows, enrolled_at, clinic_zone)
    ]


def letters_by_round(mails: Iterable[DueMail], rounds: list[datetime]) -> list[Counter[Letter]]:
    """Return, for each instant at which workers run, what they send: all that is due by then and useful still."""
    letters: list[Counter[Letter]] = [Counter() for _ in rounds]
    for mail in mails:
        number = next((n for n, instant in enumerate(rounds) if instant >= mail.due_at), None)
        if number is not None and rounds[number] < mail.useful_until:
            letters[number][mail.address, mail.text] += 1
    return letters


def _mails_of_episode(rows: list[Row], enrolled_at: datetime, clinic_zone: ZoneInfo) -> Iterator[DueMail]:
    today = enrolled_at.astimezone(clinic_zone).date()
    rows = sorted(rows, key=lambda row: row["surgery_date"] or "9999")
    stages = [_stage(row, ordinal, today) for ordinal, row in enumerate(rows, 1)]
    facts = PatientFacts(WorkClass(rows[0]["work_class"]), low_bone_density=rows[0]["low_bone_density"] == "yes")
    plan = build_plan(stages, facts, enrolled_on=today)
    prefs = ReminderPrefs(zone=ZoneInfo(rows[0]["time_zone"]), clinic_zone=clinic_zone)
    messages = {stage.ordinal: StageMessages(stage.protocol.reminders, enrolled_at) for stage in stages}
    for planned in plan_reminders(plan, messages, prefs):
        stage = stages[planned.occurrence - 1]
        unconfirmed = planned.phase is Phase.after_surgery and stage.status is SurgeryStatus.planned
        if planned.outcome != PLANNED or unconfirmed:
            continue
        template = _template(plan, stage.protocol, planned.milestone_key, planned.key)
        yield DueMail(
            address=rows[0]["email"],
            text=template.text.in_language(Language(rows[0]["language"])),
            zone=rows[0]["time_zone"],
            wall_time=f"{planned.due_at.astimezone(prefs.zone):%H:%M}",
            ruled_time=f"{template.local_time:%H:%M}",
            due_at=planned.due_at,
            useful_until=planned.useful_until,
        )


def _stage(row: Row, ordinal: int, today: date) -> Stage:
    day0 = date.fromisoformat(row["surgery_date"]) if row["surgery_date"] else None
    status = SurgeryStatus(row["status"])
    if status is SurgeryStatus.performed and day0 is not None and day0 > today:
        status = SurgeryStatus.planned
    levels = row["levels"].split(";")
    protocol = load_library().select(Procedure(row["procedure"]), Approach(row["approach"]), None, len(levels))
    return Stage(ordinal=ordinal, protocol=protocol, day0=day0, status=status, setting=Setting(row["setting"]))


def _template(plan: Plan, protocol: Protocol, milestone_key: str, key: str) -> ReminderTemplate:
    kind = next(item.kind for item in plan.milestones if item.key == milestone_key)
    return next(each for each in protocol.reminders.for_kind(MilestoneKind(kind)) if each.key == key)
