"""A caseload's rows as records: each row judged by itself, then against the other rows of its patient. Pure."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from schedules.plan.library import Library
from schedules.plan.vocabulary import Channel, SurgeryStatus
from service.care.checks import patient_faults, surgery_faults
from service.care.cohort_cells import CellError, parse_cell
from service.care.cohort_file import BrokenRow, TextRow, row_fault
from service.care.enrol import protocol_for
from service.care.places import country_of, units_of
from service.care.records import PatientRecord, SurgeryRecord
from service.errors import Fault, InvalidError

# Columns as the fields of their records; all others bear the field's own name.
PATIENT_COLUMNS = (
    "mrn", "given_name", "family_name", "date_of_birth", "language", "time_zone", "email", "phone", "channels",
    "work_class", "low_bone_density",
)  # fmt: skip
SURGERY_FIELDS = {
    "procedure": "procedure",
    "approach": "approach",
    "levels": "levels",
    "surgery_date": "surgery_on",
    "status": "status",
    "setting": "setting",
}
_COLUMN_OF_POINTER = {
    **{f"/{field}": column for column, field in SURGERY_FIELDS.items()},
    "/approach_class": "approach",
    **{f"/{column}": column for column in PATIENT_COLUMNS},
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to look at in a row that is loaded all the same."""

    code: str
    column: str
    text: str


@dataclass(frozen=True, slots=True)
class CohortRow:
    """A row that can be loaded. Episode id and stage of `surgery` are settled on loading."""

    line: int
    patient: PatientRecord
    episode: str
    workers_comp: bool
    surgery: SurgeryRecord
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is not loaded, with everything that is wrong in it."""

    line: int
    faults: tuple[Fault, ...]


def judge_rows(
    rows: Iterable[TextRow | BrokenRow], *, today: date, country: str, library: Library
) -> tuple[list[CohortRow], list[RefusedRow]]:
    """Return the rows that can be loaded, and those that cannot, each in the file's order.

    `today` is the clinic's calendar date; `country` is the clinic's, for patients whose zone names none;
    `library` is the practice's.
    """
    good: list[CohortRow] = []
    refused: list[RefusedRow] = []
    for row in rows:
        judged = _judge(row, today, country, library)
        if isinstance(judged, CohortRow):
            good.append(judged)
        else:
            refused.append(judged)
    against = _contradictions(good)
    against |= _repeats([row for row in good if row.line not in against])
    refused += [RefusedRow(line, faults) for line, faults in against.items()]
    return [row for row in good if row.line not in against], sorted(refused, key=lambda row: row.line)


def columns_of(line: int, faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return faults that name fields of a record as faults of a row that name columns."""
    return tuple(row_fault(line, _COLUMN_OF_POINTER.get(fault.pointer), fault.expected, fault.got) for fault in faults)


def _judge(row: TextRow | BrokenRow, today: date, country: str, library: Library) -> CohortRow | RefusedRow:
    if isinstance(row, BrokenRow):
        return RefusedRow(row.line, (row.fault,))
    values, faults = _parse_cells(row)
    patient = _patient(values, country) if values.keys() >= set(PATIENT_COLUMNS) else None
    surgery, notices = None, list[Notice]()
    if patient is not None:
        faults += columns_of(row.line, patient_faults(patient, today))
    if values.keys() >= SURGERY_FIELDS.keys():
        surgery, notices = _surgery(values, today)
        faults += columns_of(row.line, _surgery_faults(surgery, today, library))
        faults += _order_faults(row.line, values, faults)
    if faults or patient is None or surgery is None:
        return RefusedRow(row.line, tuple(faults))
    notices += _channel_notices(patient)
    return CohortRow(row.line, patient, values["episode"], values["workers_comp"], surgery, tuple(notices))


def _parse_cells(row: TextRow) -> tuple[dict[str, Any], list[Fault]]:
    values: dict[str, Any] = {}
    faults = []
    for column, text in row.cells.items():
        try:
            values[column] = parse_cell(column, text)
        except CellError as error:
            faults.append(row_fault(row.line, column, error.expected, error.got))
    return values, faults


def _patient(values: Mapping[str, Any], clinic_country: str) -> PatientRecord:
    """Return the patient's facts. The file names no country: the zone a patient is in now gives it, else the clinic."""
    country = country_of(values["time_zone"]) or clinic_country
    facts = {column: values[column] for column in PATIENT_COLUMNS}
    return PatientRecord(**facts, country=country, units=units_of(country))


