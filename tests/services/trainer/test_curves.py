from pathlib import Path

import numpy as np
from PIL import Image

from services.trainer.curves import draw_curves, write_curves
from services.trainer.optimisation import History

EPOCHS = [
    {"training_loss": 1.0, "validation_loss": 1.5, "validation_auc": 0.5},
    {"training_loss": 0.5, "validation_loss": 1.2, "validation_auc": 0.7},
    {"training_loss": 0.2, "validation_loss": 1.4, "validation_auc": 0.6},
]


def test_curves_are_the_epochs_figures_and_the_kept_epoch_is_marked():
    losses, shares = draw_curves(History(EPOCHS, kept_epoch=2)).axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in [*losses.lines, *shares.lines]}
    assert drawn["training loss"] == [[1, 1.0], [2, 0.5], [3, 0.2]]
    assert drawn["validation loss"] == [[1, 1.5], [2, 1.2], [3, 1.4]]
    assert drawn["validation area under the curve"] == [[1, 0.5], [2, 0.7], [3, 0.6]]
    assert [point[0] for point in drawn["kept: epoch 2"]] == [2, 2]


def test_a_training_without_validation_has_one_pair_of_axes():
    (losses,) = draw_curves(History([{"training_loss": 1.0}], kept_epoch=1)).axes
    assert [line.get_label() for line in losses.lines] == ["training loss", "kept: epoch 1"]


def test_the_picture_is_a_png_of_equal_bytes(tmp_path: Path):
    for name in ("one.png", "other.png"):
        write_curves(tmp_path / name, History(EPOCHS, kept_epoch=2))
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.format == "PNG"
        assert np.asarray(picture.convert("L")).std() > 0
