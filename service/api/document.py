"""The OpenAPI 3.1 document of the API, and a page that shows it without asking any other server."""

import http
from pathlib import Path
from threading import RLock
from typing import Any

from flask import Blueprint, Flask, Response
from flask_smorest import Api
from flask_smorest.utils import prepare_response
from marshmallow import Schema, fields

from service.api.fields import ID_PATTERN
from service.api.problems import CONTENT_TYPE
from service.api.resource import PREFIX, CountConverter, IdConverter, Resource, VersionConverter
from service.errors import NotFoundError

VERSION = "1.0"
_SECONDS = {"type": "integer", "minimum": 1}
_RETRY_AFTER: dict[int, dict[str, Any]] = {
    409: {"description": "Seconds. With `key_in_use`: the same request is still running.", "schema": _SECONDS},
    503: {"description": "Seconds after which the request may be sent again.", "schema": _SECONDS},
}
STATIC = Path(__file__).parent.parent / "static" / "swagger-ui"
DOCS_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "start.js")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class FaultView(Schema):
    """One thing that is wrong. `got` repeats codes, numbers and dates only, else type and length."""

    pointer = fields.String(required=True, metadata={"description": "RFC 6901 pointer into what was sent."})
    expected = fields.String(required=True)
    got = fields.String(required=True)
    line = fields.Integer(metadata={"description": "Of an import: the line on which the row begins."})
    column = fields.String(metadata={"description": "Of an import: the column's name."})
    file = fields.String(metadata={"description": "Of a protocol's text: the file as it is named."})
    key = fields.String(metadata={"description": "Of a protocol's text: the key, tables first; lists from 1."})


class Problem(Schema):
    """A refusal (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata={"description": "The kind of refusal, for programs."})
    errors = fields.List(fields.Nested(FaultView))


class Documented(Api):
    """flask-smorest's document with our problems in it. Errors are answered by `service.api.problems`.

    Routes are described when somebody first asks for the document, which few processes and no command ever do: it takes
    longer than everything else at the start.
    """

    ERROR_SCHEMA = Problem

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._waiting: list[Resource] = []
        self._has_responses = False
        self._turn = RLock()
        super().__init__(*arguments, **options)

    def register_blueprint(self, blp: Resource, **options: Any) -> None:
        """Register a resource's routes."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)
        self._waiting.append(blp)

    @property
    def spec(self) -> Any:
        """Return the document with all routes that are registered."""
        with self._turn:
            waiting, self._waiting = self._waiting, []
            if waiting and not self._has_responses:
                self._has_responses = True
                self._describe_responses()
            for resource in waiting:
                resource.register_views_in_doc(self, self._app, self._spec, name=resource.name, parameters=None)
                self._spec.tag({"name": resource.name, "description": resource.description})
            return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec

    def _register_error_handlers(self) -> None:
        """Register none: the library's own would drop the headers of a 405."""

    def _register_responses(self) -> None:
        """Register none yet: they are described with the routes."""

    def _describe_responses(self) -> None:
        for status in http.HTTPStatus:
            response: dict[str, Any] = {"description": f"{status.phrase}."}
            if status >= http.HTTPStatus.BAD_REQUEST:
                response["schema"] = self.ERROR_SCHEMA
            if status in _RETRY_AFTER:
                response["headers"] = {"Retry-After": _RETRY_AFTER[status]}
            prepare_response(response, self.spec, CONTENT_TYPE)
            self.spec.components.response(status.name, response, lazy=True)
        default = {"description": "A refusal.", "schema": self.ERROR_SCHEMA}
        prepare_response(default, self.spec, CONTENT_TYPE)
        self.spec.components.response("DEFAULT_ERROR", default, lazy=True)


def install_document(app: Flask, resources: tuple[Resource, ...]) -> None:
    """Register the resources with the application, and the document that describes them."""
    app.config["API_TITLE"] = "Spine recovery"
    app.config["API_VERSION"] = VERSION
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.config["OPENAPI_URL_PREFIX"] = PREFIX
    app.config["OPENAPI_JSON_PATH"] = "openapi.json"
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["version"] = VersionConverter
    app.url_map.converters["count"] = CountConverter
    api = Documented(app, spec_kwargs={"info": {"description": _ABOUT}})
    api.register_converter(IdConverter, lambda _: {"type": "string", "pattern": f"^{ID_PATTERN}$"})
    api.register_converter(VersionConverter, lambda _: {"type": "integer", "minimum": 1, "maximum": 999_999})
    api.register_converter(CountConverter, lambda _: {"type": "integer", "minimum": 0, "maximum": 999_999})
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for resource in resources:
        api.register_blueprint(resource)
    app.register_blueprint(_docs_pages())


def _docs_pages() -> Blueprint:
    pages = Blueprint("docs", __name__, url_prefix=f"{PREFIX}/docs")
    pages.add_url_rule("", view_func=_show_docs)
    pages.add_url_rule("/<filename>", view_func=_show_docs_file)
    return pages


def _show_docs() -> Response:
    return _file("index.html")


def _show_docs_file(filename: str) -> Response:
    if filename not in DOCS_FILES:
        raise NotFoundError
    return _file(filename)


def _file(name: str) -> Response:
    path = STATIC / name
    response = Response(path.read_bytes(), mimetype=_TYPES[path.suffix])
    response.headers["Content-Security-Policy"] = _DOCS_POLICY
    return response


_ABOUT = (
    "Plans of recovery after spine surgery. Ids are text that the client makes. Dates (`*_on`) are the clinic's "
    "calendar days, instants (`*_at`) are in UTC. A change needs `If-Match` with the record's ETag; creating with PUT "
    "twice stores once, and a POST sent again under its `Idempotency-Key` has one effect. Lists answer `items` and "
    "`next`. Clinical content is a default with its evidence grade, a draft until a clinician of the clinic signs it. "
    "Nothing reported here is monitored."
)