def _surgery(values: Mapping[str, Any], today: date) -> tuple[SurgeryRecord, list[Notice]]:
    """Return the surgery's facts. One that lies ahead cannot have been performed: it is stored as planned."""
    facts = {field: values[column] for column, field in SURGERY_FIELDS.items()}
    surgery = SurgeryRecord(episode_id="", stage=1, **facts)
    if surgery.surgery_on is None:
        return surgery, []
    if surgery.status is SurgeryStatus.performed and surgery.surgery_on > today:
        text = f"{surgery.surgery_on} is ahead: stored as planned"
        planned = dataclasses.replace(surgery, status=SurgeryStatus.planned)
        return planned, [Notice("performed_in_future", "status", text)]
    if surgery.status is SurgeryStatus.planned and surgery.surgery_on < today:
        text = f"{surgery.surgery_on} has passed: the coordinator is asked whether it happened"
        return surgery, [Notice("planned_in_past", "status", text)]
    return surgery, []


def _surgery_faults(surgery: SurgeryRecord, today: date, library: Library) -> tuple[Fault, ...]:
    faults = surgery_faults(surgery, today)
    try:
        protocol_for(surgery, library)
    except InvalidError as error:
        named = {fault.pointer for fault in faults}
        faults += tuple(fault for fault in error.faults if fault.pointer not in named)
    return faults


def _order_faults(line: int, values: Mapping[str, Any], faults: Iterable[Fault]) -> list[Fault]:
    """Return a fault if the surgery comes before the birth and nothing else is wrong with either day."""
    born, operated = values.get("date_of_birth"), values["surgery_date"]
    refused = {fault.column for fault in faults} & {"date_of_birth", "surgery_date"}
    if refused or born is None or operated is None or operated >= born:
        return []
    return [row_fault(line, "surgery_date", f"a day from the date of birth, {born}, on", str(operated))]


def _channel_notices(patient: PatientRecord) -> Iterator[Notice]:
    """Warn of channels that will be passed over. An app's address is known once it is enrolled, so push needs none."""
    for channel, column, address in ((Channel.email, "email", patient.email), (Channel.sms, "phone", patient.phone)):
        if channel in patient.channels and address is None:
            yield Notice("channel_without_address", column, f"{channel} is among the channels and has no address")


def _contradictions(rows: Iterable[CohortRow]) -> dict[int, tuple[Fault, ...]]:
    """Return, by line, the faults of rows that tell different facts of one patient: nobody knows which is right."""
    faults: defaultdict[int, tuple[Fault, ...]] = defaultdict(tuple)
    for group in _grouped(rows, lambda row: (row.patient.mrn,)):
        for column in PATIENT_COLUMNS:
            _note_contradiction(faults, group, column, "MRN", [getattr(row.patient, column) for row in group])
    for group in _grouped(rows, lambda row: (row.patient.mrn, row.episode)):
        _note_contradiction(faults, group, "workers_comp", "episode", [row.workers_comp for row in group])
    return dict(faults)


def _note_contradiction(
    faults: defaultdict[int, tuple[Fault, ...]], group: list[CohortRow], column: str, whose: str, told: list[Any]
) -> None:
    lines: defaultdict[Any, list[int]] = defaultdict(list)
    for row, value in zip(group, told, strict=True):
        lines[value].append(row.line)
    if len(lines) == 1:
        return
    expected = f"the same {column} in every row of one {whose}"
    for row, value in zip(group, told, strict=True):
        others = (line for other, its_lines in lines.items() if other != value for line in its_lines)
        faults[row.line] += (row_fault(row.line, column, expected, f"another on {_told_lines(others)}"),)


def _repeats(rows: Iterable[CohortRow]) -> dict[int, tuple[Fault, ...]]:
    """Return, by line, the faults of rows that tell one surgery again.

    A row that says the same again is refused; of rows that say different things of one surgery, every one.
    """
    faults: dict[int, tuple[Fault, ...]] = {}
    expected = "one row for one procedure of an episode on one day"
    for group in _grouped(
        rows, lambda row: (row.patient.mrn, row.episode, row.surgery.procedure, row.surgery.surgery_on)
    ):
        alike = all(row.surgery == group[0].surgery for row in group)
        for row in group[1:] if alike else group:
            others = (other.line for other in group if other is not row)
            faults[row.line] = (row_fault(row.line, "surgery_date", expected, f"another on {_told_lines(others)}"),)
    return faults


def _told_lines(lines: Iterable[int]) -> str:
    """Return the first few lines in words."""
    first = [str(line) for line in islice(lines, 4)]
    return "line " + ", ".join(first[:3]) + (" and more" if len(first) > 3 else "")


def _grouped(rows: Iterable[CohortRow], key: Callable[[CohortRow], Hashable]) -> list[list[CohortRow]]:
    groups: defaultdict[Hashable, list[CohortRow]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return list(groups.values())
