"""Films first, the table last."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.dataset import Dataset, DatasetWriter, Film, Label, Split
from shared.errors import DatasetError, InvalidImageError

FILM = np.random.default_rng(0).random((16, 16), dtype=np.float32)


def test_counts_and_options_stand_in_the_description(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    films = [made("a"), made("b"), made("c", label=Label.BENIGN, split=Split.TEST)]
    writer = write(*films, options={"mirror": True})
    info = json.loads((writer.path / "dataset.json").read_text())
    assert (info["films"], info["patients"], info["size"], info["seed"]) == (3, 3, 16, 1)
    assert info["options"] == {"mirror": True}
    assert info["counts"] == [
        {"source": "clinic", "label": "benign", "split": "test", "films": 1},
        {"source": "clinic", "label": "malignant", "split": "train", "films": 2},
    ]


def test_a_data_set_begun_with_other_options_is_refused(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    write(made("a"), options={"mirror": True}, finish=False)
    with pytest.raises(DatasetError, match=r"was begun with options \{'mirror': True\}, now \{'mirror': False\}"):
        write(options={"mirror": False}, finish=False)


def test_a_film_that_is_written_is_there_and_one_that_is_discarded_is_not(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    writer = write(made("a"), finish=False)
    assert (writer.has_film("a"), writer.has_film("b")) == (True, False)
    writer.discard_film("a")
    assert not writer.has_film("a")


def test_a_data_set_is_none_until_it_is_finished(made: Callable[..., Film], write: Callable[..., Any]) -> None:
    writer = write(made("a"), finish=False)
    with pytest.raises(DatasetError, match="its preparation has not ended"):
        Dataset.open(writer.path)
    writer.finish([made("a")])
    assert [film.image_id for film in Dataset.open(writer.path).films] == ["a"]


def test_the_same_films_in_another_order_are_the_same_data_set(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    writer = write(made("a"), made("b"))
    table = (writer.path / "dataset.parquet").read_bytes()
    writer.finish([made("b"), made("a")])
    assert (writer.path / "dataset.parquet").read_bytes() == table


def test_a_table_with_a_film_twice_or_without_a_file_is_refused(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    writer = write(made("a"), finish=False)
    with pytest.raises(DatasetError, match="image_id 'a' stands 2 times in the table"):
        writer.finish([made("a"), made("a")])
    with pytest.raises(DatasetError, match="film 'b' was not written"):
        writer.finish([made("a"), made("b")])


BAD: dict[str, tuple[tuple[str, np.ndarray, np.ndarray], type[Exception], str]] = {
    "size": (("a", FILM[:8, :8], FILM[:8, :8] > 0.5), DatasetError, "a: found 8 pixels a side, needed 16"),
    "NaN": (("a", FILM * np.float32("nan"), FILM > 0.5), InvalidImageError, "a: found NaN"),
    "mask": (("a", FILM, FILM > 2), InvalidImageError, "a: mask: found no pixel inside"),
    "a way out": (("../a", FILM, FILM > 0.5), DatasetError, "image_id: found '../a'"),
}


@pytest.mark.parametrize(("arguments", "kind", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_film_of_the_data_set_is_not_written(
    arguments: Any, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    writer = DatasetWriter(tmp_path / "set", size=16, options={}, seed=0)
    with pytest.raises(kind, match=message):
        writer.write_film(*arguments)
    assert not list(tmp_path.rglob("*.png"))


def test_what_a_kill_left_half_written_is_removed(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    writer = write(made("a"), finish=False)
    left = [writer.path / name for name in ("images/.a.png.x1.part", "masks/.a.png.x2.part", ".dataset.json.x3.part")]
    for path in left:
        path.write_bytes(b"half")

    writer.finish([made("a")])

    assert not any(path.exists() for path in left)
    assert writer.has_film("a")
