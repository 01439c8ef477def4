"""A sign-in by the clinic's own provider: the way there, and the way back. The second factor is asked for here."""

from urllib.parse import urlsplit

from flask import Response, request

from service.api.provider_steps import send_to_provider, take_provider_answer
from service.api.settle import settled
from service.dashboard.blueprint import clinic, typed
from service.dashboard.cookies import Cookie, drop_cookie, put_cookie, read_cookie
from service.dashboard.forms import form_token
from service.dashboard.render import page, sign_in_page
from service.dashboard.sign_in_views import STEPS, forget_try, next_page
from service.errors import ProviderAwayError, SignInRefusedError
from service.identity.sign_in import FirstStep
from service.identity.single_sign_on import BrowserKey

_MOST_OF_ANSWER = 4096  # characters of one parameter


@clinic.post("/sign-in/provider")
@settled
def show_provider() -> Response:
    """Show the way to the clinic's own provider. Browsers follow no form to another site, so it is a link."""
    slug = typed("practice", longest=64)
    try:
        address, key = send_to_provider(slug)
    except (SignInRefusedError, ProviderAwayError) as refused:
        return _refused(refused, slug)
    response = sign_in_page("provider.html", next=next_page(), address=address, host=urlsplit(address).hostname)
    put_cookie(response, Cookie.provider, str(key))
    return response


@clinic.get("/sign-in/provider/answer")
@settled
def take_answer() -> Response:
    """Take what the provider answered, and ask for the second factor."""
    key = BrowserKey.read(read_cookie(Cookie.provider) or "")
    answer = {name: value[:_MOST_OF_ANSWER] for name, value in request.args.items()}
    try:
        if key is None:
            raise SignInRefusedError
        response = _ask_second_factor(take_provider_answer(key, answer))
    except (SignInRefusedError, ProviderAwayError) as refused:
        response = _refused(refused, "")
    drop_cookie(response, Cookie.provider)
    return response


def _ask_second_factor(step: FirstStep) -> Response:
    """Return the page of the next step itself: from here on everything comes from a page of ours."""
    template = {"code": "sign_in_code.html", "authenticator": "authenticator.html"}[STEPS[step.next]]
    response = page(template, form=form_token(step.challenge.secret), next=next_page(), picture=None)
    put_cookie(response, Cookie.sign_in, step.challenge.secret)
    return response


def _refused(refused: SignInRefusedError | ProviderAwayError, slug: str) -> Response:
    forget_try()
    told = {"next": next_page(), "practice": slug, "email": ""}
    problem = "provider_away" if isinstance(refused, ProviderAwayError) else "provider_refused"
    return sign_in_page("sign_in.html", status=refused.status, problem=problem, **told)
