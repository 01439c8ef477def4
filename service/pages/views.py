"""The routes of the pages: a link asks for the date of birth, then shows its message for half an hour.

Errors are pages too: a patient reads what to do, not a problem document.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from flask import Blueprint, Flask, Response, request
from limits import RateLimitItemPerMinute
from werkzeug.datastructures import MultiDict

from models import MessageLink
from models.ids import new_id
from service.api.problems import answer_error
from service.api.scope import monitoring, now, scope, settings, show
from service.api.settle import settled
from service.care.check_ins import UrgentAdvice, put_check_in, raise_said_flags, said_advice, urgent_advice
from service.care.message_links import Opening, find_opened, holder_of, open_link, read_message
from service.db import current_session
from service.errors import InvalidError, NotFoundError, StaleError, TooOftenError
from service.pages.answers import read_answers, read_said_flags
from service.pages.render import ASK, CHECK_IN, Shown, ask_page, bare_page, message_page, path_to
from service.pages.session import Form, find_form, find_session, start_session
from service.rate_limits import WINDOW_SECONDS, client_address, rate_limits

NAME = "pages"
LIMIT = RateLimitItemPerMinute(120, namespace="pages")  # of an address; a try of a date costs five looks
POST_COST = 5
STYLE = Path(__file__).parent.parent / "static" / "pages" / "pages.css"
pages = Blueprint(NAME, __name__, template_folder="templates")


def install_pages(app: Flask) -> None:
    """Give the application its pages. Called before the gate is installed: who asks too often opens no transaction."""

    def refuse_too_often() -> Response | None:
        if request.blueprint != NAME:
            return None
        cost = POST_COST if request.method == "POST" else 1
        try:
            rate_limits(app).spend(LIMIT, client_address(request), cost)
        except TooOftenError:
            response = bare_page("too_often", 429)
            response.headers["Retry-After"] = str(WINDOW_SECONDS)
            return response
        return None

    app.before_request(refuse_too_often)
    app.register_blueprint(pages)


@pages.get("/m/<token>")
@settled
def show_message(token: str) -> Response:
    """Show the message to who has just opened the link; ask anybody else for the date of birth."""
    link = _opened(token)
    if link is None:
        return ask_page(token)
    return _show(link, token, thanks="sent" if "sent" in request.args else None)


@pages.post("/m/<token>")
@settled
def open_message(token: str) -> Response:
    """Open the link if the date of birth is right."""
    if find_form(settings(), ASK, token=token, now=now()) is None:
        return ask_page(token, problem="form_over", status=403)
    born_on = _born_on()
    if born_on is None:
        return ask_page(token, problem="no_date", status=422)
    in_session = find_session(settings(), token=token, now=now()) is not None
    opening = open_link(current_session(), token, born_on, in_session=in_session, now=now())
    _note_who(opening)
    if opening is None or not opening.is_open:
        return ask_page(token, problem="not_open", status=403)
    response = _to_message(token)
    start_session(response, settings(), opening.link, token=token, now=now())
    return response


@pages.post("/m/<token>/check-in")
@settled
def send_check_in(token: str) -> Response:
    """Store what the patient answers. The form sent twice stores once."""
    link = _opened(token)
    if link is None:
        return ask_page(token, problem="form_over", status=403)
    form = find_form(settings(), CHECK_IN, token=token, now=now())
    session, episode_id = current_session(), read_message(current_session(), link, now(), monitoring()).episode_id
    if form is None:
        # Who sent it is not certain, so nobody is told; what to do is said all the same.
        said = read_said_flags(request.form, episode_id, now())
        return _show(link, token, problem="form_over", urgent=said_advice(session, holder_of(link), said))
    try:
        record = read_answers(request.form, episode_id, datetime.fromtimestamp(form.made_at, UTC))
        row, _ = put_check_in(session, holder_of(link), form.id, record, now=now(), require_match=_keep_the_first)
    except InvalidError:
        return _show_refused(link, token, form, episode_id, problem="not_valid")
    except StaleError:
        return _show_refused(link, token, form, episode_id, problem="already_sent")
    urgent = urgent_advice(session, row)
    if urgent:
        # What to do at once is not to wait for another request.
        return _show(link, token, thanks="sent", urgent=urgent)
    return _to_message(token, sent="1")


@pages.get("/pages/pages.css")
def show_style() -> Response:
    """Return the pages' style."""
    return Response(STYLE.read_bytes(), mimetype="text/css")


@pages.errorhandler(Exception)
def _answer(error: Exception) -> Response:
    """Answer any error of a page with a page, of the same status and as safely logged as elsewhere."""
    told = answer_error(error)
    response = bare_page("unavailable", told.status_code)
    if "Retry-After" in told.headers:
        response.headers["Retry-After"] = told.headers["Retry-After"]
    return response


def _opened(token: str) -> MessageLink | None:
    """Return the link that the request's session opened, noted as the caller; None without such a session."""
    opened = find_session(settings(), token=token, now=now())
    if opened is None:
        return None
    try:
        link = find_opened(current_session(), opened.practice_id, opened.link_id)
    except NotFoundError:
        return None
    _note_who(Opening(link, is_open=True))
    return link


def _note_who(opening: Opening | None) -> None:
    """Name the holder of a link, and the patient whose it is, in the audit trail."""
    if opening is not None:
        scope().principal = opening.caller
        scope().about["reminder_id"] = opening.link.reminder_id
        show(opening.link.patient_id)


def _show_refused(link: MessageLink, token: str, form: Form, episode_id: str, *, problem: str) -> Response:
    """Show the page again to who sent answers that are not stored. The red flags among them count all the same.

    Corrected answers have the same id, so that one flag is one alert, and what was typed is kept.
    """
    said = read_said_flags(request.form, episode_id, datetime.fromtimestamp(form.made_at, UTC))
    urgent = raise_said_flags(current_session(), holder_of(link), form.id, said, now=now())
    if problem != "not_valid":
        return _show(link, token, problem=problem, urgent=urgent)
    return _show(link, token, problem=problem, urgent=urgent, form_id=form.id, typed=request.form)


def _show(
    link: MessageLink,
    token: str,
    *,
    problem: str | None = None,
    thanks: str | None = None,
    urgent: Sequence[UrgentAdvice] = (),
    form_id: str | None = None,
    typed: MultiDict[str, str] | None = None,
) -> Response:
    view = read_message(current_session(), link, now(), monitoring())
    shown = Shown(problem=problem, thanks=thanks, urgent=tuple(urgent), typed=typed or MultiDict())
    return message_page(view, token, form_id=form_id or new_id(now()), shown=shown)


def _to_message(token: str, **arguments: str) -> Response:
    return Response(status=303, headers={"Location": path_to(f"{NAME}.show_message", token=token, **arguments)})


def _born_on() -> date | None:
    try:
        return date(*(int(request.form.get(name, "")) for name in ("year", "month", "day")))
    except (ValueError, OverflowError):
        return None


def _keep_the_first(_row: object) -> None:
    raise StaleError
