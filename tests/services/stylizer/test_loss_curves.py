from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services.stylizer.loss_curves import LossCurvesConfiguration, read_film, run, trace
from shared.errors import InvalidImageError
from shared.images import Film, encode_png16
from shared.recipe import Optimizer


def test_the_command_writes_a_picture_of_both_curves(film: Callable[..., Film], tmp_path: Path) -> None:
    for seed, name in ((1, "content.png"), (2, "style.png")):
        (tmp_path / name).write_bytes(encode_png16(film(seed, 48)))
    output = tmp_path / "curves.png"
    run(
        LossCurvesConfiguration(
            content=tmp_path / "content.png", style=tmp_path / "style.png", output=output, size=32, evaluations=3
        )
    )
    with Image.open(output) as picture:
        assert picture.format == "PNG"


def test_films_of_8_and_16_bit_are_read_and_others_are_refused(tmp_path: Path) -> None:
    grey = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    Image.fromarray(grey).save(tmp_path / "16.png")
    Image.fromarray((grey // 257).astype(np.uint8)).save(tmp_path / "8.png")
    Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8)).save(tmp_path / "colour.png")
    (tmp_path / "text.png").write_text("no image")
    np.testing.assert_allclose(read_film(tmp_path / "16.png", 32), read_film(tmp_path / "8.png", 32), atol=0.005)
    for name in ("colour.png", "text.png", "missing.png"):
        with pytest.raises(InvalidImageError, match=name):
            read_film(tmp_path / name, 32)


@pytest.mark.slow
def test_on_real_films_unclamped_falls_all_the_way_where_compat_explodes(shared_films: Path) -> None:
    content, style = (read_film(shared_films / "images" / f"{name}_LEFT_CC.jpg", 64) for name in ("00026", "00051"))
    curves = trace(content, style, 520)
    unclamped, compat = (np.array(curves[optimizer]) for optimizer in (Optimizer.UNCLAMPED, Optimizer.COMPAT))
    ends = unclamped.reshape(-1, 20)[:, -1]
    assert (np.diff(ends) < 0.01 * ends[:-1]).all()
    assert unclamped[-1] < 0.5 * unclamped[59]
    assert compat[:60].min() < 0.7 * compat[0]
    # When it explodes depends on the last bits of a step, so the rise counts from the lowest loss that came before.
    assert (compat / np.minimum.accumulate(compat)).max() > 3
    assert (unclamped / np.minimum.accumulate(unclamped)).max() < 1.01
