"""The dashboard's blueprint, and a way to read what a form sent. Its routes stand in the modules of its pages."""

from typing import Any

from flask import Blueprint, request

from service.api.strict_json import parse_object
from service.dashboard.forms import PREFIX, refuse_foreign_form

clinic = Blueprint("clinic", __name__, url_prefix=PREFIX, template_folder="templates")
clinic.before_request(refuse_foreign_form)
_LONGEST = 2000


def typed(name: str, *, longest: int = _LONGEST) -> str:
    """Return what was typed into a field, without the spaces around it, and no longer than may be; '' for nothing."""
    return request.form.get(name, "").strip()[:longest]


def typed_secret(name: str) -> str:
    """Return a password as it was typed: every character of it counts."""
    return request.form.get(name, "")[:_LONGEST]


def typed_message(name: str) -> dict[str, Any] | None:
    """Return the JSON object that a script put into a field; None for nothing. Raises BadRequestError."""
    sent = request.form.get(name, "")
    return parse_object(sent.encode()) if sent else None
