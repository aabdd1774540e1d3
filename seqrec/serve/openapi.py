"""The description of the server's paths, for clients and those who write them."""

from functools import cache
from typing import Any

import msgspec

from seqrec import __version__
from seqrec.serve.schema import REQUESTS, Events, FiltersGiven, Load, Recommend, Similar

REFERENCE = "#/components/schemas/{name}"
PATHS: dict[tuple[str, str], tuple[str, type | None]] = {
    ("post", "/v1/recommend"): ("Lists of items to follow one session or many", Recommend),
    ("post", "/v1/events"): ("Keep events of sessions; each counts once", Events),
    ("post", "/v1/similar"): ("Items that are like an item", Similar),
    ("get", "/v1/items"): ("Items whose titles hold the text q", None),
    ("delete", "/v1/sessions/{name}"): ("Forget a session, in the state and in the log", None),
    ("get", "/v1/filters"): ("What may be shown to anybody, with its version", None),
    ("put", "/v1/filters"): ("Replace what may be shown to anybody", FiltersGiven),
    ("post", "/admin/load"): ("Answer with another bundle, once it is loaded and checked", Load),
    ("post", "/admin/rollback"): ("Answer with the bundle of before", None),
    ("get", "/health/live"): ("Whether the server runs", None),
    ("get", "/health/ready"): ("Whether it answers, with what, and what doesn't work", None),
    ("get", "/metrics"): ("Counts and times, as Prometheus reads them", None),
}
PARAMETERS: dict[str, list[tuple[str, str, str]]] = {
    "/v1/items": [("q", "query", "string"), ("k", "query", "integer")],
    "/v1/sessions/{name}": [("name", "path", "string")],
}
REFUSED = {
    "400": "The request is wrong; the answer says where, and how to fix it",
    "401": "The key is missing or wrong",
    "413": "The body is too large",
    "429": "Too many requests; Retry-After says when to send it again",
    "503": "Too much to do, or a part doesn't work; Retry-After says when to send it again",
}
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "required": ["what"],
            "properties": {name: {"type": "string"} for name in ("what", "where", "fix")},
        }
    },
}


@cache
def described() -> dict[str, Any]:
    """Return the OpenAPI document."""
    _, schemas = msgspec.json.schema_components(REQUESTS, ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), (summary, body) in PATHS.items():
        paths.setdefault(path, {})[method] = _operation(path, summary, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "seqrec", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _operation(path: str, summary: str, body: type | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "The answer", "content": {"application/json": {}}},
            **{status: _refused(text) for status, text in REFUSED.items()},
        },
    }
    if path == "/metrics":
        made["responses"]["200"]["content"] = {"text/plain": {}}
    if path in PARAMETERS:
        made["parameters"] = [
            {"name": name, "in": place, "required": name != "k", "schema": {"type": kind}}
            for name, place, kind in PARAMETERS[path]
        ]
    if body is not None:
        schema = {"$ref": REFERENCE.format(name=body.__name__)}
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return made


def _refused(text: str) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(name="Error")}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
