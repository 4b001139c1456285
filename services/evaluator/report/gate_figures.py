"""What both gates say of real films and of trials, and where what is said of real films comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.evaluator.report.histograms import Histogram, Series, histogram
from services.evaluator.report.real_scores import RealScores
from shared.record import PairRecord, Scores, Source


@dataclass(frozen=True)
class GateFigures:
    """The two histograms of a page."""

    anomaly: Histogram | None
    malignancy: Histogram | None
    origin: str
    """Where the scores of real films come from."""


def gate_figures(records: Sequence[PairRecord], thresholds: dict[str, Any], scored: RealScores | None) -> GateFigures:
    """Gather scores of real films and of trials.

    Args:
        records: of the run's pairs, placebo twins left out.
        thresholds: of the run.
        scored: real films that were scored for the page; those in the records are taken if None.

    """
    if scored is not None:
        benign, malignant = list(scored.benign), list(scored.malignant)
        origin = (
            f"Real films were scored for this page with the run's own model files: {len(benign)} benign and "
            f"{len(malignant)} malignant films of the splits {', '.join(scored.splits)}"
            f"{', spread evenly over ' + format(scored.of, ',') if scored.of > len(benign) + len(malignant) else ''}. "
            "Neither gate was fitted to them, but the detector's threshold may come from the split validation."
        )
    else:
        benign = _unique([record.content for record in records])
        malignant = _unique([record.style for record in records])
        origin = (
            f"Scores of real films come from the run's own records: the {len(benign)} benign films that were drawn as "
            f"content, and {len(malignant) or 'none'} of the malignant ones, which a run scores as style only where it "
            "has reason to. With --models, mammosynth report scores real films of both classes itself."
        )
    trials = [trial for record in records for trial in record.trials if trial.scores]
    kept = [trial.scores for trial in trials if not trial.reasons and trial.scores]
    groups = [
        ("Real benign films", "benign", benign),
        ("Real malignant films", "malignant", malignant),
        ("Trials", "trial", [trial.scores for trial in trials if trial.scores]),
        ("Accepted films", "kept", kept),
    ]
    return GateFigures(
        anomaly=histogram(
            [Series(name, tone, [score.anomaly for score in scores]) for name, tone, scores in groups],
            threshold=thresholds["anomaly"],
        ),
        malignancy=histogram(
            [Series(name, tone, [score.probability for score in scores]) for name, tone, scores in groups],
            threshold=thresholds["classifier"],
            top=1.0,
        ),
        origin=origin,
    )


def _unique(sources: Sequence[Source]) -> list[Scores]:
    """Scores of different films, each once."""
    found = {source.image_id: source.scores for source in sources if source.scores}
    return list(found.values())
