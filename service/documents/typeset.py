"""Sets a document as PDF: tagged for screen readers (PDF/UA-1), with fonts of its own, and without the time.

The same document gives the same bytes, on any machine, as long as the version of the typesetter is the same. Texts are
data to it: nothing in a name is read as markup.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import typst

from schedules.plan.vocabulary import Language

_FOLDER: Final = Path(__file__).parent / "templates"
_MISSING: Final = "could not be displayed"
# Where letters are written on the smaller of the two sheets: ISO 3166-1.
_US_LETTER: Final = frozenset({"US", "CA", "MX", "CL", "CO", "CR", "DO", "GT", "PA", "PH", "PR", "SV", "VE"})


class UnsettableError(ValueError):
    """A text has letters that the documents' fonts do not have."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part."""

    text: str
    kind: str = "heading"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    text: str
    is_strong: bool = False
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one pair a line."""

    rows: tuple[tuple[str, str], ...]
    kind: str = "facts"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head, of as many cells."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: str = "table"


Block = Heading | Paragraph | Facts | Table


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says. `sender` and `addressee` are lines; `footer` stands on every page beside its number."""

    title: str
    language: Language
    country: str  # ISO 3166-1 alpha-2: gives the size of the sheet
    sender: tuple[str, ...]
    addressee: tuple[str, ...]
    blocks: tuple[Block, ...]
    footer: str


def typeset(document: Document) -> bytes:
    """Return a document as PDF. Raises UnsettableError for letters that its fonts do not have."""
    told = asdict(document) | {"paper": "us-letter" if document.country in _US_LETTER else "a4"}
    try:
        return typst.compile(
            str(_FOLDER / "document.typ"),
            root=str(_FOLDER),
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs={"document": json.dumps(told)},
            pdf_standards=["ua-1"],
        )
    except typst.TypstError as error:
        if _MISSING in str(error):
            raise UnsettableError from None  # the message would repeat the text
        raise
