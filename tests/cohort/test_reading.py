"""A caseload file is read row by row: a faulty one is named with line and column, and refused alone."""

from datetime import date

import pytest

from schedules.plan.library import load_library
from service.care.cohort_file import COLUMNS, MOST_ROWS, CohortFileError, TextRow, read_rows
from service.care.cohort_rows import CohortRow, RefusedRow, judge_rows
from service.errors import Fault
from tests.cohort.caseload import FAULTY, GOOD_ROW, caseload

TODAY = date(2026, 3, 2)


def _judge(content: bytes, today: date = TODAY) -> tuple[list[CohortRow], list[RefusedRow]]:
    return judge_rows(read_rows(content), today=today, country="US", library=load_library())


def _fault(content: bytes) -> Fault:
    """Return the only fault of the only row."""
    good, refused = _judge(content)
    assert good == []
    (row,) = refused
    (fault,) = row.faults
    assert fault.line == row.line
    return fault


@pytest.mark.parametrize(
    ("line", "column", "expected", "got"),
    [
        (2, "date_of_birth", "a date of the calendar", "1971-02-30"),
        (3, "time_zone", "an IANA zone", "America/New_Yrok"),
        (4, "approach", "one of percutaneous", "open"),
        (5, "email", "an e-mail address", "text of 14 characters"),
        (6, "approach", "one of percutaneous, endoscopic, tubular", "laser"),
        (7, "procedure", "one of lumbar_microdiscectomy", "hip_replacement"),
        (8, "date_of_birth", "a date from 1896-01-01 to 2026-11-22", "2031-04-04"),
        (10, "surgery_date", "a date from 1990-01-01 to 2031", "0026-10-05"),
        (12, "channels", "one of push, email, sms", "pigeon"),
        (13, "setting", "19 cells in the row", "15 cells"),
    ],
)
def test_each_fault_of_the_faulty_file_is_named(line: int, column: str, expected: str, got: str) -> None:
    _, refused = _judge(FAULTY.read_bytes(), today=date(2026, 11, 22))

    (row,) = [row for row in refused if row.line == line]
    (fault,) = row.faults

    assert (fault.line, fault.column) == (line, column)
    assert expected in fault.expected
    assert got in fault.got


def test_the_faulty_file_has_three_good_rows() -> None:
    good, refused = _judge(FAULTY.read_bytes(), today=date(2026, 11, 22))

    assert [(row.line, row.patient.mrn) for row in good] == [(9, "SP900008"), (11, "SP900009"), (14, "SP900012")]
    assert len(refused) == 10


def test_a_name_that_looks_like_a_formula_is_kept_as_it_is() -> None:
    good, _ = _judge(FAULTY.read_bytes(), today=date(2026, 11, 22))

    assert good[0].patient.given_name == '=HYPERLINK("http://x")'


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", '"\tTab"', '"\rReturn"', "O'Neil", "José", "李"])
def test_a_name_is_any_text_a_person_may_have(name: str) -> None:
    (row,), _ = _judge(caseload({"family_name": name}))

    assert row.patient.family_name == name.strip('"')


