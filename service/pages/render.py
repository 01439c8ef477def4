"""Turns what is known into pages. Every value is escaped by the templates; no page has a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Response, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from schedules.plan.day_words import MONTHS
from schedules.plan.red_flag import Urgency
from schedules.plan.red_flag_questions import QUESTIONS
from schedules.plan.red_flags import flags_of
from schedules.plan.vocabulary import Language, Units, WoundSign
from service.api.scope import now, settings
from service.care.check_ins import UrgentAdvice
from service.care.message_links import MessageView
from service.pages.lines import card_lines, instruction_lines, limit_lines, next_lines
from service.pages.session import Form, mark_of, sign_form
from service.pages.words import WORDS

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
FEELINGS = ("sleep", "mood", "confidence")
PAINS = ("pain_back", "pain_leg", "pain_neck", "pain_arm")
ASK, CHECK_IN = "ask", "check-in"


def ask_page(token: str, *, problem: str | None = None, status: int = 200) -> Response:
    """Return the page that asks for the date of birth. It is the same whether there is such a link or not."""
    language = _browser_language()
    form = sign_form(settings(), ASK, Form(mark_of(token), "", int(now().timestamp())))
    told = {"token": token, "form": form, "problem": problem, "months": MONTHS[language]}
    return _page("ask.html", language, status, **told)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows beside its message: what is wrong, thanks, what to do at once, and answers as typed."""

    problem: str | None
    thanks: str | None
    urgent: Sequence[UrgentAdvice]
    typed: MultiDict[str, str]


def message_page(view: MessageView, token: str, *, form_id: str, shown: Shown) -> Response:
    """Return the page that shows a message and takes answers under `form_id`. With a problem its status is 422."""
    language = Language(view.patient.language)
    form = sign_form(settings(), CHECK_IN, Form(mark_of(token), form_id, int(now().timestamp())))
    return _page(
        "message.html",
        language,
        200 if shown.problem is None else 422,
        token=token,
        form=form,
        view=view,
        shown=shown,
        limits=limit_lines(view),
        next=next_lines(view),
        instructions=instruction_lines(view),
        cards=card_lines(view),
        pains=PAINS,
        signs=list(WoundSign),
        feelings=FEELINGS,
        degrees="°C" if view.patient.units is Units.metric else "°F",
        flags=[(each, flags_of(each)) for each in Urgency],
        questions=QUESTIONS,
        speak=lambda text: text.in_language(language),
    )


def bare_page(word: str, status: int) -> Response:
    """Return a page that says one thing, for when nothing else can be shown."""
    return _page("bare.html", _browser_language(), status, word=word)


def path_to(endpoint: str, **arguments: str) -> str:
    """Return the path of a page as the browser sees it: a proxy may have put `PUBLIC_URL`'s own path before it."""
    values: dict[str, Any] = dict(arguments)
    return urlsplit(settings().public_url).path + url_for(endpoint, **values)


def _page(template: str, language: Language, status: int, **told: Any) -> Response:
    def say(word: str) -> str:
        return WORDS[word].in_language(language)

    response = Response(
        render_template(template, say=say, path_to=path_to, language=language.value, **told), status=status
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _browser_language() -> Language:
    """Return the language that the reader chose on the page, or else the browser's."""
    chosen = request.args.get("language") or request.accept_languages.best_match(list(Language))
    return Language.es if chosen == Language.es else Language.en
