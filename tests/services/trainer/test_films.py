import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from services.trainer.films import FilmSet, load_films, require_both_classes, require_separate_patients
from shared.dataset import Dataset, Label, Split
from shared.errors import ConfigurationError, DatasetError
from tests.services.trainer.made_films import SIZE, write_dataset


def test_films_of_the_asked_splits_come_in_the_order_of_their_ids(dataset: Dataset):
    films = load_films(dataset, splits=[Split.VALIDATION, Split.TRAIN])
    expected = sorted(
        film.image_id for split in (Split.TRAIN, Split.VALIDATION) for film in dataset.select(split=split)
    )
    assert [film.image_id for film in films.films] == expected


def test_batches_hold_the_data_sets_pixels_masks_and_labels(dataset: Dataset, validation: FilmSet):
    films, masks = validation.batch([2, 0])
    assert films.dtype == masks.dtype == torch.float32
    assert films.shape == masks.shape == (2, 1, SIZE, SIZE)
    for place, index in enumerate([2, 0]):
        image_id = validation.films[index].image_id
        np.testing.assert_array_equal(films[place, 0], dataset.pixels(image_id))
        np.testing.assert_array_equal(masks[place, 0], dataset.mask(image_id))
    assert [bool(label) for label in validation.malignant] == [
        film.label == Label.MALIGNANT for film in validation.films
    ]


def test_films_are_brought_to_a_smaller_size(dataset: Dataset):
    films = load_films(dataset, splits=[Split.VALIDATION], size=16)
    assert films.pixels.shape == films.masks.shape == (len(films), 16, 16)


def test_a_size_above_the_data_sets_is_refused(dataset: Dataset):
    with pytest.raises(ConfigurationError, match="64 asked for, the data set's films have 32"):
        load_films(dataset, splits=[Split.TRAIN], size=64)


def test_an_empty_split_is_refused_by_name(tmp_path: Path):
    dataset = Dataset.open(write_dataset(tmp_path, patients={Split.TRAIN: 2}))
    with pytest.raises(DatasetError, match="found no validation films"):
        load_films(dataset, splits=[Split.VALIDATION])


def test_an_empty_class_is_refused_with_counts(tmp_path: Path):
    path = write_dataset(tmp_path, patients={Split.TRAIN: 2}, labels=lambda _: Label.BENIGN)
    films = load_films(Dataset.open(path), splits=[Split.TRAIN])
    with pytest.raises(DatasetError, match="4 benign and 0 malignant"):
        require_both_classes(films, split="training")


def test_a_patient_in_both_sets_is_refused_by_name(training: FilmSet, validation: FilmSet):
    require_separate_patients(training, validation)
    borrowed = dataclasses.replace(validation.films[0], patient_id=training.films[0].patient_id)
    mixed = FilmSet((borrowed, *validation.films[1:]), validation.pixels, validation.masks)
    with pytest.raises(DatasetError, match="patient_000"):
        require_separate_patients(training, mixed)


def test_films_and_pixels_that_do_not_fit_together_make_no_set(training: FilmSet):
    with pytest.raises(ValueError, match="films, pixels"):
        FilmSet(training.films[1:], training.pixels, training.masks)
