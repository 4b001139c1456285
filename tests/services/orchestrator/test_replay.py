"""Accepted films are made again from their records, and compared to the bit."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from shared.errors import DatasetError, InvalidInputError, ModelMismatchError, NotFoundError
from shared.images import encode_png16
from tests.services.orchestrator.made import cohort
from tests.services.orchestrator.small_runs import PAIRS, Run, Workshop, accepted, ledger, write_dataset


def test_replay_makes_every_accepted_film_again(
    run: Run, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    for pair in accepted(run.output):
        assert workshop.replay(run.output, pair) == 0
        assert f"pair {pair}: the same film, bit for bit, and the same scores" in capsys.readouterr().out


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Path:
    """The run once more, to be spoiled."""
    shutil.copytree(run.output, tmp_path / "run")
    return tmp_path / "run"


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_replay_tells_a_film_that_is_not_what_the_recipe_makes(
    copy: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = accepted(copy)[0]
    film = ledger(copy).accepted_film(pair)
    film[film > 0.2] += 2 / 65535
    (copy / "accepted" / f"{pair:06d}.png").write_bytes(encode_png16(film))
    assert workshop.replay(copy, pair) == 1
    # 2 / 65535, as far as float32 has it.
    assert re.search(r"differs: largest difference of a pixel 3\.0[56]e-05", capsys.readouterr().out)


def test_replay_tells_scores_and_numerics_that_differ(
    copy: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = accepted(copy)[0]
    path = copy / "pairs" / f"{pair:06d}.json"
    record = json.loads(path.read_text())
    record["trials"][-1]["scores"]["anomaly"] += 0.5
    record["numerics"]["stylizer"][0]["slots"] = 7
    path.write_text(json.dumps(record))
    assert workshop.replay(copy, pair) == 1
    said = capsys.readouterr().out
    assert "differs: largest difference of a pixel 0.00e+00" in said
    assert "stylizer: numerics differ: now {" in said
    assert "anomaly: numerics differ" not in said


def test_replay_refuses_what_it_cannot_make_again(copy: Path, workshop: Workshop, tmp_path: Path) -> None:
    pair = accepted(copy)[0]
    rejected = next(number for number in range(PAIRS) if number not in accepted(copy))
    with pytest.raises(InvalidInputError, match=f"found pair {rejected}, rejected; needed an accepted one"):
        workshop.replay(copy, rejected)
    with pytest.raises(NotFoundError, match="found no record of pair 99"):
        workshop.replay(copy, 99)
    other = write_dataset(tmp_path / "other", cohort(4, 2))
    with pytest.raises(DatasetError, match=f"found sha256 {other.sha256}, needed the run's {workshop.dataset.sha256}"):
        workshop.replay(copy, pair, dataset=other.path)
    path = copy / "pairs" / f"{pair:06d}.json"
    models = json.loads(path.read_text())["models"]
    change(path, models=models | {"classifier": {"name": "older", "sha256": "0" * 64}})
    with pytest.raises(ModelMismatchError, match=r"classifier: found the model tiny-classifier .* needed older"):
        workshop.replay(copy, pair)
