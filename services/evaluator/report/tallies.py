"""What a run came to, in numbers: pure functions of its records."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from shared.record import PairRecord


@dataclass(frozen=True)
class Count:
    """How often something happened."""

    name: str
    count: int
    of: int
    """How often it could have."""
    among: int = 0
    """Trials that have this reason at all, not only as their weightiest."""

    @property
    def share(self) -> float:
        """Part of the whole, 0 to 1; 0 where there is no whole."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True)
class Funnel:
    """From pairs to accepted films."""

    asked: int
    ended: int
    tried: int
    """Pairs with at least one trial."""
    trials: int
    accepted: int
    contents: int
    """Distinct content films of the accepted."""
    styles: int
    patients: int
    """Distinct patients behind the accepted, on either side."""


@dataclass(frozen=True)
class TrialTally:
    """How often the recipe of one trial number was tried, and kept."""

    trial: int
    recipe: Mapping[str, Any]
    tried: int
    accepted: int
    probability: float | None
    """Median over its trials."""
    anomaly: float | None
    change: float | None
    twins_tried: int
    """Placebo twins that it was tried on."""
    twins_accepted: int

    @property
    def share(self) -> float:
        """Accepted of tried, 0 to 1."""
        return self.accepted / self.tried if self.tried else 0.0


@dataclass(frozen=True)
class Pace:
    """How long things took, in seconds."""

    timed: int
    """Pairs of which the time is known."""
    median: float
    """Of a pair, from its start to its end; pairs in flight together wait for one another."""
    longest: float
    per_pair: float
    """Of all workers together, by pair."""
    per_accepted: float | None
    total: float
    workers: int


def funnel(asked: int, records: Sequence[PairRecord]) -> Funnel:
    """Count pairs from those asked for to those accepted."""
    accepted = [record for record in records if record.accepted]
    return Funnel(
        asked=asked,
        ended=len(records),
        tried=sum(1 for record in records if record.trials),
        trials=sum(len(record.trials) for record in records),
        accepted=len(accepted),
        contents=len({record.content.image_id for record in accepted}),
        styles=len({record.style.image_id for record in accepted}),
        patients=len({source.patient_id for record in accepted for source in (record.content, record.style)}),
    )


def decisions(asked: int, records: Sequence[PairRecord]) -> list[Count]:
    """Pairs by how they ended: accepted first, then by reason, then those that have not ended."""
    reasons = Counter(str(record.reason) for record in records if not record.accepted)
    counts = [Count("accepted", sum(1 for record in records if record.accepted), asked)]
    counts += [Count(reason, count, asked) for reason, count in reasons.most_common()]
    if asked > len(records):
        counts.append(Count("not_ended", asked - len(records), asked))
    return counts


def trial_reasons(records: Sequence[PairRecord]) -> list[Count]:
    """Trials by their weightiest reason, accepted first."""
    trials = [trial for record in records for trial in record.trials]
    named = [tuple(str(reason) for reason in trial.reasons) or ("accepted",) for trial in trials]
    weightiest = Counter(reasons[0] for reasons in named)
    among = Counter(reason for reasons in named for reason in set(reasons))
    names = sorted(among, key=lambda name: (name != "accepted", -weightiest[name], -among[name], name))
    return [Count(name, weightiest[name], len(trials), among[name]) for name in names]


def trial_tallies(
    policy: Mapping[str, Any], records: Sequence[PairRecord], twins: Sequence[PairRecord] = ()
) -> list[TrialTally]:
    """For each recipe of the policy, in the order of the trials: how it did."""
    tallies = []
    for number, entry in enumerate(policy.get("recipes", ()), start=1):
        trials = [trial for record in records if (trial := record.trial(number))]
        planned = {**entry, "region": entry.get("region") or policy.get("region"), "optimizer": policy.get("optimizer")}
        scores = [trial.scores for trial in trials if trial.scores]
        tallies.append(
            TrialTally(
                trial=number,
                recipe=asdict(trials[0].recipe) if trials else planned,
                tried=len(trials),
                accepted=sum(1 for record in records if record.accepted_trial == number),
                probability=median(score.probability for score in scores) if scores else None,
                anomaly=median(score.anomaly for score in scores) if scores else None,
                change=median(trial.mean_absolute_change for trial in trials if trial.scores) if scores else None,
                twins_tried=sum(1 for twin in twins if twin.trial(number)),
                twins_accepted=sum(1 for twin in twins if twin.accepted_trial == number),
            )
        )
    return tallies


def pace(
    seconds: Mapping[int, float], worker_seconds: float, workers: int, records: Sequence[PairRecord]
) -> Pace | None:
    """Sum up the timings; None where there are none.

    Args:
        seconds: of each pair, by its number.
        worker_seconds: of all workers together.
        workers: how many there were.
        records: the pairs that have ended.

    """
    if not seconds:
        return None
    accepted = sum(1 for record in records if record.accepted and record.pair in seconds)
    return Pace(
        timed=len(seconds),
        median=median(seconds.values()),
        longest=max(seconds.values()),
        per_pair=worker_seconds / len(seconds),
        per_accepted=worker_seconds / accepted if accepted else None,
        total=worker_seconds,
        workers=workers,
    )
