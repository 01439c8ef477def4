"""Wires the dashboard: its pages, its files, and its errors, which are pages too."""

import json
from typing import Final

from flask import Flask, Response, request

from service.api.problems import CONTENT_TYPE
from service.api.scope import find_scope
from service.dashboard import (
    account_views,
    alert_views,
    answering_views,
    calendar_views,
    card_views,
    edit_views,
    emergency_views,
    event_views,
    letter_views,
    merge_views,
    milestone_views,
    move_views,
    operation_views,
    outcome_views,
    overview_views,
    passkey_views,
    patient_views,
    practice_views,
    protocol_views,
    provider_admin_views,
    provider_views,
    proxy_views,
    rhythm_views,
    saved_view_views,
    sign_in_views,
    slot_views,
    staff_views,
    taper_views,
    team_views,
    visit_views,
    worklist_views,
)
from service.dashboard.blueprint import clinic
from service.dashboard.forms import PREFIX, SIGN_IN, local_path
from service.dashboard.render import FILES, POLICY, STATIC, go_to, page, sign_in_page
from service.errors import NotFoundError, StepUpError, UnauthenticatedError

PAGES: Final = (
    sign_in_views,
    account_views,
    passkey_views,
    provider_views,
    worklist_views,
    saved_view_views,
    patient_views,
    proxy_views,
    rhythm_views,
    milestone_views,
    slot_views,
    edit_views,
    move_views,
    operation_views,
    protocol_views,
    card_views,
    outcome_views,
    overview_views,
    event_views,
    alert_views,
    letter_views,
    merge_views,
    calendar_views,
    taper_views,
    visit_views,
    staff_views,
    practice_views,
    answering_views,
    provider_admin_views,
    team_views,
    emergency_views,
)
_KEPT: Final = "public, max-age=31536000, immutable"  # its address changes with it


def install_dashboard(app: Flask) -> None:
    """Give the application the dashboard."""
    app.register_blueprint(clinic)
    app.add_url_rule("/", view_func=go_home)
    app.after_request(_answer_with_pages)


def go_home() -> Response:
    """Return the answer that leads who typed the server's address alone to the dashboard."""
    return go_to(f"{PREFIX}/")


@clinic.get("/files/<filename>")
def show_file(filename: str) -> Response:
    """Return a style or script of the dashboard."""
    if filename not in FILES:
        raise NotFoundError
    response = Response((STATIC / filename).read_bytes(), mimetype=FILES[filename])
    response.headers["Cache-Control"] = _KEPT
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _answer_with_pages(response: Response) -> Response:
    """Turn a problem document into a page, of the same status, for who came with a browser."""
    is_page = request.path == PREFIX or request.path.startswith(f"{PREFIX}/")
    if response.content_type != CONTENT_TYPE or not is_page or find_scope() is None:
        return response
    code = json.loads(response.get_data())["code"]
    told = _error_page(code, response.status_code)
    response.set_data(told.get_data())
    response.headers["Content-Type"] = told.headers["Content-Type"]
    for name in ("Content-Security-Policy", "Referrer-Policy", "Set-Cookie"):
        response.headers.setlist(name, told.headers.getlist(name))
    if code == UnauthenticatedError.code:
        response.headers.remove("WWW-Authenticate")  # a browser would ask for a password of its own
        response.headers["HX-Redirect"] = SIGN_IN  # what a page asks for by itself leads the whole page there
    return response


def _error_page(code: str, status: int) -> Response:
    came_from = local_path(_referring_path())
    if code == UnauthenticatedError.code:
        wanted = request.full_path.rstrip("?") if request.method == "GET" else came_from
        told = {"next": local_path(wanted), "practice": "", "email": "", "problem": "session_over"}
        return sign_in_page("sign_in.html", status=status, **told)
    if code == StepUpError.code:
        return page("step_up.html", status=status, next=came_from)
    return page("error.html", status=status, code=code, back=came_from)


def _referring_path() -> str:
    """Return the page of ours from which a request came, as the browser tells it; '' for another one."""
    here, told = request.host_url, request.referrer or ""
    return "/" + told.removeprefix(here) if told.startswith(here) else ""
