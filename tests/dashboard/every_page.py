"""Every page of the dashboard that has an address, by who may open it; and those that a form leads to."""

import re
from collections.abc import Mapping
from typing import Final

from flask import Flask

from models.people import StaffRole
from service.api.scope import template
from service.identity.callers import ANYONE
from service.identity.roles import WHO_MAY

# What is no page: files, fragments, what is taken along, and an answer of somebody else's page.
NO_PAGES: Final = {
    "GET /clinic/files/{filename}",
    "GET /clinic/worklist",
    "GET /clinic/outcomes.csv",
    "GET /clinic/practice/tables/{table}",
    "GET /clinic/letters/{letter_id}/pdf",
    "GET /clinic/episodes/{episode_id}/plan.pdf",
    "GET /clinic/wound-photos/{photo_id}",
    "GET /clinic/sign-in/provider/answer",
}
# Pages that look otherwise when they are asked otherwise.
ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "coordinator": (
        "/clinic/?sort=name",
        "/clinic/nowhere",
        "/clinic/protocols?procedure=tlif",
        "/clinic/protocols?procedure=acdf&language=es",
        "/clinic/outcomes?procedure=tlif&kind=drive",
        "/clinic/outcomes?procedure=acdf&language=es",
        "/clinic/patients?language=en",
    ),
    "clinician": ("/clinic/patients/{patient_id}", "/clinic/milestones/{drive_id}", "/clinic/milestones/{slot_id}"),
    "admin": (),
    "stranger": ("/clinic/",),
}


def pages_by_address(app: Flask, ids: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the paths of all pages by who opens them: a coordinator, else an admin; a stranger what is public."""
    found: dict[str, list[str]] = {who: [] for who in ALSO}
    for rule in app.url_map.iter_rules():
        route = f"GET {template(rule.rule)}"
        if not rule.rule.startswith("/clinic") or "GET" not in (rule.methods or ()) or route in NO_PAGES:
            continue
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda name: ids[name[1]], rule.rule)
        may = WHO_MAY[route]
        if may is ANYONE:
            found["stranger"].append(path)
        else:
            found["coordinator" if StaffRole.coordinator in may else "admin"].append(path)
    return {who: sorted(paths) + [each.format_map(ids) for each in ALSO[who]] for who, paths in found.items()}


def forms_that_show(ids: Mapping[str, str]) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Return forms that are answered by a page of its own, by who sends them: where to, and what is typed."""
    patient, surgery = f"/clinic/patients/{ids['patient_id']}", f"/clinic/surgeries/{ids['surgery_id']}"
    operation = {"procedure": "lumbar_microdiscectomy", "approach": "open", "levels": "L4-L5"}
    return {
        "coordinator": [
            ("/clinic/patients", {"q": "Sample"}),
            (f"{surgery}/operation", operation | {"reason": "converted_in_theatre"}),
            (f"{surgery}/operation", operation | {"levels": "no such level", "reason": "other"}),
            (f"{surgery}/move", {"surgery_on": "", "reason": "other"}),
            (f"{patient}/edit", {"rev": "1"}),
            (f"{patient}/enrolment", {}),
            (f"{patient}/calendar-feed", {}),
            (f"{patient}/proxies", {"name": ""}),
            (f"/clinic/milestones/{ids['milestone_id']}/achieve", {"achieved_on": "2026-09-01"}),
            (f"/clinic/episodes/{ids['episode_id']}/visits", {"kind": "imaging"}),
            ("/clinic/account/recovery-codes", {}),
            ("/clinic/account/authenticator", {}),
            ("/clinic/account/password", {}),
        ],
        "admin": [
            ("/clinic/staff", {"name": "Robin Hale", "email": "robin@example.org", "role": "coordinator"}),
            ("/clinic/staff", {"name": ""}),
            ("/clinic/practice", {"name": "", "phone": "212"}),
        ],
    }
