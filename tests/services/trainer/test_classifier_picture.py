import numpy as np
from sklearn.metrics import roc_curve

from services.trainer.classifier_picture import draw_report
from services.trainer.classifier_report import Judged

GENERATOR = np.random.default_rng(3)
MALIGNANT = np.arange(60) % 3 == 0
PROBABILITIES = np.clip(MALIGNANT * 0.3 + GENERATOR.random(60) * 0.7, 0, 1)
PATIENTS = np.array([f"p{i}" for i in range(60)])


def judged(sources: np.ndarray) -> Judged:
    return Judged(MALIGNANT, PROBABILITIES, PATIENTS, sources)


def test_curves_are_those_of_the_films():
    roc, calibration = draw_report({"validation": judged(np.full(60, "one"))}).axes
    drawn = {line.get_label().split(":")[0]: line.get_xydata() for line in roc.lines}
    false_share, true_share, _ = roc_curve(MALIGNANT, PROBABILITIES)
    np.testing.assert_allclose(drawn["validation"], np.stack([false_share, true_share], axis=1))
    line = next(line for line in calibration.lines if line.get_label().startswith("validation"))
    bins = [one for one in judged(np.full(60, "one")).curve if one.films]
    np.testing.assert_allclose(line.get_xydata(), [[one.predicted, one.observed] for one in bins])


def test_two_sources_are_drawn_beside_the_whole_and_one_class_has_no_roc_curve():
    sources = np.where((np.arange(60) < 30) | ~MALIGNANT, "mixed", "malignant")
    roc, calibration = draw_report({"out_of_fold": judged(sources)}).axes
    names = [line.get_label().split(":")[0] for line in roc.lines if not line.get_label().startswith("_")]
    assert names == ["out of fold", "out of fold, mixed"]
    names = [line.get_label().split(":")[0] for line in calibration.lines if not line.get_label().startswith("_")]
    assert names == ["out of fold", "out of fold, malignant", "out of fold, mixed"]
