"""What `make run` stands on: keys are made once and never lost silently, ports are found, the user's settings win."""

import base64
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli.house import HouseError, address_of, clinic_environment, is_demo, listen, only_one_in


@contextlib.contextmanager
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_the_first_run_makes_two_keys_that_only_their_owner_can_read(tmp_path: Path) -> None:
    environment = clinic_environment({}, tmp_path)

    files = [Path(environment["SEAL_KEY_FILE"]), Path(environment["AUDIT_KEY_FILE"])]
    keys = [base64.b64decode(file.read_bytes()) for file in files]
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]


def test_later_runs_keep_the_keys(tmp_path: Path) -> None:
    clinic_environment({}, tmp_path)
    before = (tmp_path / "seal.key").read_bytes()

    clinic_environment({}, tmp_path)

    assert (tmp_path / "seal.key").read_bytes() == before


def test_a_lost_key_is_not_replaced_beside_its_database(tmp_path: Path) -> None:
    (tmp_path / "recovery.sqlite3").touch()

    with pytest.raises(HouseError, match=r"expected .*seal\.key, the key of the database beside it"):
        clinic_environment({}, tmp_path)

    assert not (tmp_path / "seal.key").exists()


def test_a_file_where_the_folder_should_be_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "var").touch()

    with pytest.raises(HouseError, match=r"expected .*var/ to be a folder that can be written to, got: File exists"):
        only_one_in(tmp_path / "var").__enter__()


def test_a_folder_that_cannot_be_written_to_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(HouseError, match=r"to be a folder that can be written to, got: No such file or directory"):
        clinic_environment({}, tmp_path / "gone")


def test_what_the_user_has_set_is_kept(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://h/d", "SEAL_KEY": "s", "AUDIT_KEY_FILE": "/run/audit", "LOG_LEVEL": ""}

    environment = clinic_environment(given, tmp_path)

    assert environment == {"DATABASE_URL": "postgresql://h/d", "SEAL_KEY": "s", "AUDIT_KEY_FILE": "/run/audit"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{"DATABASE_URL": "sqlite:///clinic.db"}, {"DATABASE_URL_FILE": "/run/url"}])
def test_the_demo_clinic_never_goes_into_a_database_that_the_user_named(given: dict[str, str]) -> None:
    assert not is_demo(given)
    assert is_demo({})


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with only_one_in(tmp_path), pytest.raises(HouseError, match="expected to be the only run"), only_one_in(tmp_path):
        pass


def test_a_folder_is_free_again_after_its_run(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    with only_one_in(folder):
        pass

    with only_one_in(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_a_busy_port_is_reported_and_the_next_free_one_taken() -> None:
    said: list[str] = []

    with busy_port() as port, listen("127.0.0.1", port, or_next=True, report=said.append) as listener:
        assert listener.getsockname()[1] > port

    assert said[0] == f"Port {port} is in use."


def test_a_busy_port_that_the_user_asked_for_is_an_error() -> None:
    with (
        busy_port() as port,
        pytest.raises(HouseError, match=f"expected port {port} on 127.0.0.1 to be free"),
    ):
        listen("127.0.0.1", port, or_next=False, report=print)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(HouseError, match=r"expected an address of this machine to listen on, got 192\.0\.2\.1"):
        listen("192.0.2.1", 0, or_next=True, report=print)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])
def test_the_printed_address_can_be_opened_in_a_browser(host: str, shown: str) -> None:
    with listen(host, 0, or_next=False, report=print) as listener:
        port = listener.getsockname()[1]

        assert address_of(listener) == f"http://{shown}:{port}"