@pytest.mark.parametrize(
    ("column", "text", "got"),
    [
        ("mrn", "", "nothing"),
        ("mrn", " SP1", "text of 4 characters"),
        ("mrn", "S" * 65, "text of 65 characters"),
        ("given_name", " ", "nothing"),
        ("family_name", "x" * 201, "text of 201 characters"),
        ("date_of_birth", "17.05.1970", "17.05.1970"),
        ("date_of_birth", "19700517", "19700517"),
        ("date_of_birth", "1970-5-17", "1970-5-17"),
        ("date_of_birth", "", "nothing"),
        ("date_of_birth", "Okafor", "text of 6 characters"),
        ("date_of_birth", "1895-12-31", "1895-12-31"),
        ("date_of_birth", "2026-03-03", "2026-03-03"),
        ("language", "de", "'de'"),
        ("time_zone", "", "nothing"),
        ("time_zone", "EST5", "'EST5'"),
        ("time_zone", "localtime", "'localtime'"),
        ("email", "mei.okafor@", "text of 11 characters"),
        ("email", "mei@localhost", "text of 13 characters"),
        ("phone", "555-0123", "text of 8 characters"),
        ("phone", "+0123456789", "text of 11 characters"),
        ("channels", "push;push", "push;push"),
        ("channels", "push;", "nothing"),
        ("channels", "Email", "'Email'"),
        ("episode", "", "nothing"),
        ("procedure", "TLIF", "'TLIF'"),
        ("approach", "anterior", "'anterior'"),
        ("approach", "mini_open", "'lumbar_microdiscectomy'"),
        ("levels", "", "list of 0"),
        ("levels", "C5-C6", "C5-C6"),
        ("levels", "L4", "L4"),
        ("levels", "L3-L5", "L3-L5"),
        ("levels", "L4-L5;L4-L5", "L4-L5;L4-L5"),
        ("levels", "the lowest one", "list of 1"),
        ("surgery_date", "2026-02-30", "2026-02-30"),
        ("surgery_date", "1989-12-31", "1989-12-31"),
        ("surgery_date", "2036-01-01", "2036-01-01"),
        ("surgery_date", "", "nothing"),
        ("status", "done", "'done'"),
        ("setting", "home", "'home'"),
        ("work_class", "office", "'office'"),
        ("workers_comp", "", "nothing"),
        ("workers_comp", "Y", "'Y'"),
        ("low_bone_density", "maybe", "'maybe'"),
    ],
)
def test_a_cell_that_cannot_be_is_refused_and_told(column: str, text: str, got: str) -> None:
    fault = _fault(caseload({column: text}))

    assert (fault.line, fault.column) == (2, column)
    assert got in fault.got


@pytest.mark.parametrize("column", ["mrn", "given_name", "family_name", "email", "phone"])
def test_what_a_fault_tells_never_repeats_a_name_or_contact(column: str) -> None:
    told = _fault(caseload({column: "Zebedee\x00Quux"}))

    assert "Zebedee" not in told.expected + told.got


@pytest.mark.parametrize(
    ("column", "text", "field"),
    [
        ("phone", "", "phone"),
        ("email", "", "email"),
        ("work_class", "", "work_class"),
        ("low_bone_density", "", "low_bone_density"),
    ],
)
def test_an_empty_optional_cell_means_not_known(column: str, text: str, field: str) -> None:
    (row,), _ = _judge(caseload({column: text}))

    assert getattr(row.patient, field) is None


def test_every_fault_of_a_row_is_told_at_once() -> None:
    _, (row,) = _judge(caseload({"date_of_birth": "1970-13-01", "status": "done", "levels": "C5-C6"}))

    assert [fault.column for fault in row.faults] == ["date_of_birth", "status"]


def test_faults_between_cells_are_told_with_the_faults_of_cells() -> None:
    _, (row,) = _judge(caseload({"date_of_birth": "1970-13-01", "levels": "C5-C6"}))

    assert [fault.column for fault in row.faults] == ["date_of_birth", "levels"]


@pytest.mark.parametrize(
    ("procedure", "approach", "levels"),
    [
        ("intracept", "percutaneous", "L4;L5;S1"),
        ("kyphoplasty", "percutaneous", "T12"),
        ("acdf", "anterior", "C5-C6;C6-C7"),
        ("alif", "mini_open", "L5-S1"),
        ("posterior_cervical_foraminotomy", "open", "C7-T1"),
    ],
)
def test_each_procedure_takes_its_own_approaches_and_levels(procedure: str, approach: str, levels: str) -> None:
    (row,), refused = _judge(caseload({"procedure": procedure, "approach": approach, "levels": levels}))

    assert refused == []
    assert row.surgery.levels == tuple(levels.split(";"))


@pytest.mark.parametrize(
    ("procedure", "approach", "levels", "column"),
    [
        ("intracept", "open", "L4;L5", "approach"),
        ("kyphoplasty", "open", "L1", "approach"),
        ("acdf", "open", "C5-C6", "approach"),
        ("alif", "open", "L5-S1", "approach"),
        ("intracept", "percutaneous", "L4-L5", "levels"),
        ("acdf", "anterior", "L4-L5", "levels"),
    ],
)
def test_a_choice_that_a_procedure_does_not_have_is_refused(
    procedure: str, approach: str, levels: str, column: str
) -> None:
    fault = _fault(caseload({"procedure": procedure, "approach": approach, "levels": levels}))

    assert fault.column == column


