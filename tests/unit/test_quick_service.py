"""What makes the tests quick leaves alone what the product does."""

from importlib.util import module_from_spec, spec_from_file_location

from argon2 import extract_parameters, profiles
from flask import Flask, render_template_string
from jinja2 import DictLoader

from service.identity import passwords
from tests.database import Databases


def _shown(text: str, **told: str) -> str:
    """Return what an application of its own makes of the template `page` with that text."""
    app = Flask(__name__)
    app.jinja_env.loader = DictLoader({"page": text})
    with app.app_context():
        return render_template_string("{% include 'page' %}", **told)


def test_an_application_takes_a_template_of_its_own_text_alone(databases: Databases) -> None:
    texts = ("Good day, {{ name }}.", "Good night, {{ name }}.", "Good day, {{ name }}.")

    shown = [_shown(text, name=name) for text, name in zip(texts, "ABC", strict=True)]

    assert shown == ["Good day, A.", "Good night, B.", "Good day, C."]


def test_the_product_hashes_passwords_as_it_says_whatever_the_tests_do(databases: Databases) -> None:
    spec = spec_from_file_location("passwords_as_they_are", passwords.__file__)
    assert spec is not None
    assert spec.loader is not None
    as_they_are = module_from_spec(spec)
    spec.loader.exec_module(as_they_are)

    hashed = as_they_are.hash_password("violet ladder 94 otter")

    assert extract_parameters(hashed) == profiles.RFC_9106_LOW_MEMORY
    assert extract_parameters(passwords.hash_password("violet ladder 94 otter")).memory_cost == 64
