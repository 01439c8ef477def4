"""The role table as people read it: for each route, what each role reaches there."""

from collections.abc import Iterator
from typing import Final

from models.people import StaffRole
from models.proxy import ProxyScope
from models.service_account import Scope
from service.identity.callers import Who
from service.identity.principal import PATIENT_WORD
from service.identity.roles import PARTS

_COLUMNS: Final[dict[str, str]] = {
    StaffRole.practice_admin: "admin",
    StaffRole.clinician: "clinician",
    StaffRole.coordinator: "coordinator",
    StaffRole.auditor: "auditor",
    StaffRole.operator: "operator",
    "program": "program",
    PATIENT_WORD: "patient",
    "proxy": "proxy",
}
_SCOPES: Final[dict[str, type[Scope] | type[ProxyScope]]] = {"program": Scope, "proxy": ProxyScope}
_HEADINGS: Final[dict[str, str]] = {
    "open": "Without a sign-in",
    "oneself": "One's own account",
    "patients": "Patients",
    "practice": "The practice, and no patient",
}


def write_access_table() -> str:
    """Return the role table in Markdown, a part after the other."""
    return "\n".join(line for part in PARTS for line in _lines_of(part))


def _lines_of(part: str) -> Iterator[str]:
    yield f"## {_HEADINGS[part]}\n"
    if part == "open":
        yield from (f"- `{route}`" for route in PARTS[part])
        yield ""
        return
    yield f"| route | {' | '.join(_COLUMNS.values())} |"
    yield "|---" * (len(_COLUMNS) + 1) + "|"
    for route, who in PARTS[part].items():
        cells = (_reached(part, word, who) for word in _COLUMNS)
        yield f"| `{route}` | {' | '.join(cells)} |"
    yield ""


def _reached(part: str, word: str, who: Who | None) -> str:
    """Return what a role reaches of a part: nothing, its own, or the practice's; of programs and proxies, the scope."""
    if who is not None and word in _SCOPES:
        return " or ".join(f"`{scope}`" for scope in _SCOPES[word] if scope in who)
    if who is None or word not in who:
        return ""
    is_own = part == "oneself" or (part == "patients" and word == PATIENT_WORD)
    return "own" if is_own else "practice"
