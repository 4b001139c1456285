import numpy as np
import pytest

from services.trainer.films import FilmSet
from services.trainer.spoiled import spoil, spoiled_areas
from shared.battery import SPOILERS


@pytest.mark.parametrize("kind", SPOILERS)
def test_spoiling_changes_the_breast_alone(validation: FilmSet, kind: str):
    film, mask = validation.film(0), validation.masks[0]
    spoiled = spoil(validation, kind, 0, seed=1)
    np.testing.assert_array_equal(spoiled[~mask], film[~mask])
    assert np.abs(spoiled - film)[mask].max() > 0.005


def test_the_patch_comes_from_another_patient(validation: FilmSet):
    alone = FilmSet(validation.films[:2], validation.pixels[:2], validation.masks[:2])
    assert len(set(alone.patients)) == 1
    other = FilmSet(validation.films[:3], validation.pixels[:3], validation.masks[:3])
    assert not np.array_equal(spoil(alone, "patch", 0, seed=0), spoil(other, "patch", 0, seed=0))


class BrightnessScorer:
    """Scores a film by its deviation inside the mask: noisier is more, blurrier is less."""

    def run(self, film: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
        return {"score": np.array([film[mask].std()])}


def test_areas_say_which_kinds_a_score_sees(validation: FilmSet):
    scorer = BrightnessScorer()
    scores = np.array([scorer.run(validation.film(i), validation.masks[i])["score"][0] for i in range(len(validation))])
    areas = spoiled_areas(scorer, validation, scores, seed=0)
    assert list(areas) == list(SPOILERS)
    assert areas["blur"] < 0.5 < areas["noise"]
