"""The texture detector as a whole: fitted, exported, and asked about films that were spoiled."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from services.trainer.export import GraphScorer, check_parity, export_graph
from services.trainer.films import FilmSet
from services.trainer.spoiled import spoil
from services.trainer.texture.fit import EDGE_PERCENTILE, GENERAL_PERCENTILE, FittedTexture, fit_texture
from services.trainer.texture.gate import TextureGate
from shared.battery import SPOILERS
from shared.dataset import Dataset, Film
from shared.errors import DatasetError
from shared.images import to_uint16
from shared.roc import area_under_curve
from tests.services.trainer.texture.films import SIZE, breast, tissue


def film_set(seeds: range, some: Film) -> FilmSet:
    """Phantom tissue, each film of a patient of its own."""
    pixels = np.stack([to_uint16(tissue(seed)) for seed in seeds])
    entries = tuple(replace(some, image_id=f"f{seed}", patient_id=f"p{seed}") for seed in seeds)
    return FilmSet(entries, pixels, np.stack([breast()] * len(seeds)))


@pytest.fixture(scope="module")
def real(dataset: Dataset) -> FilmSet:
    return film_set(range(100), dataset.films[0])


@pytest.fixture(scope="module")
def unseen(dataset: Dataset) -> FilmSet:
    return film_set(range(100, 124), dataset.films[0])


@pytest.fixture(scope="module")
def fitted(real: FilmSet) -> FittedTexture:
    return fit_texture(real, seed=0)


@pytest.fixture(scope="module")
def gate(fitted: FittedTexture) -> TextureGate:
    return fitted.gate


@pytest.fixture(scope="module")
def graph(gate: TextureGate) -> bytes:
    return export_graph(gate, kind="anomaly", size=SIZE)


def scores(gate: TextureGate, films: FilmSet) -> np.ndarray:
    with torch.inference_mode():
        return gate(*films.batch(range(len(films))))[0].numpy()


def test_a_score_of_one_is_where_few_films_are_that_were_held_out(fitted: FittedTexture):
    above = (fitted.held_out_scores > 1).mean()
    assert above + 1e-9 >= (100 - EDGE_PERCENTILE) / 100
    assert above <= (200 - EDGE_PERCENTILE - GENERAL_PERCENTILE) / 100 + 1e-9


def test_held_out_scores_are_those_of_unseen_films_and_not_those_of_seen_ones(
    fitted: FittedTexture, gate: TextureGate, real: FilmSet, unseen: FilmSet
):
    seen, held_out = scores(gate, real), fitted.held_out_scores
    assert held_out.mean() > 1.1 * seen.mean()
    assert held_out.mean() == pytest.approx(scores(gate, unseen).mean(), rel=0.1)


def test_films_of_a_patient_are_never_held_against_each_other(real: FilmSet):
    twice = FilmSet(real.films[:40] * 2, np.tile(real.pixels[:40], (2, 1, 1)), np.tile(real.masks[:40], (2, 1, 1)))
    apart = tuple(replace(film, patient_id=f"other {film.patient_id}") for film in real.films[:40])
    strangers = FilmSet(real.films[:40] + apart, twice.pixels, twice.masks)
    own, foreign = (fit_texture(films, seed=0) for films in (twice, strangers))
    assert own.gate.limits.general > foreign.gate.limits.general


@pytest.mark.parametrize("kind", SPOILERS)
def test_every_way_to_spoil_a_film_is_seen(graph: bytes, unseen: FilmSet, kind: str):
    scorer = GraphScorer(graph)
    plain = scorer.score(unseen, "score")
    spoiled = [
        scorer.run(spoil(unseen, kind, index, seed=1), unseen.masks[index])["score"][0] for index in range(len(unseen))
    ]
    labels = np.repeat([False, True], len(unseen))
    assert area_under_curve(labels, np.concatenate([plain, spoiled])) > 0.95


def test_onnx_runtime_gives_pytorchs_scores_and_marks(graph: bytes, gate: TextureGate, unseen: FilmSet):
    assert check_parity(graph, gate, unseen) < 1e-4


def test_pixels_outside_the_mask_change_no_bit_of_a_score(graph: bytes, unseen: FilmSet):
    scorer = GraphScorer(graph)
    film, mask = unseen.film(0), unseen.masks[0]
    noise = np.random.default_rng(0).random(film.shape, dtype=np.float32)
    plain, changed = (scorer.run(pixels, mask)["score"] for pixels in (film, np.where(mask, film, noise)))
    assert plain.tobytes() == changed.tobytes()
    moved = scorer.run(np.where(mask, film + np.float32(0.001) * noise, film), mask)["score"]
    assert moved.tobytes() != plain.tobytes()


@pytest.mark.parametrize("batch", [1, 2, 5, 8])
def test_a_film_scores_the_same_bits_beside_whatever_others(graph: bytes, unseen: FilmSet, batch: int):
    session = GraphScorer(graph)._session

    def run(indices: list[int]) -> np.ndarray:
        films, masks = unseen.batch(indices)
        return session.run(["score"], {"film": films.numpy(), "mask": masks.numpy()})[0]

    together = run(list(range(batch)))
    for place in range(batch):
        elsewhere = [20] * batch
        elsewhere[batch - 1 - place] = place
        assert run(elsewhere)[batch - 1 - place].tobytes() == together[place].tobytes()


def test_odd_places_are_darkened_and_all_else_is_left(gate: TextureGate, unseen: FilmSet):
    film = torch.from_numpy(unseen.film(0))
    spoiled = film.clone()
    spoiled[24:40, 4:20] += 0.15
    mask = torch.from_numpy(breast().astype(np.float32))[None, None]
    with torch.inference_mode():
        (plain,), (pasted,) = (gate(pixels[None, None], mask)[1][0] for pixels in (film, spoiled))
    darkened = pasted / spoiled.clamp_min(1e-6)
    assert float(darkened[22:42, 2:22].min()) < 0.7
    assert float((plain / film.clamp_min(1e-6))[mask[0, 0] > 0].median()) == pytest.approx(1)
    assert float(pasted.max()) <= float(spoiled.max())
    np.testing.assert_array_equal(pasted[mask[0, 0] == 0], spoiled[mask[0, 0] == 0])


def test_a_film_without_any_breast_has_no_score_beside_one_that_has(gate: TextureGate, unseen: FilmSet):
    films, masks = unseen.batch([0, 1])
    with torch.inference_mode():
        empty = gate(films, masks * torch.tensor([0.0, 1.0]).view(2, 1, 1, 1))[0]
        assert torch.isnan(empty[0])
        assert float(empty[1]) == pytest.approx(float(gate(films, masks)[0][1]), rel=1e-5)


def test_equal_seeds_give_equal_detectors(gate: TextureGate, real: FilmSet):
    again, other = fit_texture(real, seed=0).gate, fit_texture(real, seed=1).gate
    assert all(torch.equal(one, two) for one, two in zip(gate.buffers(), again.buffers(), strict=True))
    assert gate.limits == again.limits
    assert gate.limits != other.limits


def test_progress_tells_of_each_film_twice(real: FilmSet):
    told: list[int] = []
    fit_texture(real.take(range(11)), seed=0, advance=told.append)
    assert sum(told) == 22


def test_too_few_films_are_refused(real: FilmSet):
    with pytest.raises(DatasetError, match="found 9 training films, needed 10 or more"):
        fit_texture(real.take(range(9)), seed=0)


def test_films_of_one_patient_are_refused(real: FilmSet):
    one = FilmSet(tuple(replace(film, patient_id="p") for film in real.films), real.pixels, real.masks)
    with pytest.raises(DatasetError, match="found training films of 1 patient, needed 2 or more"):
        fit_texture(one, seed=0)


def test_masks_without_depth_are_refused(real: FilmSet):
    thin = FilmSet(real.films, real.pixels, np.zeros_like(real.masks))
    with pytest.raises(DatasetError, match="no pixels well inside their breast masks"):
        fit_texture(thin, seed=0)
