"""The questionnaires that are known: their parts, the items that a licence lets be shown, and what a change means."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from marshmallow import Schema, fields

from schedules.plan.important_changes import IMPORTANT_CHANGES, ImportantChange
from schedules.plan.library import load_library
from schedules.plan.questionnaires import PARTS
from schedules.plan.roland_morris import INSTRUCTION, STATEMENT_TEXTS
from schedules.plan.scores import SCALES, Measure
from schedules.plan.vocabulary import Grade, Instrument, Procedure
from service.api import examples_scores as examples
from service.api.fields import Word
from service.api.protocols import SourceView
from service.api.resource import Resource

questionnaires = Resource("questionnaires", "Questionnaires, their items and scales. Not a patient's data.")
# What may be done with the items (evidence file, section 5). Where they are not free, the score alone is entered.
_LICENCES: Final[Mapping[Instrument, str]] = MappingProxyType(
    {
        Instrument.nrs: "Free.",
        Instrument.rmdq: "Free in its published form, without permission (S126).",
        Instrument.odi: "Copyright J. Fairbank, distributed by Mapi (ePROVIDE): the items are not here (S127, S128).",
        Instrument.ndi: "Copyright H. Vernon; its terms are not confirmed: the items are not here.",
        Instrument.eq5d: "EuroQol's written consent is needed: the items are not here (S131).",
        Instrument.promis: "Copyright HealthMeasures; terms depend on the use: the items are not here (S129).",
        Instrument.sf12: "Licensed by QualityMetric: the items are not here (S133).",
        Instrument.mjoa: "Believed to be free, not confirmed: the items are not here.",
    }
)
_MEASURES: Final[Mapping[Instrument, tuple[Measure, ...]]] = MappingProxyType(
    {each: tuple(measure for measure in Measure if measure.split("_")[0] == each) for each in Instrument}
)


class ImportantChangeView(Schema):
    """A published minimal important change: an amount in the measure's unit, or a share of the baseline in percent.

    `procedures`: it was measured after these alone; empty: it is used for any. Without a source it is a rule of thumb.
    """

    amount = fields.Float(required=True)
    is_percent = fields.Boolean(required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.Nested(SourceView), required=True)
    procedures = fields.List(Word(Procedure), required=True)


class MeasureView(Schema):
    """What a score measures, its range, and what change of it matters."""

    measure = Word(Measure, required=True)
    lowest = fields.Float(required=True)
    highest = fields.Float(required=True)
    unit = fields.String(required=True)
    is_higher_better = fields.Boolean(required=True)
    important_changes = fields.List(fields.Nested(ImportantChangeView), required=True)


class QuestionnaireView(Schema):
    """One questionnaire. `items` are to be shown as they stand, ticked or left blank; empty: a licence forbids them."""

    instrument = Word(Instrument, required=True)
    parts = fields.List(fields.String(), required=True)
    licence = fields.String(required=True)
    instruction = fields.String(allow_none=True, required=True)
    items = fields.List(fields.String(), required=True)
    measures = fields.List(fields.Nested(MeasureView), required=True)


class QuestionnaireList(Schema):
    """Every questionnaire that an answer may be of."""

    items = fields.List(fields.Nested(QuestionnaireView), required=True)


@questionnaires.get("/questionnaires")
@questionnaires.response(200, QuestionnaireList, example=examples.QUESTIONNAIRES)
def list_questionnaires() -> Any:
    """List the questionnaires with their items, where a licence lets them be shown, and with their scales."""
    return {"items": [_told(each) for each in Instrument]}


def told_change(change: ImportantChange) -> dict[str, Any]:
    """Return a published important change with its sources in full."""
    known = load_library().sources
    return {
        "amount": change.amount,
        "is_percent": change.is_percent,
        "grade": change.grade,
        "sources": [known[each] for each in change.sources],
        "procedures": sorted(change.procedures),
    }


def _told(instrument: Instrument) -> dict[str, Any]:
    is_rmdq = instrument is Instrument.rmdq
    return {
        "instrument": instrument,
        "parts": PARTS[instrument],
        "licence": _LICENCES[instrument],
        "instruction": INSTRUCTION if is_rmdq else None,
        "items": STATEMENT_TEXTS if is_rmdq else (),
        "measures": [_told_measure(each) for each in _MEASURES[instrument]],
    }


def _told_measure(measure: Measure) -> dict[str, Any]:
    scale = SCALES[measure]
    return {
        "measure": measure,
        "lowest": scale.lowest,
        "highest": scale.highest,
        "unit": scale.unit,
        "is_higher_better": scale.is_higher_better,
        "important_changes": [told_change(each) for each in IMPORTANT_CHANGES.get(measure, ())],
    }
