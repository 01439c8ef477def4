"""The dashboard's blueprint, and a way to read what a form sent. Its routes stand in the modules of its pages."""

from flask import Blueprint, request

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
