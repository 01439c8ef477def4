"""The types of the REST API say what it takes and answers: TypeScript takes the right use and refuses the wrong one."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.api_types import read_document, types_of
from tests.clients.install import PACKAGES, require_clients
from tests.database import Databases

pytestmark = [pytest.mark.sqlite_only, pytest.mark.slow]

RIGHT = """
import type { components, operations, paths } from './api'

const answer: components['schemas']['QuestionnaireAnswerBody'] = {
  episode_id: 'e-1', instrument: 'nrs', answered_at: '2026-03-02T08:30:00Z', answers: { back: 3 },
}
const stored = (view: components['schemas']['ReminderView']): string | null => view.text?.en ?? view.correction ?? null
type Path = keyof paths
const path: Path = '/api/v1/questionnaire-answers/{answer_id}'
type Answered = operations['store_check_in']['responses'][201]['content']['application/json']
const isWatched = (answered: Answered): boolean => answered.monitored
export { answer, stored, path, isWatched }
"""
WRONG = """
import type { components, paths } from './api'

const noEpisode: components['schemas']['QuestionnaireAnswerBody'] = {
  instrument: 'nrs', answered_at: '2026-03-02T08:30:00Z', answers: {},
}
const noInstrument: components['schemas']['QuestionnaireAnswerBody']['instrument'] = 'womac'
const noRoute: keyof paths = '/api/v1/nothing'
export { noEpisode, noInstrument, noRoute }
"""


def test_typescript_takes_the_right_use_and_refuses_the_wrong_one(databases: Databases, tmp_path: Path) -> None:
    require_clients()
    (tmp_path / "api.d.ts").write_text(types_of(read_document(databases)), encoding="utf-8")
    (tmp_path / "right.ts").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "wrong.ts").write_text(WRONG, encoding="utf-8")

    command = ["node", str(PACKAGES / "typescript" / "bin" / "tsc"), "--noEmit", "--strict", "right.ts", "wrong.ts"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)

    assert [line.partition(": error")[0] for line in told.stdout.splitlines() if "error" in line] == [
        "wrong.ts(4,7)",
        "wrong.ts(7,7)",
        "wrong.ts(8,7)",
    ], told.stdout
