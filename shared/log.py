"""Structured logs: key=value lines for people on a terminal, one JSON object a line elsewhere."""

import logging
import sys
from typing import Any, cast

import structlog
from structlog.dev import ConsoleRenderer, RichTracebackFormatter
from structlog.processors import ExceptionRenderer, JSONRenderer
from structlog.tracebacks import ExceptionDictTransformer


def configure(*, level: str = "info", json: bool | None = None) -> None:
    """Set up logging of the process, to standard error.

    Args:
        level: least severe level that is written: "debug", "info", "warning" or "error".
        json: True for JSON lines, False for coloured text, None to take text on a terminal and JSON elsewhere.

    """
    as_json = not sys.stderr.isatty() if json is None else json
    # Tracebacks without the values of variables: those may be patients' names and paths.
    for_people = ConsoleRenderer(exception_formatter=RichTracebackFormatter(show_locals=False))
    for_programs = (ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), JSONRenderer())
    renderers: tuple[Any, ...] = for_programs if as_json else (for_people,)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # Standard error as it is at the time of writing: a progress bar takes it over, and puts lines above itself.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger that says where its lines come from."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(component=name))
