"""`flask doubles` and `flask merge`: ids and codes alone are printed, and nothing is done without --apply."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject, Patient, RecordMerge
from tests.api.conftest import Clinic, Look

pytestmark = pytest.mark.sqlite_only


def test_doubles_are_listed_and_two_records_become_one_once_it_is_said(
    app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    clinic.other_surgery.status = "cancelled"  # type: ignore[assignment]
    session.commit()
    ids, run = (clinic.patient.id, clinic.other_patient.id), app.test_cli_runner().invoke

    listed = run(args=("doubles",))
    shown = run(args=("merge", *ids, "--take", "phone"))
    before = look(RecordMerge)
    done = run(args=("merge", *ids, "--take", "phone", "--apply"))
    again = run(args=("merge", *ids, "--apply"))

    assert listed.output == f"{' '.join(sorted(ids))} born_and_named_alike\n1 pairs.\n"
    assert (shown.exit_code, before) == (0, []), shown.output
    assert "phone: the absorbed's stands" in shown.output
    assert "Nothing was merged" in shown.output
    assert done.output.splitlines()[:-1] == shown.output.splitlines()[:-1]
    assert (done.output.splitlines()[-1], again.exit_code) == ("Merged.", 1)
    assert "an unknown id" in again.output
    (merge,) = look(RecordMerge)
    assert (merge.patient_id, merge.absorbed_id, merge.merged_by) == (*ids, None)
    assert look(Patient, id=ids[1])[0].deleted
    entries = {each.id: each for each in look(AuditEntry, route="flask merge")}
    assert [each.action for each in entries.values()] == ["read", "write"]
    named = session.query(AuditSubject.patient_id).filter(AuditSubject.entry_id.in_(entries))
    assert sorted(row[0] for row in named) == sorted((*ids, *ids))
    assert not [word for word in ("Sample", "Alex", "+1212") if word in listed.output + shown.output + done.output]


def test_what_stands_against_it_is_said_in_a_line(app: Flask, clinic: Clinic, look: Look) -> None:
    run = app.test_cli_runner().invoke

    refused = run(args=("merge", clinic.patient.id, clinic.other_patient.id, "--apply"))
    twice = run(args=("merge", clinic.patient.id, clinic.patient.id))

    assert refused.exit_code == twice.exit_code == 1
    assert "no two open episodes with one procedure on one day" in refused.output
    assert "another record than the one that survives" in twice.output
    assert look(RecordMerge) == []
