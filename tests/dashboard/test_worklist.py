"""The worklist: who is on it and why, in which order, at what cost; and the list of all patients."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject, CheckIn, Clearance, Episode, Milestone, Task, Token
from models.care import Reporter
from models.report import TaskKind
from schedules.plan.check_ins import CheckInRhythm, RhythmHistory, RhythmPhase, RhythmVersion
from schedules.plan.course import WaitingReason
from schedules.plan.vocabulary import EpisodeStatus, MilestoneState, Procedure, SkipReason, SurgeryStatus
from service.care.progress_view import view_progress
from service.dashboard.queries.worklist import Caseload, OpenTask, Person, Stage, load_caseload
from service.dashboard.worklist import Sort, Wanted, make_worklist
from service.dashboard.worklist_day import make_day
from service.dashboard.worklist_reasons import Why
from service.db import db
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.dashboard.conftest import Desk, text_of

NEW_YORK = ZoneInfo("America/New_York")


def of(patient_id: str, name: str = "Sample", *stages: Stage, heard_at: datetime | None = None) -> Person:
    return Person(patient_id, f"{patient_id}-e", "Alex", name, "casey", date(1980, 5, 17), heard_at, list(stages))


def caseload(*people: Person, **parts: object) -> Caseload:
    empty: dict[str, object] = {
        "late": {},
        "tasks": {},
        "alerts": {},
        "staff": {"casey": "Casey"},
        "open_count": len(people),
    }
    return Caseload(people=people, **(empty | parts))  # type: ignore[arg-type]  # by the dataclass's own names


def a_task(patient_id: str, kind: TaskKind, due_on: date) -> OpenTask:
    return OpenTask(f"{patient_id}-{kind}", f"{patient_id}-e", kind, due_on, datetime(2026, 3, 1, tzinfo=UTC))


def test_danger_stands_before_questions_and_the_longest_wait_before_the_shorter_one() -> None:
    tasks = {
        "a-e": [a_task("a", TaskKind.past_items, date(2026, 2, 28))],
        "b-e": [a_task("b", TaskKind.past_items, date(2026, 2, 20))],
        "c-e": [
            a_task("c", TaskKind.past_items, date(2026, 1, 1)),
            a_task("c", TaskKind.call_patient, date(2026, 3, 2)),
        ],
    }

    worklist = make_worklist(caseload(of("a"), of("b"), of("c"), tasks=tasks), Wanted(), date(2026, 3, 2), NEW_YORK)

    assert [entry.person.patient_id for entry in worklist.entries] == ["c", "b", "a"]
    assert [reason.why for reason in worklist.entries[0].reasons] == [Why.danger, Why.task]
    assert (worklist.counts[Why.danger], worklist.counts[Why.task], worklist.needing) == (1, 3, 3)


@pytest.mark.parametrize(
    ("surgery_on", "heard_at", "days"),
    [
        (date(2026, 2, 23), None, 7),  # never, a week after surgery
        (date(2026, 2, 23), datetime(2026, 2, 28, 3, 0, tzinfo=UTC), 3),  # the evening of the 27th in New York
        (date(2026, 2, 23), datetime(2026, 2, 28, 12, 0, tzinfo=UTC), None),
        (date(2026, 2, 10), datetime(2026, 2, 23, 12, 0, tzinfo=UTC), None),  # day 20: twice a week
        (date(2026, 2, 10), datetime(2026, 2, 22, 12, 0, tzinfo=UTC), 8),
        (date(2025, 11, 1), None, None),  # after day 90 nothing is expected
        (date(2026, 3, 9), None, None),  # nor before surgery
    ],
)
def test_who_misses_two_check_ins_of_the_rhythm_is_silent(
    surgery_on: date, heard_at: datetime | None, days: int | None
) -> None:
    stage = Stage(
        episode_id="a-e",
        stage=1,
        procedure=Procedure.tlif,
        approach_class=None,
        surgery_on=surgery_on,
        status=SurgeryStatus.performed,
    )

    found = make_worklist(
        caseload(of("a", "Sample", stage, heard_at=heard_at)),
        Wanted(),
        date(2026, 3, 2),
        NEW_YORK,
    )

    assert [entry.reasons[0].days for entry in found.entries] == ([] if days is None else [days])


@pytest.mark.parametrize(
    ("phases", "heard_on", "days"),
    [
        (((90, 7),), 27, 3),  # the days between were both asked for
        (((90, 1),), 23, None),  # a week, and the first that was asked for is today's
        (((90, 1),), 21, 9),  # that of day 14 was missed, in more than seven days
        (((21, 1), (90, 7)), 27, None),
    ],
)
def test_a_clinics_own_rhythm_says_who_is_silent(
    phases: tuple[tuple[int, int], ...], heard_on: int, days: int | None
) -> None:
    day0 = date(2026, 2, 9)  # today is day 21
    stage = Stage(
        episode_id="a-e", stage=1, procedure=Procedure.tlif, approach_class=None, surgery_on=day0,
        status=SurgeryStatus.performed,
    )  # fmt: skip
    rhythm = CheckInRhythm(tuple(RhythmPhase(*each) for each in phases), None, ())
    rhythms = RhythmHistory((RhythmVersion(1, date(2026, 1, 1), rhythm),))
    people = caseload(of("a", "Sample", stage, heard_at=datetime(2026, 2, heard_on, 15, tzinfo=UTC)))

    found = make_worklist(people, Wanted(), date(2026, 3, 2), NEW_YORK, rhythms=rhythms)

    assert [entry.reasons[0].days for entry in found.entries] == ([] if days is None else [days])


def test_a_call_after_surgery_is_on_the_list_from_its_day_on() -> None:
    tasks = {
        f"{each}-e": [a_task(each, TaskKind.recovery_call, date(2026, 3, day))] for each, day in (("a", 2), ("b", 3))
    }

    found = make_worklist(caseload(of("a"), of("b"), tasks=tasks), Wanted(), date(2026, 3, 2), NEW_YORK)

    assert [(entry.person.patient_id, entry.why) for entry in found.entries] == [("a", Why.task)]


def test_names_that_differ_in_case_alone_stand_together() -> None:
    tasks = {f"{each}-e": [a_task(each, TaskKind.past_items, date(2026, 3, 2))] for each in "abc"}
    people = (of("a", "Zhang"), of("b", "de Souza"), of("c", "Diaz"))

    found = make_worklist(caseload(*people, tasks=tasks), Wanted(sort=Sort.name), date(2026, 3, 2), NEW_YORK)

    assert [entry.person.family_name for entry in found.entries] == ["de Souza", "Diaz", "Zhang"]


def test_what_waits_and_what_is_behind_is_what_the_course_says_on_every_day(
    session: Session, clinic: Clinic, milestone_id: Callable[[str], str]
) -> None:
    def rows(key: str) -> Milestone:
        return session.get_one(Milestone, (clinic.id, milestone_id(key)))

    builders.progress(session, rows("walk30"))
    skipped = builders.progress(session, rows("sit60"), achieved_on=None, skip_reason=SkipReason.not_applicable)
    clearance = Clearance(practice_id=clinic.id, id="clearance-1", patient_id=clinic.patient.id)
    clearance.episode_id, clearance.milestone_id = clinic.episode.id, milestone_id("drive")
    clearance.cleared_on, clearance.cleared_at = date(2026, 3, 9), MONDAY_AFTERNOON
    clearance.cleared_by, clearance.grounds = clinic.clinician.id, {}
    session.add(clearance)
    session.commit()
    seen = set()

    for day in (2, 8, 9, 16, 30, 60, 120, 400):
        today = date.fromordinal(date(2026, 2, 23).toordinal() + day)
        late = load_caseload(session, clinic.id, make_day(today, NEW_YORK)).late
        for episode in (clinic.episode, clinic.other_episode):
            course = view_progress(session, clinic.practice, episode, today)
            waiting = {
                each.row.id for each in course.waiting_for_clinic if each.waiting.reason is WaitingReason.to_clear
            }
            behind = {each.row.id: each.behind.closed_on for each in course.behind}
            found = late.get(episode.id, ())
            assert {each.milestone_id for each in found if each.state is MilestoneState.eligible} == waiting
            told = {each.milestone_id: each.since_on for each in found if each.state is MilestoneState.overdue}
            assert told == behind
            seen |= {bool(waiting), bool(behind)}
    assert seen == {True, False}
    assert skipped.skip_reason is SkipReason.not_applicable


def test_the_page_names_who_why_and_since_when_and_the_trail_whom_it_showed(
    desk: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    session.add(
        Task(
            practice_id=clinic.id, id="t1", patient_id=clinic.patient.id, episode_id=clinic.episode.id,
            kind=TaskKind.call_patient, due_on=date(2026, 2, 28), about={}, created_at=MONDAY_AFTERNOON,
        )
    )  # fmt: skip
    session.commit()

    answer = desk.get("/clinic/")

    said = text_of(answer)
    assert "Call now 1" in said
    assert "Sample, Alex 45 y Lumbar microdiscectomy MISS L4-L5 POD 7" in said
    assert "Call: a date or clearance changed, for 2 days" in said
    (entry,) = look(AuditEntry, practice_id=clinic.id)
    assert (entry.route, entry.actor_id, entry.status) == ("GET /clinic/", clinic.coordinator.id, 200)
    assert {row.patient_id for row in subjects(session, entry.id)} == {clinic.patient.id, clinic.other_patient.id}


def subjects(session: Session, entry_id: str) -> list[AuditSubject]:
    return list(session.scalars(select(AuditSubject).where(AuditSubject.entry_id == entry_id)))


@pytest.mark.sqlite_only
def test_filters_in_the_address_narrow_the_list_and_nonsense_counts_as_none(desk: Desk) -> None:
    def shown(query: str) -> int:
        return int(desk.get(f"/clinic/?{query}").get_data(as_text=True).count("data-row"))

    assert shown("") == 2
    assert shown("procedure=lumbar_microdiscectomy&class=miss&sort=name") == 2
    assert shown("procedure=tlif") == shown("class=open") == shown("why=danger") == shown("of=nobody") == 0
    assert shown("why=nonsense&procedure=%27&class=&sort=x&page=-1") == 2
    assert shown("page=99") == shown("page=1") == shown("page=²") == 2


@pytest.mark.sqlite_only
def test_an_episode_that_ended_is_on_no_worklist(desk: Desk, session: Session, clinic: Clinic) -> None:
    for row in session.scalars(select(Episode).filter_by(practice_id=clinic.id)):
        row.status = EpisodeStatus.closed
    session.commit()

    assert "Nobody needs you now" in text_of(desk.get("/clinic/"))


@pytest.mark.sqlite_only
def test_an_open_page_learns_that_nothing_changed_without_showing_anybody(
    desk: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    page = desk.get("/clinic/").get_data(as_text=True)
    mark = page.split("/clinic/worklist?mark=")[1].split("&")[0]

    same = desk.get(f"/clinic/worklist?mark={mark}")
    add_check_in(session, clinic)
    changed = desk.get(f"/clinic/worklist?mark={mark}")

    assert (same.status_code, same.get_data()) == (204, b"")
    assert (changed.status_code, changed.get_data(as_text=True).count("data-row")) == (200, 2)
    named = [len(subjects(session, each.id)) for each in look(AuditEntry, practice_id=clinic.id)]
    assert sorted(named) == [0, 2, 2]


def add_check_in(session: Session, clinic: Clinic) -> None:
    row = CheckIn(practice_id=clinic.id, id="c1", patient_id=clinic.patient.id, episode_id=clinic.episode.id, pain=3)
    row.reported_at = row.received_at = MONDAY_AFTERNOON
    row.reported_by = Reporter.patient
    session.add(row)
    session.commit()


@pytest.mark.sqlite_only
def test_what_an_open_page_asks_by_itself_does_not_keep_the_session_alive(
    desk: Desk, session: Session, clinic: Clinic, look: Look, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=5))
    desk.get("/clinic/worklist?mark=0")
    polled = [row.last_seen_at for row in look(Token, kind="staff_session")]
    desk.get("/clinic/")
    looked = [row.last_seen_at for row in look(Token, kind="staff_session")]

    assert polled == [MONDAY_AFTERNOON]
    assert looked == [MONDAY_AFTERNOON + timedelta(minutes=5)]


@pytest.mark.sqlite_only
def test_the_worklist_costs_the_same_statements_for_few_patients_and_for_many(
    desk: Desk, app: Flask, session: Session, clinic: Clinic
) -> None:
    def statements(path: str) -> int:
        seen: list[str] = []
        with app.app_context():
            event.listen(db.engine, "before_cursor_execute", lambda *told: seen.append(str(told[2])))
        assert desk.get(path).status_code == 200
        return len(seen)

    add_patients(session, clinic, 20)
    few = [statements(path) for path in ("/clinic/", "/clinic/?sort=name&page=2", "/clinic/patients")]
    add_patients(session, clinic, 480)
    many = [statements(path) for path in ("/clinic/", "/clinic/?sort=name&page=2", "/clinic/patients")]

    assert few[0] == 20
    # Listeners add up: each call counts through its own.
    assert few == many


def add_patients(session: Session, clinic: Clinic, count: int) -> None:
    for _ in range(count):
        surgery = builders.surgery(session, builders.episode(session, builders.patient(session, clinic.practice)))
        builders.milestone(session, surgery, latest_on=date(2026, 3, 1), earliest_on=date(2026, 2, 24))
    session.commit()


@pytest.mark.sqlite_only
def test_a_search_finds_words_of_names_and_numbers_and_knows_no_wildcard(
    desk: Desk, session: Session, clinic: Clinic
) -> None:
    builders.patient(session, clinic.practice, family_name="O'Brien_50%", given_name="Mia", mrn="AB-1")
    session.commit()

    def found(text: str) -> int:
        return int(desk.post("/clinic/patients", {"q": text}).get_data(as_text=True).count("data-row"))

    assert found("mia o'brien") == found("ab-1") == found("_50%") == 1
    assert found("%") == found("_") == 1
    assert found("") == found("  ") == 3
    assert found("sample") == 2
    assert found("nobody") == found("\\") == 0
    assert found("a " * 5000) == 3


@pytest.mark.sqlite_only
@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}"])
def test_a_name_is_text_wherever_it_stands(desk: Desk, session: Session, clinic: Clinic, name: str) -> None:
    clinic.patient.family_name = name
    session.commit()

    pages = [
        desk.get("/clinic/"),
        desk.get("/clinic/patients"),
        desk.get(f"/clinic/patients/{clinic.patient.id}"),
        desk.post("/clinic/patients", {"q": name}),
    ]

    for page in pages:
        said = page.get_data(as_text=True)
        assert page.status_code == 200
        assert "<script>alert" not in said
        assert "<img" not in said
        assert "49" not in text_of(page).split("Sample")[0] or "{{" not in name


@pytest.mark.sqlite_only
def test_pages_speak_the_language_that_was_chosen_or_the_browsers(desk: Desk) -> None:
    browser = desk.get("/clinic/", headers={"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"})
    chosen = desk.get("/clinic/?language=es")
    kept = desk.get("/clinic/")

    assert 'lang="es"' in browser.get_data(as_text=True)
    assert "Lista de trabajo" in text_of(chosen)
    assert "Lista de trabajo" in text_of(kept)


@pytest.mark.sqlite_only
def test_a_patients_page_says_what_is_limited_what_waits_and_what_comes_next(
    desk: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    answer = desk.get(f"/clinic/patients/{clinic.patient.id}")

    said = text_of(answer)
    assert answer.status_code == 200
    assert "Lumbar microdiscectomy MISS L4-L5 POD 7" in said
    assert "Limits today Mon 2 Mar" in said
    assert "Lifting" in said
    assert "Next three" in said
    (entry,) = look(AuditEntry, practice_id=clinic.id)
    assert [row.patient_id for row in subjects(session, entry.id)] == [clinic.patient.id]


@pytest.mark.sqlite_only
def test_a_patient_without_an_episode_has_a_page_too(desk: Desk, session: Session, clinic: Clinic) -> None:
    person = builders.patient(session, clinic.practice)
    session.commit()

    assert "No episode of care yet" in text_of(desk.get(f"/clinic/patients/{person.id}"))
    assert desk.get(f"/clinic/patients/{clinic.patient.id}?episode={clinic.other_episode.id}").status_code == 404
