"""What others say of the results that they read, as JSON schemas."""

# What the published description of `results.json` says of it.
GRADESCOPE = {
    "type": "object",
    "required": ["tests"],
    "properties": {
        "execution_time": {"type": "number"},
        "visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "stdout_visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "output": {"type": "string"},
        "extra_data": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["score", "max_score"],
                "properties": {
                    "score": {"type": "number", "minimum": 0},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "output": {"type": "string"},
                    "visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
                },
                "additionalProperties": False,
            },
        },
        "leaderboard": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "properties": {"order": {"enum": ["asc", "desc"]}, "name": {"type": "string"}},
            },
        },
    },
    "additionalProperties": False,
}
# Classroom 50's `schemas/result-v1.schema.json`; what its runner adds before it holds a result against it included.
MOMENT = r"^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$"
TEXT, POINTS = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}
CLASSROOM50_TEXTS = ["classroom", "assignment", "owner", "commit", "release", "review"]
CLASSROOM50 = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *CLASSROOM50_TEXTS,
        "schema",
        "assignment_type",
        "submission",
        "datetime",
        "score",
        "max-score",
        "tests",
    ],
    "properties": {
        "schema": {"const": "classroom50/result/v1"},
        "assignment_type": {"enum": ["individual", "group", "team"]},
        "submission": {"type": "string", "pattern": "^submit/"},
        "datetime": {"type": "string", "pattern": MOMENT},
        "graded_at": {"type": "string", "pattern": MOMENT},
        "score": POINTS,
        "max-score": POINTS,
        "submitted_by": {"type": "object", "required": ["username"], "properties": {"username": TEXT}},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["test-name", "passed", "score", "max-score"],
                "properties": {"test-name": TEXT, "passed": {"type": "boolean"}, "score": POINTS, "max-score": POINTS},
            },
        },
    }
    | dict.fromkeys(CLASSROOM50_TEXTS, TEXT),
}
