"""Logs as CloudWatch can search them: one JSON object a line, on standard output."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "serving.logs.JsonLines"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "root": {"level": "INFO", "handlers": ["stdout"]},
    # granian sets these two up on its own otherwise
    "loggers": {"_granian": {"level": "INFO"}, "granian.access": {"level": "WARNING"}},
}
"""For logging.config.dictConfig. What hooks log goes the same way."""


class JsonLines(logging.Formatter):
    """A record may bring `fields`, a dict, as its extra."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
