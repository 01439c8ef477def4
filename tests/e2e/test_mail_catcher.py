"""The demo's mail server, as a process: what is sent to it lies in a folder as files that a person can read."""

import contextlib
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from service.cli.mail_catcher import readable

TEXT = "Mañana a las 9:00 toca revisar la herida. ¿Alguna duda? Llame a la clínica.\n"


@contextlib.contextmanager
def mail_catcher(folder: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "service.cli.mail_catcher", str(listener.fileno()), str(folder)]
        with subprocess.Popen(command, pass_fds=(listener.fileno(),)) as process:
            try:
                yield listener.getsockname()[1]
            finally:
                process.terminate()
                assert process.wait(10) == 0


def letter() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Un mensaje de su equipo de atención"
    message["From"] = "reminders@localhost"
    message["To"] = "patient-1@example.org"
    message["Message-ID"] = "<d1@localhost>"
    message.set_content(TEXT, cte="base64")
    return message


def test_each_email_lies_in_a_file_of_its_own_that_reads_as_text(tmp_path: Path) -> None:
    folder = tmp_path / "mail"

    with mail_catcher(folder) as port, smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.send_message(letter())
        client.send_message(letter())

    files = sorted(folder.iterdir())
    assert [file.suffix for file in files] == [".eml", ".eml"]
    for shown in [file.read_text(encoding="utf-8") for file in files]:
        assert "Subject: Un mensaje de su equipo de atención\n" in shown
        assert TEXT.strip() in shown
    assert folder.stat().st_mode & 0o777 == 0o700


def test_making_an_email_readable_changes_none_of_its_headers_or_text() -> None:
    sent = letter()

    caught = message_from_bytes(readable(sent.as_bytes()), policy=policy.default)

    kept = {name: value for name, value in sent.items() if not name.lower().startswith("content-")}
    assert {name: caught[name] for name in kept} == kept
    assert caught.get_content() == sent.get_content()


def test_every_text_of_a_mail_in_several_parts_is_made_readable() -> None:
    sent = letter()
    sent.add_alternative(f"<p>{TEXT}</p>", subtype="html", cte="quoted-printable")

    shown = readable(sent.as_bytes()).decode("utf-8")

    assert shown.count(TEXT.strip()) == 2
