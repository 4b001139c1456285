"""The uplift of a run, as the page shows it."""

from dataclasses import dataclass
from typing import Any

from services.evaluator.configuration import Control
from services.evaluator.uplift.plan import output, read_result
from shared.store import Store


@dataclass(frozen=True)
class UpliftSection:
    """What `mammosynth uplift` found."""

    result: dict[str, Any]
    is_old: bool
    """Whether films were accepted, or vetoed, since."""

    @property
    def chosen(self) -> set[str]:
        """Arms that the verdict is about."""
        return {one[side] for one in self.result["chosen"] for side in ("synthetic", "real")}


def read_uplift(store: Store, films_digest: str) -> UpliftSection | None:
    """The uplift of the run's own films; None where none was measured."""
    result = read_result(store, output(Control.NONE))
    return None if result is None else UpliftSection(result, result["films_digest"] != films_digest)


def read_controls(store: Store) -> list[dict[str, Any]]:
    """Uplifts of films that stood in for the run's, as far as they were measured."""
    found = (read_result(store, output(control)) for control in Control if control is not Control.NONE)
    return [result for result in found if result is not None]
