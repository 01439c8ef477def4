"""The files for running the service: systemd takes its units, and what they start is there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.needs import need

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").iterdir())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        need("systemd-analyze", package="systemd", why="not installed")
    for each in UNITS:  # a timer names its service; programs are looked for where they are on this machine
        (tmp_path / each.name).write_text(each.read_text().replace("/opt/recovery/", f"{ROOT}/"))

    command = [program, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_has_every_part_of_the_product_and_no_other() -> None:
    lines = (ROOT / "deploy/Containerfile").read_text().splitlines()

    copied = {part for line in lines if line.startswith("COPY") for part in line.split()[1:-1]}

    modules = {each.name for each in ROOT.glob("*.py")}
    assert copied == modules | {"requirements.txt", "models", "schedules", "service"}


@pytest.mark.parametrize(
    "starts", ["deploy/Containerfile", "deploy/systemd/recovery-web.service", "service/cli/run.py", "README.md"]
)
def test_every_way_to_start_gunicorn_leaves_its_kind_of_worker_to_its_configuration(starts: str) -> None:
    told = [line for line in (ROOT / starts).read_text().splitlines() if "gunicorn" in line and "wsgi:app" in line]

    assert told
    assert "--worker-class" not in (ROOT / starts).read_text()


def test_the_streams_that_the_proxy_does_not_buffer_are_routes() -> None:
    from service.identity.roles import WHO_MAY

    found = re.search(r"location ~ (\S+) \{", (ROOT / "deploy/nginx.conf").read_text())
    assert found is not None

    unbuffered = {route for route in WHO_MAY if re.search(found[1], route.partition(" ")[2])}

    assert {route.rpartition("/")[2] for route in unbuffered} == {"events", "wait", "stream", "pullStream"}