def test_a_surgery_before_the_birth_is_refused() -> None:
    fault = _fault(caseload({"date_of_birth": "2020-01-01", "surgery_date": "2019-12-31"}))

    assert (fault.column, fault.expected) == ("surgery_date", "a day from the date of birth, 2020-01-01, on")


def test_a_leap_day_is_a_date_in_leap_years_only() -> None:
    (row,), _ = _judge(caseload({"date_of_birth": "1972-02-29"}))

    assert row.patient.date_of_birth == date(1972, 2, 29)
    assert _fault(caseload({"date_of_birth": "1971-02-29"})).column == "date_of_birth"


def test_a_performed_surgery_ahead_is_planned_with_a_warning() -> None:
    (row,), _ = _judge(caseload({"surgery_date": "2026-03-03"}))

    assert row.surgery.status == "planned"
    assert [notice.code for notice in row.notices] == ["performed_in_future"]


def test_a_surgery_performed_today_was_performed() -> None:
    (row,), _ = _judge(caseload({"surgery_date": "2026-03-02"}))

    assert (row.surgery.status, row.notices) == ("performed", ())


def test_a_planned_surgery_in_the_past_stays_planned_with_a_warning() -> None:
    (row,), _ = _judge(caseload({"surgery_date": "2026-03-01", "status": "planned"}))

    assert row.surgery.status == "planned"
    assert [notice.code for notice in row.notices] == ["planned_in_past"]


@pytest.mark.parametrize(("channels", "column"), [("sms", "phone"), ("email", "email")])
def test_a_channel_without_an_address_is_warned_of(channels: str, column: str) -> None:
    (row,), _ = _judge(caseload({"channels": channels, "email": ""}))

    assert [(notice.code, notice.column) for notice in row.notices] == [("channel_without_address", column)]


@pytest.mark.parametrize(
    ("zone", "country", "units"),
    [
        ("Asia/Kathmandu", "NP", "metric"),
        ("America/Puerto_Rico", "PR", "imperial"),
        ("Australia/Lord_Howe", "AU", "metric"),
        ("America/St_Johns", "CA", "metric"),
        ("UTC", "US", "imperial"),
    ],
)
def test_the_country_is_that_of_the_zone_or_else_the_clinics(zone: str, country: str, units: str) -> None:
    (row,), _ = _judge(caseload({"time_zone": zone}))

    assert (row.patient.country, row.patient.units) == (country, units)


def test_rows_that_contradict_each_other_about_a_patient_are_all_refused() -> None:
    _, refused = _judge(
        caseload(
            {"surgery_date": "2026-01-05"},
            {"surgery_date": "2026-02-23", "date_of_birth": "1971-05-17"},
            {"mrn": "SP000002"},
        )
    )

    assert [row.line for row in refused] == [2, 3]
    assert [(fault.column, fault.got) for fault in refused[0].faults] == [("date_of_birth", "another on line 3")]


def test_rows_that_contradict_each_other_about_an_episode_are_all_refused() -> None:
    _, refused = _judge(caseload({"surgery_date": "2026-01-05"}, {"workers_comp": "yes"}))

    assert [fault.column for row in refused for fault in row.faults] == ["workers_comp", "workers_comp"]


def test_a_row_that_comes_twice_is_loaded_once() -> None:
    good, refused = _judge(caseload({}, {}))

    assert [row.line for row in good] == [2]
    assert [(row.line, row.faults[0].got) for row in refused] == [(3, "another on line 2")]


def test_two_rows_that_tell_one_surgery_differently_are_both_refused() -> None:
    good, refused = _judge(caseload({"approach": "tubular"}, {"approach": "open"}))

    assert (good, [row.line for row in refused]) == ([], [2, 3])


def test_a_refused_row_contradicts_nobody() -> None:
    good, refused = _judge(caseload({"surgery_date": "0026-02-23", "given_name": "Mai"}, {}))

    assert ([row.line for row in good], [row.line for row in refused]) == ([3], [2])


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_any_way(ending: bytes) -> None:
    good, refused = _judge(caseload({}, {"mrn": "SP000002"}).replace(b"\n", ending))

    assert ([row.line for row in good], refused) == ([2, 3], [])


def test_a_byte_order_mark_is_a_spreadsheets_habit_and_accepted() -> None:
    good, refused = _judge(b"\xef\xbb\xbf" + caseload({}))

    assert (len(good), refused) == (1, [])


