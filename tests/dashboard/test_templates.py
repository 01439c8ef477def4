"""What holds for every template: nothing inline, nothing unescaped, and every word in both languages, once."""

import re
from pathlib import Path

import pytest

from service.dashboard import words
from service.dashboard.render import STATIC

FOLDER = Path(words.__file__).parent
TEMPLATES = {file.name: file.read_text("utf-8") for file in sorted((FOLDER / "templates/clinic").iterdir())}
CODE = "\n".join(file.read_text("utf-8") for file in sorted(FOLDER.rglob("*.py")))
# What a template puts together from a code of the plan, such as task_ and a task's kind.
MADE = (
    r"(?:task|why|lead|do|status|class|procedure|role|sort|owner|waiting|error|limit|state|skip|change|message"
    r"|condition|ground|grade|reason|reminder|protocol|alert|outcome|letter|measure|instrument|wound|visit|photo|device"
    r"|event|glass|double|merged|language|units|proxy|proxy_ended|relationship|consent|exercise"
    r"|end|unsent|health|cause|channel|place|invariant|approach|operation|slot|done|sso_check)_\w+"
)


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_a_template_has_nothing_inline_and_nothing_unescaped(name: str) -> None:
    text = TEMPLATES[name]

    assert not re.search(r"\|\s*safe|autoescape|style=|<style|\son\w+=|javascript:|hx-on", text)
    assert not re.search(r"<script(?![^>]* src=)", text)
    tags = re.sub(r"\{%.*?%\}|\{#.*?#\}", "", text, flags=re.DOTALL)
    tags = re.sub(r"\{\{.*?\}\}", "X", tags, flags=re.DOTALL)
    tags = re.sub(r"\"[^\"]*\"|'[^']*'", '""', tags)
    assert not re.search(r"<[a-z][^<>]*=(?![\"'])", tags), "an attribute without quotes"
    assert "http:" not in text
    assert "https:" not in text


def test_every_word_that_is_said_is_there_in_both_languages_and_none_is_left_over() -> None:
    told = "\n".join(TEMPLATES.values()) + CODE
    known = words.all_words()
    quoted = set(re.findall(r"[\"']([a-z][a-z0-9_]+)[\"']", told))

    unused = {key for key in known if key not in quoted and not re.fullmatch(MADE, key) and not key.endswith("_one")}
    asked = set(re.findall(r"say\((?:language, |spoken, )?\"([a-z0-9_]+)\"", told))

    assert unused == set()
    assert {key for key in asked if not key.endswith("_")} - known.keys() == set()
    assert all(set(each) == {"en", "es"} and all(each.values()) for each in known.values())


def test_both_languages_leave_the_same_places_open() -> None:
    for key, each in words.all_words().items():
        places = [sorted(re.findall(r"\{(\w+)\}", text)) for text in each.values()]
        assert places[0] == places[1], key


def test_the_vendored_script_comes_with_its_licence_and_style_and_script_ask_nobody() -> None:
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE.txt").read_text("utf-8")
    for name in ("clinic.css", "clinic.js", "passkeys.js", "icon.svg"):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", (STATIC / name).read_text("utf-8"))
