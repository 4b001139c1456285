import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from services.trainer.cross_validation import cross_validate
from services.trainer.films import FilmSet


class NoteTaking:
    """A fit that answers with the films' graininess and notes what it was shown."""

    def __init__(self, films: FilmSet) -> None:
        self.films = films
        self.shown: list[np.ndarray] = []
        self.asked: list[np.ndarray] = []
        self.grain = np.array([np.diff(films.film(i), axis=0)[8:24, :8].std() for i in range(len(films))])

    def fit(self, indices: np.ndarray) -> "NoteTaking":
        self.shown.append(indices)
        return self

    def logits(self, indices: np.ndarray) -> np.ndarray:
        self.asked.append(indices)
        return 20 * (self.grain[indices] - 0.08)


def test_every_film_is_judged_once_by_a_fit_that_has_not_seen_its_patient(training: FilmSet):
    fit = NoteTaking(training)
    found = cross_validate(fit, training, folds=4, seed=0)
    for shown, asked in zip(fit.shown, fit.asked, strict=True):
        assert not set(training.patients[shown]) & set(training.patients[asked])
    assert sorted(np.concatenate(fit.asked)) == list(range(len(training)))
    np.testing.assert_allclose(found.logits, 20 * (fit.grain - 0.08))
    expected = [roc_auc_score(training.malignant[part], fit.grain[part]) for part in fit.asked]
    assert found.auc_by_fold == pytest.approx(expected)
