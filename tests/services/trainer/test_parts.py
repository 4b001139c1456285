import dataclasses
from collections import Counter

import numpy as np
import pytest

from services.trainer.films import FilmSet
from services.trainer.parts import films_of_part
from shared.dataset import Label, Split
from shared.errors import ConfigurationError


@pytest.fixture(scope="module")
def films(training: FilmSet) -> FilmSet:
    """120 films of 40 patients: two sources, benign, malignant or both, and 8 patients to validate."""
    template = training.films[0]
    made = []
    for number in range(120):
        patient = number // 3
        label = (Label.BENIGN, Label.MALIGNANT, (Label.BENIGN, Label.MALIGNANT)[number % 2])[patient % 3]
        split = Split.VALIDATION if patient >= 32 else Split.TRAIN
        source = "one" if patient % 5 else "other"
        film = dataclasses.replace(template, image_id=f"film_{number}", patient_id=f"patient_{patient}")
        made.append(dataclasses.replace(film, source=source, label=label, split=split))
    pixels = np.zeros((120, 16, 16), dtype=np.uint16)
    return FilmSet(tuple(made), pixels, pixels > 0)


def patients(films: FilmSet, part: str, *, seed: int = 0) -> set[str]:
    found = [films.films[index] for index in films_of_part(films, part, split=Split.TRAIN, seed=seed)]
    return {film.patient_id for film in found if film.split == Split.TRAIN}


@pytest.mark.parametrize("count", [2, 3, 7])
def test_parts_share_no_patient_and_leave_none_out(films: FilmSet, count: int):
    parts = [patients(films, f"{number}/{count}") for number in range(count)]
    assert sorted(patient for part in parts for patient in part) == sorted(f"patient_{i}" for i in range(32))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_each_stratum_is_dealt_out_evenly(films: FilmSet):
    stratum = {film.patient_id: (film.source, int(film.patient_id[8:]) % 3) for film in films.films}
    one, other = (Counter(stratum[patient] for patient in patients(films, f"{number}/2")) for number in (0, 1))
    assert len(one | other) == 6
    assert all(abs(one[key] - other[key]) <= 1 for key in one | other)


def test_films_of_other_splits_stay_and_all_keep_their_order(films: FilmSet):
    indices = films_of_part(films, "1/2", split=Split.TRAIN, seed=0)
    assert list(indices) == sorted(indices)
    assert set(range(96, 120)) <= set(indices.tolist())
    assert list(films_of_part(films, "0/1", split=Split.TRAIN, seed=0)) == list(range(120))


def test_all_films_of_a_patient_are_in_one_part(films: FilmSet):
    indices = films_of_part(films, "0/3", split=Split.TRAIN, seed=0)
    assert set(Counter(films.patients[indices].tolist()).values()) == {3}


def test_another_seed_deals_differently(films: FilmSet):
    assert patients(films, "0/2", seed=1) == patients(films, "0/2", seed=1)
    assert patients(films, "0/2", seed=1) != patients(films, "0/2", seed=2)


@pytest.mark.parametrize(
    ("part", "message"),
    [("2/2", "found 2/2: needed is K/N with K from 0 to 1"), ("0/33", "33 parts asked for, with 32 patients")],
    ids=["no-such-part", "more-parts-than-patients"],
)
def test_parts_that_cannot_be_are_refused(films: FilmSet, part: str, message: str):
    with pytest.raises(ConfigurationError, match=message):
        films_of_part(films, part, split=Split.TRAIN, seed=0)
