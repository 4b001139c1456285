"""What a finished run's own records say of its recipes, for the pairs that have a placebo twin."""

from dataclasses import dataclass

from services.orchestrator.ledger import Ledger
from services.orchestrator.policy import Policy, parse_policy
from services.orchestrator.tuning.outcomes import Arm, Outcomes, empty_arm
from shared.errors import InvalidInputError
from shared.record import PairRecord
from shared.store import Store


@dataclass(frozen=True, kw_only=True)
class RunOutcomes:
    """A run's recipes, and what they made of its pairs."""

    outcomes: Outcomes
    policy: Policy
    size: int
    """Rows and columns of the run's films, in pixels."""
    dataset_sha256: str
    models: dict[str, str]
    """sha256 by service."""


def outcomes_of_run(store: Store) -> RunOutcomes:
    """Read a run's trials and those of its twins; a trial that was not made is not known.

    Pairs without a twin, or whose content was not called benign, say nothing of the placebo and are left out.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if its files are broken.
        InvalidInputError: if no pair of it has a twin that was tried.

    """
    ledger = Ledger(store)
    pins = ledger.pins()
    policy = parse_policy(pins["policy"], f"{store.address}/run.json")
    both = sorted(ledger.recorded() & ledger.twins.recorded() & set(pins.get("placebo", ())))
    records = [(ledger.record(pair), ledger.twins.record(pair)) for pair in both]
    compared = [(pair, twin) for pair, twin in records if pair.trials and twin.trials]
    if not compared:
        raise InvalidInputError(
            f"--from-run {store.address}: found no pair with a placebo twin that was tried, needed one or more "
            "(mammosynth generate --placebo 1 runs all of them twice)"
        )
    settings = tuple(policy.recipe(trial) for trial in range(1, len(policy.recipes) + 1))
    malignant, placebo = (empty_arm(len(compared), len(settings)) for _ in range(2))
    for row, (pair, twin) in enumerate(compared):
        _note(malignant, row, pair)
        _note(placebo, row, twin)
    return RunOutcomes(
        outcomes=Outcomes(tuple(pair.content.image_id for pair, _ in compared), settings, malignant, placebo),
        policy=policy,
        size=pins["size"],
        dataset_sha256=pins["dataset_sha256"],
        models={name: model["sha256"] for name, model in pins["models"].items()},
    )


def _note(arm: Arm, row: int, record: PairRecord) -> None:
    for trial in record.trials:
        column = trial.trial - 1
        arm.accepted[row, column] = float(not trial.reasons)
        if trial.scores is None:
            continue
        arm.change[row, column] = trial.mean_absolute_change
        arm.anomaly[row, column] = trial.scores.anomaly
        arm.probability[row, column] = trial.scores.probability
        arm.logit[row, column] = trial.scores.logit
