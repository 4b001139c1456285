import json
from pathlib import Path

import pytest

from services.orchestrator.configuration import GenerateConfiguration
from services.orchestrator.pinned import pin, pinned_dtype, with_dtype
from shared.errors import DatasetError, RefusedRunError


def test_work_goes_on_with_what_it_was_begun_with(tmp_path: Path) -> None:
    file = tmp_path / "work" / "work.json"
    pin(file, {"seed": 1, "steps": (1, 2)}, what="work")
    before = file.read_bytes()
    pin(file, {"steps": [1, 2], "seed": 1}, what="work")
    assert file.read_bytes() == before
    assert json.loads(before) == {"seed": 1, "steps": [1, 2]}


def test_what_differs_is_named(tmp_path: Path) -> None:
    pin(tmp_path / "work.json", {"seed": 1, "size": 64}, what="work")
    with pytest.raises(RefusedRunError, match="this work cannot be continued: size: begun with 64, now 32; take"):
        pin(tmp_path / "work.json", {"seed": 1, "size": 32}, what="work")


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "work.json").write_text(text)
    with pytest.raises(DatasetError, match=r"work\.json"):
        pin(tmp_path / "work.json", {}, what="work")


def test_work_that_is_older_than_a_pin_is_taken_to_have_been_begun_with_what_is_said_of_it(tmp_path: Path) -> None:
    file = tmp_path / "work.json"
    pin(file, {"seed": 1}, what="work")
    pin(file, {"seed": 1, "dtype": "float32"}, what="work", older={"dtype": "float32"})
    with pytest.raises(RefusedRunError, match="dtype: begun with 'float32', now 'bfloat16'"):
        pin(file, {"seed": 1, "dtype": "bfloat16"}, what="work", older={"dtype": "float32"})


def test_the_type_that_work_goes_on_with_is_pinned_or_that_of_its_first_record_or_float32(tmp_path: Path) -> None:
    file, records = tmp_path / "work.json", [tmp_path / f"{number}.json" for number in range(3)]
    assert pinned_dtype(file, records) is None
    pin(file, {"seed": 1}, what="work")
    assert pinned_dtype(file, records) == "float32"
    records[0].write_text(json.dumps({"numerics": {"anomaly": {"dtype": "float32"}}}))
    records[1].write_text("{")
    records[2].write_text(json.dumps({"numerics": {"stylizer": {"dtype": "bfloat16"}}}))
    assert pinned_dtype(file, reversed(records)) == "bfloat16"
    file.write_text(json.dumps({"seed": 1, "dtype": "float64"}))
    assert pinned_dtype(file, records) == "float64"


@pytest.mark.parametrize(
    ("asked", "begun", "taken"),
    [
        pytest.param("auto", "bfloat16", "bfloat16", id="auto is what the work was begun with"),
        pytest.param("auto", None, "auto", id="or what the stylizer makes of it"),
        pytest.param("float32", "bfloat16", "float32", id="what was named stays, to be refused"),
    ],
)
def test_auto_stands_for_the_type_that_work_was_begun_with(
    asked: str, begun: str | None, taken: str, tmp_path: Path
) -> None:
    configuration = GenerateConfiguration.resolve(
        {"dataset": tmp_path, "output": str(tmp_path), "pairs": 1, "dtype": asked}
    )
    assert with_dtype(configuration, begun).dtype == taken
