"""`mammosynth finalise`: pack a run's records and sum them up."""

from services.orchestrator.configuration import FinaliseConfiguration
from services.orchestrator.ledger import Ledger
from services.orchestrator.summary import print_summary
from shared.store import Store


def run(configuration: FinaliseConfiguration) -> int:
    """Finalise a run, complete or not; returns the exit code.

    Raises:
        NotFoundError: if there is no run.

    """
    ledger = Ledger(Store(configuration.run))
    print_summary(ledger.finalise(), ledger.store.address)
    return 0
