import json
from pathlib import Path

import pytest

from services.orchestrator.pinned import pin
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
