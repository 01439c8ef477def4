"""TypeScript types of the REST API, generated from its document: `make api-types` writes them to `var/api.d.ts`."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from service.app import create_app
from service.db import db
from tests.clients.install import FOLDER, lack
from tests.clock import FixedClock
from tests.database import Databases, settings_for
from tests.e2e.clinic_at import ROOT

FILE = ROOT / "var" / "api.d.ts"


def read_document(databases: Databases) -> bytes:
    """Return the API's document as the code serves it."""
    with databases.migrated("sqlite") as url:
        app = create_app(settings_for(url), FixedClock())
        document: bytes = app.test_client().get("/api/v1/openapi.json").data
        with app.app_context():
            db.engine.dispose()
        return document


def types_of(document: bytes) -> str:
    """Return the types that a document describes. Raises CalledProcessError if the generator cannot read it."""
    command = ["node", str(FOLDER / "api_types.mjs")]
    return subprocess.run(command, input=document, capture_output=True, check=True, timeout=60).stdout.decode()


def main() -> int:
    """Write the types. Return 1, and say why, if the generator is not installed."""
    if lacking := lack():
        print(f"The types need {lacking.what} (Debian: {lacking.package}): {lacking.why}.", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder, ExitStack() as stack:
        types = types_of(read_document(Databases(Path(folder), stack)))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(types, encoding="utf-8")
    print(FILE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
