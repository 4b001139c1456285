"""Structured logs: key=value lines for people on a terminal, one JSON object a line elsewhere."""

import logging
import sys
from typing import Any, cast

import structlog


def configure(*, level: str = "info", json: bool | None = None) -> None:
    """Set up logging of the process, to standard error.

    Args:
        level: least severe level that is written: "debug", "info", "warning" or "error".
        json: True for JSON lines, False for coloured text, None to take text on a terminal and JSON elsewhere.

    """
    as_json = not sys.stderr.isatty() if json is None else json
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.dict_tracebacks] if as_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger that says where its lines come from."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(component=name))
