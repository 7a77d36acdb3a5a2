"""The API's own description, OpenAPI 3.1. A test holds it against the routes."""

from __future__ import annotations

from typing import Any

from alerts.incidents.contract import ActionResult, Outcome, State

ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
WHOLE = {"type": "integer"}
TEXT = {"type": "string"}
VERSION = {"type": "integer", "description": "the incident's version as you saw it; another answers 409"}


def document(build: str) -> dict[str, Any]:
    """The whole of it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "carewatch", "version": build, "description": "Times end in _ms: ms since 1970 UTC."},
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
            "responses": {
                "Problem": {"description": "why not", "content": _json({"$ref": "#/components/schemas/Problem"})}
            },
        },
        "paths": {f"/api/v1/{path}": methods for path, methods in _paths().items()},
    }


def _schemas() -> dict[str, Any]:
    answer = {
        "result": {"enum": [result.value for result in ActionResult]},
        "incident_id": {"type": ["integer", "null"]},
        "holder_name": {**TEXT, "description": "who has the incident now"},
        "version": WHOLE,
        "text": {**TEXT, "description": "the result in words"},
    }
    incident = {
        "id": WHOLE,
        "version": WHOLE,
        "state": {"enum": [state.value for state in State]},
        "severity": {"enum": ["emergency", "warning", "notice"]},
        "watch_id": TEXT,
        "happened_ms": WHOLE,
        "opened_ms": WHOLE,
        "count": WHOLE,
    }
    return {
        "Answer": {"type": "object", "properties": answer, "required": ["result", "text"]},
        "Incident": {"type": "object", "properties": incident, "required": list(incident)},
        "Problem": {"type": "object", "properties": {"text": TEXT}, "required": ["text"]},
    }


def _paths() -> dict[str, Any]:
    limits = [_query("state", {"enum": [state.value for state in State]}), _query("limit", {**WHOLE, "maximum": 1000})]
    span = [_query("from", WHOLE), _query("to", WHOLE)]
    outcome = {"outcome": {"enum": [outcome.value for outcome in Outcome]}, "note": TEXT, "version": VERSION}
    one = {"$ref": "#/components/schemas/Incident"}
    listed = {"type": "object", "properties": {"incidents": {"type": "array", "items": one}}}
    return {
        "openapi.json": {"get": {**_get("this description"), "security": []}},
        "incidents": {"get": _get("incidents, newest first", listed, *limits)},
        "incidents/{id}": {"get": _get("one, with alerts, timeline and messages", one, ID)},
        "incidents/{id}/acknowledge": {"post": _post("take it; the first one wins", {"version": VERSION})},
        "incidents/{id}/assign": {
            "post": _post("ask an officer to take it", {"officer_id": WHOLE, "version": VERSION}, "officer_id")
        },
        "incidents/{id}/comment": {"post": _post("add a line to its timeline", {"text": TEXT}, "text")},
        "incidents/{id}/resolve": {"post": _post("close it; real needs a note", outcome, "outcome")},
        "residents": {"get": _get("every resident with a watch")},
        "residents/{id}/readings": {"get": _get("what the watch said; from and to in ms", None, ID, *span)},
        "protection": {"get": _get("who is protected, and who is not and why")},
    }


def _get(summary: str, schema: dict[str, Any] | None = None, *parameters: dict[str, Any]) -> dict[str, Any]:
    good = {"description": summary, "content": _json(schema or {"type": "object"})}
    return {"summary": summary, "parameters": list(parameters), "responses": {"200": good, **_problems("401", "403")}}


def _post(summary: str, fields: dict[str, Any], *required: str) -> dict[str, Any]:
    body = {"type": "object", "properties": fields, "required": list(required)}
    answer = _json({"$ref": "#/components/schemas/Answer"})
    answers = {code: {"description": text, "content": answer} for code, text in _ANSWERS.items()}
    return {
        "summary": summary,
        "parameters": [ID],
        "requestBody": {"required": bool(required), "content": _json(body)},
        "responses": {**answers, **_problems("400", "401", "403")},
    }


_ANSWERS = {
    "200": "done",
    "404": "there is no such incident",
    "409": "somebody was faster, or it changed",
    "422": "something is missing",
}


def _problems(*codes: str) -> dict[str, Any]:
    return {code: {"$ref": "#/components/responses/Problem"} for code in codes}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
