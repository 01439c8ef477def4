"""Which properties answers have, and who gets them: from the document and the role table, as one page to compare.

`python -m tests.api.properties` writes the page anew.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Any, Final

from models.migrate import upgrade
from service.app import create_app
from service.identity.callers import ANYONE
from service.identity.roles import WHO_MAY
from tests.clock import FixedClock
from tests.database import settings_for

Document = Mapping[str, Any]
PAGE: Final = Path(__file__).parent / "golden" / "properties.txt"
HEAD: Final = """\
Which properties answers have, and who gets them. A property that is new here is new to whoever is named above it:
see that each of them may know it, and write this page anew by `python -m tests.api.properties`.
"""
EVERYBODY: Final = "everybody"


def page(document: Document) -> str:
    """Return the page: each schema of an answer with its properties, and under which roles and scopes one gets it."""
    readers: dict[str, set[str]] = defaultdict(set)
    for route, who in WHO_MAY.items():
        for name in _named_in(document, answer_schemas(document, route)):
            readers[name] |= {EVERYBODY} if who is ANYONE else who
    return HEAD + "".join(_entry(document, name, readers[name]) for name in sorted(readers))


def readers_of(text: str, word: str) -> set[str]:
    """Return the properties that a role or scope gets by a page."""
    entries = [entry.split("\n", 1) for entry in text.split("\n\n")[1:]]
    given = [(head.partition(": ")[2].split(), rest.split()) for head, rest in entries]
    return {each for who, properties in given if {word, EVERYBODY} & set(who) for each in properties}


def answer_schemas(document: Document, route: str) -> list[Document]:
    """Return the schemas of the JSON that a route answers when it grants what it was asked for."""
    verb, path = route.split(" ")
    answers = document["paths"].get(path, {}).get(verb.lower(), {}).get("responses", {})
    contents = [answers[status].get("content", {}) for status in answers if status.startswith("2")]
    return [each["application/json"]["schema"] for each in contents if "application/json" in each]


def undeclared(document: Document, schemas: list[Document], value: Any, at: str = "") -> Iterator[str]:
    """Yield where a JSON value has a property that none of `schemas` has."""
    resolved = [each for schema in schemas for each in _resolved(document, schema)]
    if isinstance(value, list):
        items = [each.get("items", {}) for each in resolved if "array" in each.get("type", "array")]
        for each in value:
            yield from undeclared(document, items, each, f"{at}[]")
    if isinstance(value, dict):
        for name, part in value.items():
            inner = [_inner(each, name) for each in resolved]
            known = [each for each in inner if each is not None]
            if not known:
                yield f"{at}.{name}"
            yield from undeclared(document, known, part, f"{at}.{name}")


def _inner(schema: Document, name: str) -> Document | None:
    """Return the schema of a property, or None if there may be none of that name."""
    if name in schema.get("properties", {}):
        return dict(schema["properties"][name])
    if "object" not in schema.get("type", "object"):
        return None
    others = schema.get("additionalProperties", "properties" not in schema)
    return others if isinstance(others, dict) else {} if others else None


def _resolved(document: Document, schema: Document) -> Iterator[Document]:
    """Yield what a schema may be."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" not in schema:
        yield schema
    for each in schema.get("anyOf", ()):
        yield from _resolved(document, each)


def _named_in(document: Document, part: Any) -> set[str]:
    """Return the names of all schemas that a part of the document leads to."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            name = str(each.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
            waiting += each.values()
    return found


def _entry(document: Document, name: str, readers: set[str]) -> str:
    properties = sorted(document["components"]["schemas"][name]["properties"])
    told = fill(" ".join(properties), 118, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return f"\n{name}: {' '.join(sorted(readers))}\n{told}\n"


def _write() -> None:
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/empty.sqlite3"
        upgrade(url)
        client = create_app(settings_for(url), FixedClock()).test_client()
        PAGE.write_text(page(client.get("/api/v1/openapi.json").json or {}), "utf-8")


if __name__ == "__main__":
    _write()
