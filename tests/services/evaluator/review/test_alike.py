"""Films are alike before a reader gets them."""

import io

import numpy as np
import pytest
from PIL import Image

from services.evaluator.review.alike import encode_alike, load_film
from services.evaluator.review.study import Kind, Study
from services.evaluator.run_directory import RunDirectory
from shared.images import resize_film, to_uint16
from tests.services.evaluator.run_writer import RunWriter


def test_a_flat_film_takes_the_bytes_of_a_noisy_one_and_keeps_its_pixels() -> None:
    noise = np.random.default_rng(0).random((48, 48)).astype(np.float32)
    flat = np.full((48, 48), 0.25, np.float32)

    assert len(encode_alike(noise)) == len(encode_alike(flat))
    with Image.open(io.BytesIO(encode_alike(noise))) as image:
        np.testing.assert_array_equal(np.asarray(image), to_uint16(noise))


@pytest.mark.parametrize("kind", list(Kind))
def test_films_of_every_kind_are_brought_to_one_size(run: RunWriter, study: Study, kind: Kind) -> None:
    film = next(film for film in study.films if film.kind is kind)
    whole = run.dataset.pixels(film.name) if kind is Kind.REAL else run.output(int(film.name), 1)

    small = load_film(film, RunDirectory.open(run.store), run.dataset, picture_size=32)

    np.testing.assert_allclose(small, resize_film(whole, 32, 32), atol=2e-5)
