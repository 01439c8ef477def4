"""A patient's plan as PDF, to be printed."""

from hashlib import sha256
from typing import Any

from marshmallow import Schema

from schedules.plan.vocabulary import Language
from service.api.fields import Word
from service.api.letters import PDF, pdf_answer
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.plan_sheet import plan_pdf
from service.db import current_session

plan_sheets = Resource("plan sheets", "A patient's plan on paper.")


class SheetQuery(Schema):
    """In which language; without one the patient's."""

    language = Word(Language)


@plan_sheets.get("/episodes/<id:episode_id>/plan/pdf")
@plan_sheets.tagged(200)
@plan_sheets.doc(responses={409: "CONFLICT"})
@plan_sheets.arguments(SheetQuery, location="query")
@plan_sheets.response(200, content_type=PDF, description="The plan of today, tagged for screen readers (PDF/UA-1).")
def get_plan_pdf(query: dict[str, Any], episode_id: str) -> Any:
    """Return an episode's plan of today as PDF. 409 `conflict`: a name has letters that its fonts do not have."""
    plan, pdf = plan_pdf(current_session(), caller(), episode_id, query.get("language"), now=now())
    show(plan.episode.patient_id)
    return pdf_answer(pdf, "plan.pdf", sha256(pdf).hexdigest())
