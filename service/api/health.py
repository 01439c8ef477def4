"""Whether the service can answer: the database is reachable and has a schema for this release. Needs no token."""

from flask import Response, current_app, jsonify

from service.db import require_fit_schema


def health() -> Response:
    """Return 200 while the service can answer, else 503."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy hides it
    require_fit_schema(app)
    return jsonify(status="ok")
