from collections.abc import Callable

import numpy as np
import pytest

from services.stylizer.job import TransferJob
from shared.crops import region_weights
from shared.errors import InvalidInputError
from shared.recipe import Recipe, Region

BLACK = np.zeros((32, 32), dtype=np.float32)
INSIDE = np.ones((32, 32), dtype=np.bool_)
EDGE = np.zeros((33, 33), dtype=np.bool_)
EDGE[32, 5] = True


def with_pixel(value: float) -> np.ndarray:
    film = BLACK.copy()
    film[3, 4] = value
    return film


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"content": BLACK[:, :31]}, "content: found 32 x 31 pixels, needed a square", id="not square"),
        pytest.param({"content": BLACK.astype(np.float64)}, "content: found dtype float64, needed float32", id="dtype"),
        pytest.param({"content": with_pixel(np.nan)}, "content: found NaN", id="NaN"),
        pytest.param({"content": with_pixel(1.5)}, "content: found pixels from 0 to 1.5", id="range"),
        pytest.param({"content": BLACK[:0, :0]}, "content: found an empty array", id="empty"),
        pytest.param({"content": BLACK[:31, :31]}, "content: found 31 pixels a side, needed 32 to 2048", id="small"),
        pytest.param(
            {"content": np.zeros((2049, 2049), np.float32)}, "content: found 2049 pixels a side", id="too big"
        ),
        pytest.param(
            {"style": np.zeros((64, 64), np.float32)}, r"style: found shape \(64, 64\), needed .*\(32, 32\)", id="style"
        ),
        pytest.param({"style": with_pixel(-1)}, "style: found pixels from -1", id="style's range"),
        pytest.param({"content_mask": INSIDE[:, :31]}, r"content_mask: found shape \(32, 31\)", id="mask's shape"),
        pytest.param({"style_mask": ~INSIDE}, "style_mask: found no pixel inside", id="empty mask"),
        pytest.param(
            {"content_mask": INSIDE, "recipe": Recipe(region=Region.BREAST)}, "style_mask: found none", id="no mask"
        ),
        pytest.param({"snapshot_steps": (0,)}, r"snapshot_steps: found \[0\], needed each within 1 to 250", id="zero"),
        pytest.param({"snapshot_steps": (251,)}, r"snapshot_steps: found \[251\]", id="beyond the end"),
        pytest.param({"snapshot_steps": (9, 9)}, r"snapshot_steps: found \[9, 9\], needed them ascending", id="twice"),
    ],
)
def test_what_cannot_be_transferred_is_refused_with_field_found_and_needed(
    fields: dict[str, object], message: str
) -> None:
    given = {"content": BLACK, "style": BLACK, "recipe": Recipe()} | fields
    with pytest.raises(InvalidInputError, match=message):
        TransferJob(**given)  # type: ignore[arg-type]


def test_too_many_snapshots_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="snapshot_steps: found 1000, needed at most 256"):
        TransferJob(content=BLACK, style=BLACK, recipe=Recipe(steps=1000), snapshot_steps=tuple(range(1, 1001)))


def test_a_mask_that_pooling_would_lose_is_refused() -> None:
    film = np.zeros((33, 33), dtype=np.float32)
    recipe = Recipe(region=Region.BREAST)
    with pytest.raises(InvalidInputError, match="content_mask, its first 32 rows and columns: found no pixel"):
        TransferJob(content=film, style=film, content_mask=EDGE, style_mask=~EDGE, recipe=recipe)


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        pytest.param((), (300,), id="nothing"),
        pytest.param((100, 250), (100, 250, 300), id="not the end"),
        pytest.param((100, 300), (100, 300), id="the end too"),
    ],
)
def test_the_end_is_always_among_the_snapshots(asked: tuple[int, ...], made: tuple[int, ...]) -> None:
    job = TransferJob(content=BLACK, style=BLACK, recipe=Recipe(steps=300), snapshot_steps=asked)
    assert job.snapshot_steps == made


def test_masks_count_in_masked_regions_only(job: Callable[..., TransferJob]) -> None:
    assert job(1, 2, 32, region=Region.FILM).region_masks == (None, None)
    content_mask, style_mask = job(1, 2, 32, region=Region.LESION).region_masks
    assert content_mask is not None
    assert style_mask is not None


def test_the_weights_of_a_lesion_end_softly_and_those_of_a_breast_do_not() -> None:
    inside = np.zeros((32, 32), dtype=np.bool_)
    inside[4:28, 4:28] = True

    def job(region: Region) -> TransferJob:
        recipe = Recipe(region=region)
        return TransferJob(content=BLACK, style=BLACK, content_mask=inside, style_mask=inside, recipe=recipe)

    content, style = job(Region.LESION).region_weights
    assert content is not None
    assert style is not None
    np.testing.assert_array_equal(content, region_weights(inside))
    np.testing.assert_array_equal(style, content)
    assert content[16, 16] == pytest.approx(1, abs=1e-6)
    assert 0 < content[inside].mean() < 1
    assert not content[~inside].any()
    assert all(weights is inside for weights in job(Region.BREAST).region_weights)
    assert job(Region.FILM).region_weights == (None, None)
