"""What the fuzzer is told beyond the document: a fresh key for each good request, as clients take one.

Of the few short keys that it would take again and again, most would stand for another request already, and be refused
before anything else is looked at. A bad request stays as it is.
"""

import uuid
from typing import Any

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Any, _kwargs: dict[str, Any]) -> None:
    """Put a new key into the place of a good one."""
    if KEY in case.headers and case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE:
        case.headers[KEY] = str(uuid.uuid4())
