"""One target in one process: atheris ends its process itself, and watches only what is imported under its eyes."""

import contextlib
import logging
import sys
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["service", "schedules", "models"]):
    from models.engine import make_engine, make_session_factory
    from tests.database import Databases, settings_for
    from tests.fuzz.targets import Target, make_target


def main() -> None:
    """Fuzz the target that the command line names, in the folder that it names; the rest of it is libFuzzer's."""
    name, folder, *options = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(Databases(Path(folder), stack).migrated("sqlite"))
        with make_session_factory(make_engine(url))() as session:
            target = make_target(name, session, settings_for(url))
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(target.seeds):
            (corpus / str(number)).write_bytes(seed)
        words = Path(folder) / "words"
        words.write_text("".join(f'"{_escaped(each)}"\n' for each in target.words))
        atheris.Setup([sys.argv[0], *options, f"-dict={words}", str(corpus)], partial(_attempt, target))
        atheris.Fuzz()


def _attempt(target: Target, data: bytes) -> None:
    """Raise AssertionError for an answer that is a fault of ours, or a refusal in another form than ours."""
    answer = target.send(data)
    if answer.status_code >= 500:
        raise AssertionError(answer.status_code)
    if answer.status_code >= 400 and answer.content_type != "application/problem+json":
        raise AssertionError(answer.content_type)


def _escaped(word: str) -> str:
    return "".join(chr(each) if chr(each).isalnum() else f"\\x{each:02x}" for each in word.encode())


if __name__ == "__main__":
    main()
