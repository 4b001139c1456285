"""The page of a study: one HTML file that needs nothing beside it, and that says of no film what it is."""

import base64
from collections.abc import Sequence
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def render(study: str, films: Sequence[bytes]) -> str:
    """Write the page.

    Args:
        study: its name.
        films: 16-bit grey PNGs in the order in which they are shown, all of one length.

    """
    encoded = [base64.b64encode(png).decode("ascii") for png in films]
    return _environment().get_template("review.html").render(study=study, films=encoded)


@cache
def _environment() -> Environment:
    # The decoder of films and the gestures are those of the report's viewer.
    loader = ChoiceLoader([PackageLoader("services.evaluator.review"), PackageLoader("services.evaluator.report")])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
