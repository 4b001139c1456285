"""What of a run may be exported: accepted films that nobody vetoed, beside the data set that they were made from."""

from dataclasses import dataclass
from pathlib import Path

from shared.dataset import Dataset
from shared.errors import ConfigurationError, DatasetError
from shared.log import get_logger
from shared.record import PairRecord
from shared.run import Run
from shared.store import Store
from shared.vetoes import read_vetoes


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """A run's accepted films and the data set that they come from."""

    run: Run
    dataset: Dataset
    accepted: tuple[PairRecord, ...]
    """In the order of their pairs, vetoed ones left out."""
    vetoed: int
    """How many were left out."""

    @classmethod
    def gather(cls, address: str, dataset: Path | None, *, partial: bool) -> "Harvest":
        """Open a run and its data set.

        Args:
            address: of the run directory.
            dataset: folder of the data set; None takes the one that the run was started with.
            partial: whether a run may lack records.

        Raises:
            NotFoundError: if there is no run.
            ConfigurationError: if the run is not complete and `partial` is not set, or no data set is known.
            DatasetError: if run, vetoes or data set are broken, or the data set is not the run's.

        """
        run = Run.open(Store(address))
        _check_complete(run, partial=partial)
        vetoed = {veto.pair for veto in read_vetoes(run.store, run.accepted)}
        return cls(
            run=run,
            dataset=_open_dataset(run, dataset),
            accepted=tuple(record for record in run.accepted if record.pair not in vetoed),
            vetoed=len(vetoed),
        )


def _check_complete(run: Run, *, partial: bool) -> None:
    log = get_logger("export")
    for problem in run.unreadable:
        log.warning(problem)
    if run.complete:
        return
    found = f"found {len(run.records)} of {run.pins['pairs']} pairs recorded"
    if not partial:
        raise ConfigurationError(
            f"{run.store.address}: {found}, needed all; finish the run, or export what is there with --partial"
        )
    log.warning(f"the run is not complete: {found}; a later export can hold more films")


def _open_dataset(run: Run, given: Path | None) -> Dataset:
    if given is None and not run.options.get("dataset"):
        raise ConfigurationError("--dataset: is needed: the run does not say where its data set lies")
    path = given or Path(str(run.options["dataset"]))
    dataset = Dataset.open(path)
    if dataset.sha256 != run.pins["dataset_sha256"]:
        raise DatasetError(f"{path}: found sha256 {dataset.sha256}, needed the run's {run.pins['dataset_sha256']}")
    return dataset