def test_columns_may_come_in_any_order() -> None:
    names = list(reversed(COLUMNS))
    content = ",".join(names) + "\n" + ",".join(GOOD_ROW[name] for name in names)

    good, refused = _judge(content.encode())

    assert (len(good), refused) == (1, [])


def test_empty_lines_are_passed_over_and_still_counted() -> None:
    content = caseload({}).decode() + "\n" + "," * 18 + "\n" + ",".join((GOOD_ROW | {"language": "xx"}).values()) + "\n"

    _, refused = _judge(content.encode())

    assert [row.line for row in refused] == [5]


def test_a_cell_over_two_lines_counts_both() -> None:
    _, refused = _judge(caseload({"family_name": '"Oka\nfor"'}, {"mrn": "SP000002", "status": "done"}))

    assert [row.line for row in refused] == [4]


def test_a_stray_quote_refuses_its_own_row_only() -> None:
    good, refused = _judge(caseload({"family_name": '"Okafor'}, {"mrn": "SP000002"}, {"mrn": "SP000003"}))

    assert [row.line for row in good] == [3, 4]
    assert [(row.line, row.faults[0].column) for row in refused] == [(2, None)]


def test_a_row_with_more_cells_than_columns_is_refused() -> None:
    fault = _fault(caseload({"family_name": "Okafor,Jr"}))

    assert (fault.column, fault.expected, fault.got) == (None, "19 cells in the row", "20 cells")


def test_a_byte_that_is_not_utf_8_refuses_its_own_row_only() -> None:
    content = caseload({"family_name": "Perez"}, {"mrn": "SP000002"}).replace(b"Perez", b"P\xe9rez")

    good, refused = _judge(content)

    assert [row.line for row in good] == [3]
    assert [(fault.line, fault.column) for fault in refused[0].faults] == [(2, "family_name")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "a header row"),
        (b"\n\n", "a header row"),
        (caseload({}).decode().encode("utf-16"), "text in UTF-8"),
        (caseload({}).split(b"\n", 1)[1], "a header row with the columns mrn,given_name"),
        (caseload({}).replace(b",", b";"), "a header row with the columns mrn,given_name"),
        (caseload({}).replace(b"status", b"state"), "this column"),
        (caseload({}).replace(b"setting", b"status"), "this column"),
        (b'"mrn\n', "a header row"),
    ],
)
def test_a_file_that_is_no_caseload_is_refused_as_a_whole(content: bytes, expected: str) -> None:
    with pytest.raises(CohortFileError) as refused:
        read_rows(content)

    assert expected in refused.value.faults[0].expected


def test_every_wrong_column_of_the_header_is_named() -> None:
    content = caseload({}).replace(b"status", b"state").replace(b"setting", b"approach")

    with pytest.raises(CohortFileError) as refused:
        read_rows(content)

    told = [(fault.column, fault.expected, fault.got) for fault in refused.value.faults]
    assert told == [
        ("status", "this column", "none"),
        ("setting", "this column", "none"),
        ("approach", "this column once", "2 of it"),
        (None, "only columns of a caseload", "column 15: text of 5 characters"),
    ]


def test_a_header_that_is_a_patient_is_not_repeated() -> None:
    with pytest.raises(CohortFileError) as refused:
        read_rows(",".join(GOOD_ROW.values()).encode())

    assert "Okafor" not in str(refused.value.faults)


def test_a_file_with_too_many_rows_is_refused() -> None:
    content = caseload() + b"x\n" * (MOST_ROWS + 1)

    with pytest.raises(CohortFileError) as refused:
        read_rows(content)

    assert refused.value.faults[0].expected == "at most 50000 rows"


def test_a_thousand_stray_quotes_are_read_in_no_time() -> None:
    rows = read_rows(caseload(*[{"family_name": '"Okafor'}] * 5_000))

    assert len(rows) == 5_000
    assert not any(isinstance(row, TextRow) for row in rows)


def test_many_contradicting_rows_are_judged_in_no_time() -> None:
    content = caseload(*[{"family_name": "A" if n else "B", "episode": f"E{n}"} for n in range(5_000)])

    good, refused = _judge(content)

    assert (good, len(refused)) == ([], 5_000)
    assert refused[0].faults[0].got == "another on line 3, 4, 5 and more"
