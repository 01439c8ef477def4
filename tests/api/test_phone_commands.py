"""`flask devices` and `flask proxies`: listed without a name, ended by the rules of the API, and in the trail."""

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, Device
from models.audit import ActorKind, AuditAction
from models.proxy import ProxyScope
from service.identity.tokens import enrol_device
from tests.api.conftest import Caller, Clinic, Look, as_patient, as_proxy
from tests.clock import MONDAY_AFTERNOON

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments: app.test_cli_runner().invoke(args=arguments)


def test_phones_are_listed_and_ended_by_commands(
    run: Run, app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    own, path = clinic.patient.id, f"/patients/{clinic.patient.id}"
    given_away, lost = (enrol_device(session, clinic.id, own, MONDAY_AFTERNOON) for _ in range(2))
    session.commit()
    ids = [each.principal.actor_id for each in (given_away, lost)]
    phones = [Caller(app.test_client(), each.access.secret) for each in (given_away, lost)]
    before = [phone.get(path).status_code for phone in phones]

    ended = [run("devices", "revoke", ids[0]) for _ in range(2)] + [run("devices", "lost", ids[1])]
    listed = run("devices", "list", own)

    assert [each.output for each in ended] == ["Ended.\n"] * 3
    assert listed.output.splitlines() == [
        f"{each}\tasked\t2026-03-02 15:00\tthe patient's" for each in sorted(ids, reverse=True)
    ]
    assert (before, [phone.get(path).json["code"] for phone in phones]) == ([200, 200], ["device_revoked"] * 2)
    rows = {row.id: row.lost_at for row in look(Device, practice_id=clinic.id, patient_id=own)}
    assert [rows[each] for each in ids] == [None, MONDAY_AFTERNOON]
    entries = sorted(look(AuditEntry, practice_id=clinic.id, actor_kind=ActorKind.command), key=lambda each: each.id)
    assert [(each.route, each.action, each.about) for each in entries] == [
        ("flask devices revoke", AuditAction.write, {"device_id": ids[0]}),
        ("flask devices revoke", AuditAction.write, {"device_id": ids[0]}),
        ("flask devices lost", AuditAction.write, {"device_id": ids[1]}),
        ("flask devices list", AuditAction.read, {}),
    ]


def test_proxies_are_listed_without_a_name_and_ended(
    run: Run, app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    proxy = as_proxy(app, session, clinic, ProxyScope.read_plan)
    holder = as_patient(app, session, clinic.patient)
    (consent,) = holder.get(f"/patients/{clinic.patient.id}/proxies").json["items"]
    path = f"/episodes/{clinic.episode.id}/plan"
    before = proxy.get(path).status_code

    listed = [run("proxies", "list", clinic.patient.id)]
    ended = run("proxies", "end", consent["id"])
    listed.append(run("proxies", "list", clinic.patient.id))

    assert (before, ended.output, proxy.get(path).status_code) == (200, "Ended.\n", 401)
    assert [each.output.split("\t")[:2] for each in listed] == [[consent["id"], "holds"], [consent["id"], "by_clinic"]]
    assert consent["name"] not in "".join(each.output for each in listed)
    entries = look(AuditEntry, practice_id=clinic.id, actor_kind=ActorKind.command, route="flask proxies end")
    assert [each.about for each in entries] == [{"proxy_consent_id": consent["id"]}]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "command",
    [("devices", "list"), ("devices", "lost"), ("devices", "revoke"), ("proxies", "list"), ("proxies", "end")],
)
def test_what_is_not_of_the_clinic_is_named_by_kind_alone(run: Run, clinic: Clinic, command: tuple[str, str]) -> None:
    refused = run(*command, "nobody")

    assert refused.exit_code == 1
    assert refused.output.startswith("Error: Expected the id of a ")
    assert "nobody" not in refused.output
