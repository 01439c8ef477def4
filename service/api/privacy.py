"""A person's data as a whole: all of it handed out, or erased."""

import logging
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from flask import Response, after_this_request
from marshmallow import Schema, fields

from models import Patient
from models.engine import scrub
from models.erasure import ErasureReason
from service.api import examples_privacy as examples
from service.api.fields import Flag, Instant, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope, settings, show
from service.care.erasure import Erase, Erased, Hold, OverrideReason, erase_patient, preview_erasure
from service.care.erasure_ledger import LedgerError, add_to_ledger
from service.care.holdings import Fate
from service.care.patient_export import export_patient
from service.care.reach import find_patient
from service.db import current_session, db
from service.errors import Fault, InvalidError, UnavailableError
from service.identity.sessions import require_fresh
from service.logs import log_event

privacy = Resource("privacy", "All that is held on a patient: handed out, or erased.")


class RecordView(Schema):
    """All that is held on a patient. `tables` has a list of rows for each table; `left_out` says why others are not
    in it.

    Columns are those of docs/privacy.md. Private columns are in it as plain text.
    """

    format = fields.String(required=True)
    exported_at = Instant(required=True)
    practice = fields.Dict(keys=fields.String(), required=True)
    patient_id = fields.String(required=True)
    tables = fields.Dict(keys=fields.String(), values=fields.List(fields.Dict()), required=True)
    access_log = fields.List(fields.Dict(), required=True)
    left_out = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class EraseBody(Schema):
    """Why a patient is erased. `dry_run`: nothing happens, and the answer says what would.

    `override_reason`: why what stands against it does not count.
    """

    reason = Word(ErasureReason, required=True)
    override_reason = Word(OverrideReason, load_default=None, allow_none=True)
    dry_run = Flag("true to see what would go, false to erase", required=True)


class TableErasureView(Schema):
    """How many rows of one table go. `blanked` rows leave their ids, which tell devices to let them go."""

    table = fields.String(required=True)
    fate = Word(Fate, required=True)
    rows = fields.Integer(required=True)


class ErasureView(Schema):
    """What was erased, or would be. `holds` are what stands against it."""

    patient_id = fields.String(required=True)
    dry_run = fields.Boolean(required=True)
    erased_at = Instant(required=True, allow_none=True)
    holds = fields.List(Word(Hold), required=True)
    tables = fields.List(fields.Nested(TableErasureView), required=True)


@privacy.get("/patients/<id:patient_id>/export")
@privacy.response(200, RecordView, example=examples.RECORD)
def export_record(patient_id: str) -> Any:
    """Return all that is held on a patient, as a file. For staff with a fresh second factor, and for the patient.

    In a session it asks for a fresh second factor: 403 `step_up_required`.
    """
    if caller().patient_id is None:
        require_fresh(caller(), now())
    patient = find_patient(current_session(), caller(), patient_id)
    show(patient.id)
    record = export_patient(current_session(), patient, now())
    scope().about["exported"] = {name: len(rows) for name, rows in record["tables"].items() if rows}
    answer = Response(orjson.dumps(record, option=orjson.OPT_UTC_Z), mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="record.json"'
    return answer


@privacy.post("/patients/<id:patient_id>/erase")
@privacy.arguments(EraseBody, example=examples.ERASE)
@privacy.response(200, ErasureView, example=examples.ERASURE)
def erase(body: dict[str, Any], patient_id: str) -> Any:
    """Erase a patient for good, or show what would go. For the practice's admin, in a session.

    It asks for a fresh second factor: 403 `step_up_required`. 409 `held`: the law may have the clinic keep the record.
    409 `conflict`: a message is on its way; try again in a minute. The patient's devices are told to delete what they
    store.
    """
    require_fresh(caller(), now())
    if body["reason"] is ErasureReason.restored_backup:
        raise InvalidError(Fault("/reason", "a reason of people", body["reason"].value))
    patient = find_patient(current_session(), caller(), patient_id)
    show(patient.id)
    if body["dry_run"]:
        return _answer(patient_id, preview_erasure(current_session(), patient, now()), None)
    erased = _erase(patient, Erase(body["reason"], body["override_reason"]))
    scope().about.update(reason=body["reason"].value, holds=[each.value for each in erased.holds])
    if body["override_reason"] is not None:
        scope().about["override_reason"] = body["override_reason"].value
    after_this_request(_scrub)
    return _answer(patient_id, erased, now())


def _erase(patient: Patient, command: Erase) -> Erased:
    enter = partial(add_to_ledger, Path(settings().erasure_ledger))
    try:
        return erase_patient(current_session(), patient, command, now(), enter=enter)
    except LedgerError as error:
        log_event("ledger_failed", level=logging.ERROR, error=error)
        raise UnavailableError from None


def _scrub(response: Response) -> Response:
    scrub(db.engine)
    return response


def _answer(patient_id: str, erased: Erased, erased_at: datetime | None) -> dict[str, Any]:
    told = {"patient_id": patient_id, "dry_run": erased_at is None, "erased_at": erased_at}
    return told | {"holds": erased.holds, "tables": [each for each in erased.tables if each.rows]}
