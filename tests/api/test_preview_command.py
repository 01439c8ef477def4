"""`flask preview`: what a protocol's messages say, for who writes or signs one."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from schedules.plan.vocabulary import VersionStatus
from tests import builders
from tests.planning.test_own_library import version

OURS = (
    "[imaging]",
    '[texts.reminders.drive.ask]\nen = "Ask us: {phone}."\nes = "Pregunte: {phone}."\n\n[imaging]',
)
LINK = "http://127.0.0.1:8000/m/EXAMPLE_EXAMPLE_EXAMPL"


def run(app: Flask, *args: str) -> tuple[int, list[str]]:
    result = app.test_cli_runner().invoke(args=("preview", *args))
    return result.exit_code, result.output.splitlines()


@pytest.mark.sqlite_only
def test_a_message_is_shown_as_each_channel_says_it_and_marked_as_a_draft(app: Flask) -> None:
    code, said = run(app, "MD-MISS", "--kind", "drive", "--key", "ask", "--language", "en")

    assert code == 0
    assert said == [
        "MD-MISS version 1 (draft): Lumbar microdiscectomy, minimally invasive",
        "Reminders version 1 (draft). Clinic and patient are made up.",
        "",
        "drive ask, clearance, grade E, in en",
        "  email",
        "    Subject: A message from your care team",
        "    Ask whether you may drive. Never while taking strong pain medicine or sedatives.",
        "",
        f"    Read it here: {LINK}",
        "    The page asks for your date of birth. The link works once.",
        "",
        "    Example Spine Clinic",
        "    Questions? Call us: +12125550100",
        "",
        "    This mailbox is not monitored; please do not reply. In an emergency call your local emergency number.",
        "  sms (137 characters, segments: 1)",
        f"    Your care team has a message for you. Read it: {LINK} Or call +12125550100. Replies are not read.",
        "  push",
        "    Your care team has a message for you. Please call +12125550100. Replies are not read. Ref 0a1b2c3d",
    ]


@pytest.mark.sqlite_only
def test_one_channel_with_details_is_shown_in_every_language(app: Flask) -> None:
    _, said = run(app, "MD-MISS@1", "--kind", "drive", "--channel", "push", "--details")

    shown = [line for line in said if line.startswith("    ")]
    assert [line.split(".")[0].strip() for line in shown] == ["Ask whether you may drive", "Pregunte si puede conducir"]


def test_a_clinics_own_newest_version_is_shown_with_its_state(app: Flask, session: Session) -> None:
    practice = builders.practice(session)
    version(session, practice, 1)
    version(session, practice, 2, status=VersionStatus.draft, change=OURS)
    session.commit()

    code, said = run(app, "hudson-disc", "--practice", practice.slug, "--kind", "drive", "--channel", "email")
    _, older = run(app, "hudson-disc@1", "--practice", practice.slug, "--kind", "drive", "--channel", "email")

    assert code == 0
    assert said[0].startswith("hudson-disc version 2 (draft):")
    assert "    Ask us: +12125550100." in said
    assert older[0].startswith("hudson-disc version 1 (released):")
    assert "    Ask us: +12125550100." not in older


@pytest.mark.sqlite_only
def test_what_there_is_not_is_said(app: Flask) -> None:
    assert run(app, "NONE") == (
        1,
        ["Error: protocol: expected the id and version of a protocol, got 'NONE', version 1"],
    )
    assert run(app, "MD-MISS@x")[1] == ["Error: Expected an id, or an id and a version such as MD-MISS@1."]
    assert run(app, "MD-MISS", "--key", "x")[1] == [
        "Error: Expected the kind and key of a reminder of this protocol; without them, all are shown."
    ]
