"""The dashboard's blueprint, and a way to read what a form sent. Its routes stand in the modules of its pages."""

import re
from datetime import date
from typing import Any

from flask import Blueprint, request

from service.api.fields import ID_PATTERN
from service.api.strict_json import parse_object
from service.dashboard.forms import PREFIX, refuse_foreign_form
from service.errors import Fault, InvalidError

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


def typed_day(name: str) -> date | None:
    """Return a day that was typed; None for none. Raises InvalidError for what is none."""
    told = typed(name, longest=10)
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise InvalidError(Fault(f"/{name}", "a date such as 2026-03-12", f"text of {len(told)} characters")) from None


def typed_id(name: str) -> str:
    """Return the id that a form brings. Raises InvalidError for what is none."""
    told = typed(name, longest=64)
    if not re.fullmatch(ID_PATTERN, told):
        raise InvalidError(Fault(f"/{name}", "an id", f"text of {len(told)} characters"))
    return told
