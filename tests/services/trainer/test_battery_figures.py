from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from services.trainer.battery_figures import (
    figures_of,
    measure_battery,
    measure_rejections,
    metrics_of,
    real_films,
    require_fitting_battery,
)
from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet
from shared.battery import Battery
from shared.dataset import Dataset, Split
from shared.errors import DatasetError
from shared.images import resize_film, resize_mask
from tests import tiny_models
from tests.services.trainer.made_battery import write_battery
from tests.services.trainer.made_films import SIZE, write_dataset


@pytest.fixture(scope="module")
def battery(dataset: Dataset, validation: FilmSet, tmp_path_factory: pytest.TempPathFactory) -> Battery:
    return Battery.open(
        write_battery(tmp_path_factory.mktemp("made") / "battery", validation, dataset_sha256=dataset.sha256)
    )


@pytest.fixture(scope="module")
def scorer() -> GraphScorer:
    """An untrained detector: two convolutions."""
    return GraphScorer(tiny_models.anomaly_graph(SIZE).SerializeToString())


def test_each_kind_is_measured_against_real_films(battery: Battery, scorer: GraphScorer, validation: FilmSet):
    real = scorer.score(validation, "score")
    threshold = float(np.median(real))
    kinds = measure_battery(scorer, battery, validation, real, threshold=threshold, seed=0)
    assert [(kind.kind, len(kind.scores)) for kind in kinds] == [("noise", 12), ("blur", 12), ("unclamped_1e8", 2)]
    for kind in kinds:
        expected = [
            scorer.run(battery.pixels(film), battery.mask(film))["score"][0] for film in battery.of_kind(kind.kind)
        ]
        np.testing.assert_array_equal(kind.scores, expected)
        labels = np.repeat([0, 1], [12, len(expected)])
        assert kind.area == pytest.approx(roc_auc_score(labels, np.concatenate([real, expected])))
        assert kind.low <= kind.area <= kind.high
        assert kind.caught == np.mean(np.array(expected) > threshold)


def test_a_larger_battery_is_brought_to_the_models_size(battery: Battery, dataset: Dataset):
    scorer = GraphScorer(tiny_models.anomaly_graph(SIZE // 2).SerializeToString())
    real = real_films(dataset, "validation", size=SIZE // 2)
    require_fitting_battery(battery, dataset, size=SIZE // 2)
    kinds = measure_battery(scorer, battery, real, scorer.score(real, "score"), threshold=0.1, seed=0)
    film = battery.films[0]
    pixels = resize_film(battery.pixels(film), SIZE // 2, SIZE // 2)
    mask = resize_mask(battery.mask(film), SIZE // 2, SIZE // 2)
    assert kinds[0].scores[0] == scorer.run(pixels, mask)["score"][0]


def test_a_battery_of_smaller_films_is_refused(battery: Battery, dataset: Dataset):
    with pytest.raises(DatasetError, match=f"battery .*: found films of {SIZE} pixels, needed {SIZE + 1} or more"):
        require_fitting_battery(battery, dataset, size=SIZE + 1)


def test_a_battery_of_another_data_set_is_refused_by_name(battery: Battery, tmp_path: Path):
    other = Dataset.open(write_dataset(tmp_path / "other", patients={Split.TRAIN: 3, Split.VALIDATION: 2}))
    with pytest.raises(DatasetError, match=f"was made from the data set with sha256 {battery.dataset_sha256}, needed"):
        require_fitting_battery(battery, other, size=SIZE)


def test_a_battery_of_training_films_is_refused(dataset: Dataset, training: FilmSet, tmp_path: Path):
    path = write_battery(tmp_path / "battery", training, dataset_sha256=dataset.sha256, split="train")
    with pytest.raises(DatasetError, match="was made from train films, needed films that no training has seen"):
        require_fitting_battery(Battery.open(path), dataset, size=SIZE)


def test_rejection_is_counted_on_generation_and_on_test_films(dataset: Dataset, scorer: GraphScorer):
    for index, split in enumerate(("generation", "test")):
        films = real_films(dataset, split, size=SIZE)
        threshold = float(np.sort(scorer.score(films, "score"))[-2])
        rejection = measure_rejections(scorer, dataset, size=SIZE, threshold=threshold, seed=0)[index]
        assert (rejection.split, rejection.films, rejection.patients) == (split, 4, 2)
        assert rejection.share == 1 / 4
        assert 0 <= rejection.low <= rejection.share <= rejection.high <= 1


def test_of_splits_without_films_nothing_is_said(scorer: GraphScorer, tmp_path: Path):
    patients = {Split.TRAIN: 3, Split.VALIDATION: 2, Split.TEST: 1}
    dataset = Dataset.open(write_dataset(tmp_path / "other", patients=patients))
    rejections = measure_rejections(scorer, dataset, size=SIZE, threshold=0.1, seed=0)
    assert [rejection.split for rejection in rejections] == ["test"]


def test_figures_and_metrics_name_kind_and_split(
    battery: Battery, scorer: GraphScorer, validation: FilmSet, dataset: Dataset
):
    real = scorer.score(validation, "score")
    kinds = measure_battery(scorer, battery, validation, real, threshold=0.1, seed=0)
    figures = figures_of(battery, kinds)
    assert (figures["sha256"], figures["split"], figures["size"]) == (battery.sha256, "validation", SIZE)
    assert set(figures["kinds"]["noise"]) == {"films", "auc", "auc_low", "auc_high", "caught"}
    rejections = measure_rejections(scorer, dataset, size=SIZE, threshold=0.1, seed=0)
    metrics = metrics_of(kinds, rejections)
    assert metrics["battery_auc_blur"] == kinds[1].area
    assert metrics["generation_rejected"] == rejections[0].share
    assert "generation_rejected" not in metrics_of(kinds, ())


def test_the_hash_of_a_battery_follows_its_films(
    battery: Battery, validation: FilmSet, dataset: Dataset, tmp_path: Path
):
    same = write_battery(tmp_path / "same", validation, dataset_sha256=dataset.sha256)
    fewer = write_battery(tmp_path / "fewer", validation.take([0, 1, 2]), dataset_sha256=dataset.sha256)
    assert Battery.open(same).sha256 == battery.sha256
    assert Battery.open(fewer).sha256 != battery.sha256
