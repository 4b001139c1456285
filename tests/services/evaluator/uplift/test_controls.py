"""An uplift can say yes and no: on phantoms, with films that must help and films that must not."""

import json
from pathlib import Path

import pytest

from services.evaluator.configuration import Control, UpliftConfiguration, UpliftNetwork
from services.evaluator.uplift.command import run
from shared.dataset import Dataset, Split
from tests.services.evaluator.run_writer import RunWriter
from tests.services.evaluator.uplift.phantoms import write_phantoms

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """320 patients, half of them with a malignant film, in noise that hides much of the difference."""
    patients = {Split.TRAIN: (40, 40), Split.VALIDATION: (40, 40), Split.TEST: (80, 80), Split.GENERATION: (10, 10)}
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), patients=patients, grain=0.03)


@pytest.mark.parametrize(
    ("control", "amount", "ratio", "answers"),
    [
        (Control.MALIGNANT, 5.0, 12.0, {"helped"}),
        (Control.RANDOM, 100.0, 1.0, {"did not help", "harmed"}),
        (Control.BENIGN, 25.0, 1.0, {"did not help", "harmed"}),
        (Control.BENIGN, 50.0, 1.0, {"harmed"}),
    ],
    ids=["held-back malignant films", "random images", "some benign films labelled malignant", "many of them"],
)
def test_films_that_must_help_do_and_films_that_must_not_do_not(
    phantoms: Dataset, tmp_path: Path, control: Control, amount: float, ratio: float, answers: set[str]
) -> None:
    writer = RunWriter(tmp_path / "run", phantoms, pairs=1)
    writer.add_accepted(0)
    configuration = UpliftConfiguration(
        run=writer.address,
        network=UpliftNetwork.SQUEEZENET1_1,
        weights="random",
        stride="4",
        control=control,
        amounts=(amount,),
        ratios=(ratio,),
        seeds=8,
        augmented_copies=1,
        updates=100,
        watches=5,
        batch_size=32,
        draws=500,
    )
    assert run(configuration) == 0
    result = json.loads((writer.path / f"uplift-control-{control}.json").read_text())
    assert result["verdict"]["answer"] in answers
