"""How much a staged plan with its reminders costs, and whether the 100,000th plan costs what the 1,000th did.

Run with `.venv/bin/python -m tests.bench.bench_staged`; prints two lines. The first ratio compares with planning each
stage alone, without reminders. The second is the processor time a plan takes in batches of 1,000: the last ten of a
hundred in one process by the first ten, medians. Flat is 1. Each batch is measured against a fixed piece of work right
before and after it, since the pace of a shared machine drifts within the minutes that this takes.
"""

import resource
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from statistics import median
from time import process_time
from zoneinfo import ZoneInfo

from schedules.plan.build import PatientFacts, Plan, Stage, build_plan
from schedules.plan.library import load_library
from schedules.plan.reminders import ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.vocabulary import Setting, SurgeryStatus

KNOWN_ON = date(2026, 1, 5)
PATIENT = PatientFacts(work_class=None, wants_contact_sport=True)
PREFS = ReminderPrefs(zone=ZoneInfo("America/New_York"), clinic_zone=ZoneInfo("America/New_York"))
ROUNDS = 15
STAGED_A_ROUND = 20
BATCH, BATCHES = 1_000, 100
TENTH = BATCHES // 10
PACE_ROUNDS = 40


def staged_episode() -> tuple[Stage, Stage]:
    """Return an Intracept and, three weeks later, a microdiscectomy."""
    first, second = (load_library().protocol(each, 1) for each in ("INTRACEPT", "MD-MISS"))
    return (
        Stage(1, first, date(2026, 3, 1), SurgeryStatus.performed, Setting.outpatient),
        Stage(2, second, date(2026, 3, 22), SurgeryStatus.planned, Setting.inpatient),
    )


def plan_staged(stages: tuple[Stage, ...]) -> int:
    """Plan the episode with all its reminders; return how many items and messages there are."""
    plan = build_plan(stages, PATIENT, enrolled_on=KNOWN_ON)
    known_at = datetime(2026, 1, 5, 15, tzinfo=UTC)
    messages = {stage.ordinal: StageMessages(stage.protocol.reminders, known_at) for stage in stages}
    return len(plan.milestones) + len(plan.restrictions) + len(plan_reminders(plan, messages, PREFS))


def plan_apart(stages: tuple[Stage, ...]) -> list[Plan]:
    """Plan each stage as if it were alone, without reminders."""
    return [build_plan([stage], PATIENT, enrolled_on=KNOWN_ON) for stage in stages]


def single_stages() -> Iterator[Stage]:
    """Yield surgeries without end: protocol after protocol, day after day."""
    for number, protocol in enumerate(cycle(load_library().protocols)):
        on = date(2026, 1, 1) + timedelta(days=number % 365)
        yield Stage(1, protocol, on, SurgeryStatus.performed, Setting.inpatient)


def seconds_of(work: Callable[[], object]) -> float:
    """Return the processor time of one round of `work`."""
    start = process_time()
    for _ in range(STAGED_A_ROUND):
        work()
    return process_time() - start


def seconds_of_pace() -> float:
    """Return the processor time of work that is always the same and has nothing to do with plans."""
    start = process_time()
    for _ in range(PACE_ROUNDS):
        sorted({str(number): number for number in range(5_000)}.items())
    return process_time() - start


def batch_cost(stages: Iterator[Stage]) -> tuple[float, float]:
    """Return the processor time that a plan takes over the next thousand, and the same as a share of the pace."""
    before = seconds_of_pace()
    seconds = seconds_a_plan(stages)
    return seconds, seconds / (before + seconds_of_pace())


def seconds_a_plan(stages: Iterator[Stage]) -> float:
    """Return the processor time that a plan takes, over the next thousand."""
    start = process_time()
    for stage in islice(stages, BATCH):
        build_plan([stage], PATIENT, enrolled_on=KNOWN_ON)
    return (process_time() - start) / BATCH


def compare_staged() -> str:
    """Return the line about a staged episode with its reminders."""
    stages = staged_episode()
    rows = plan_staged(stages)
    pairs = [(seconds_of(lambda: plan_staged(stages)), seconds_of(lambda: plan_apart(stages))) for _ in range(ROUNDS)]
    ratio = median(whole / apart for whole, apart in pairs)
    cost_us = median(whole for whole, _ in pairs) / STAGED_A_ROUND * 1e6
    return f"plan_staged: ratio {ratio:.2f} ({cost_us:.0f} us an episode of two stages, {rows} items and messages)"


def compare_many() -> str:
    """Return the line about 100,000 plans in this process."""
    stages = single_stages()
    seconds_a_plan(stages)  # the content is read and the interpreter warm
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    costs = [batch_cost(stages) for _ in range(BATCHES)]
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    flat = median(share for _, share in costs[-TENTH:]) / median(share for _, share in costs[:TENTH])
    cost_us = median(seconds for seconds, _ in costs) * 1e6
    return (
        f"plan_flat: ratio {flat:.2f} ({cost_us:.0f} us a plan, {BATCH * BATCHES} plans, {grown_kib} KiB more memory)"
    )


def main() -> None:
    """Print both ratios."""
    print(compare_staged())
    print(compare_many())


if __name__ == "__main__":
    main()
