"""Writes caseload files for tests: one good row by default, cells changed by name."""

from pathlib import Path

from service.care.cohort_file import COLUMNS

DATA = Path(__file__).parent
FAULTY = DATA / "faulty.csv"
GOOD_ROW = {
    "mrn": "SP000001",
    "given_name": "Mei",
    "family_name": "Okafor",
    "date_of_birth": "1970-05-17",
    "language": "en",
    "time_zone": "America/New_York",
    "email": "mei.okafor@example.org",
    "phone": "",
    "channels": "push;email",
    "episode": "E1",
    "procedure": "lumbar_microdiscectomy",
    "approach": "tubular",
    "levels": "L4-L5",
    "surgery_date": "2026-02-23",
    "status": "performed",
    "setting": "outpatient",
    "work_class": "light",
    "workers_comp": "no",
    "low_bone_density": "no",
}


def caseload(*rows: dict[str, str]) -> bytes:
    """Return a file with a header and a good row for each of `rows`, with these cells in place of the good ones."""
    lines = [",".join(COLUMNS)]
    lines += [",".join((GOOD_ROW | row)[column] for column in COLUMNS) for row in rows]
    return ("\n".join(lines) + "\n").encode()
