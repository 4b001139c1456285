"""Whole uplifts on phantoms: repeated, killed, vetoed, refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.evaluator.configuration import ReportConfiguration, UpliftConfiguration
from services.evaluator.report.command import run as report
from services.evaluator.uplift import fits
from services.evaluator.uplift.command import run
from shared.dataset import Dataset, Split
from shared.errors import ConfigurationError, DatasetError, ModelError, WeightsNotFoundError
from tests.services.evaluator.run_writer import RunWriter
from tests.services.evaluator.uplift.phantoms import TINY, write_phantoms
from tests.tiny_models import write_classifier


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    patients = dict.fromkeys((Split.TRAIN, Split.VALIDATION, Split.TEST), (10, 10))
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), patients={**patients, Split.GENERATION: (6, 6)})


@pytest.fixture
def made(tmp_path: Path, phantoms: Dataset) -> RunWriter:
    """A run with six accepted films and four accepted twins."""
    writer = RunWriter(tmp_path / "run", phantoms, pairs=6)
    for pair in range(6):
        writer.add_accepted(pair)
    for pair in range(4):
        writer.add_twin(pair, accepted=True)
    return writer


def measured(path: Path, **changes: Any) -> dict[str, Any]:
    """The result of an uplift, without the time at which it was written."""
    assert run(UpliftConfiguration(run=str(path), **(TINY | changes))) == 0
    control = changes.get("control")
    result: dict[str, Any] = json.loads((path / f"uplift{f'-control-{control}' if control else ''}.json").read_text())
    del result["written"]
    return result


@pytest.fixture
def count_fits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Count fits from now on; with `stop_after` the process is interrupted in the fit after so many."""

    def start(stop_after: int | None = None) -> list[int]:
        done: list[int] = []

        def counted(*arguments: Any, **options: Any) -> Any:
            if stop_after is not None and len(done) == stop_after:
                raise KeyboardInterrupt
            done.append(options["seed"])
            return original(*arguments, **options)

        monkeypatch.setattr(fits, "fit", counted)
        return done

    original = fits.fit
    return start


def test_an_interrupted_uplift_goes_on_and_ends_with_the_numbers_of_an_undisturbed_one(
    made: RunWriter, tmp_path: Path, count_fits: Callable[..., list[int]]
) -> None:
    shutil.copytree(made.path, tmp_path / "other")
    whole = measured(made.path)
    assert [arm["name"] for arm in whole["arms"]] == [
        f"{name}-50" for name in ("augmented", "oversampled", "real", "both-0.5x", "placebo-0.5x", "synthetic-0.5x")
    ]
    count_fits(stop_after=7)
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "other")
    assert not (tmp_path / "other" / "uplift.json").exists()
    rest = count_fits()
    assert measured(tmp_path / "other") == whole
    assert len(rest) == 18 - 7
    again = count_fits()
    assert measured(made.path) == whole
    assert again == []


def test_a_broken_record_is_made_again(made: RunWriter, count_fits: Callable[..., list[int]]) -> None:
    whole = measured(made.path)
    record = next((made.path / "uplift").glob("*/fits/both-*-seed1.json"))
    record.write_bytes(record.read_bytes()[:40])
    for features in (made.path / "uplift" / "features").glob("*.npy"):
        features.write_bytes(b"cut off")
    done = count_fits()
    assert measured(made.path) == whole
    assert done == [1]


def test_a_vetoed_film_is_left_out_and_counted_and_that_is_another_plan(made: RunWriter) -> None:
    before = measured(made.path)
    record = json.loads((made.path / "pairs" / "000002.json").read_text())
    veto = {"pair": 2, "sha256": record["sha256"], "reason": "doubled skin line"}
    (made.path / "vetoed.json").write_text(json.dumps({"schema_version": 1, "vetoed": [veto]}))
    after = measured(made.path)
    assert (before["vetoed"], after["vetoed"]) == (0, 1)
    assert (before["plans_before"], after["plans_before"]) == (0, 1)
    assert before["plan"] != after["plan"]
    five = measured(made.path, amounts=(75.0,))["left_out"]
    assert five == ["synthetic 0.5x at 75 %: 6 films needed, 5 there", "placebo 0.5x at 75 %: 6 films needed, 4 there"]


def test_a_veto_of_another_film_stops_everything(made: RunWriter) -> None:
    veto = {"pair": 2, "sha256": "ab" * 32}
    (made.path / "vetoed.json").write_text(json.dumps({"schema_version": 1, "vetoed": [veto]}))
    with pytest.raises(DatasetError, match="the veto names"):
        measured(made.path)


def test_without_films_enough_nothing_is_said_and_what_is_missing_is_named(made: RunWriter) -> None:
    result = measured(made.path, ratios=(2.0,))
    assert result["verdict"]["answer"] == "not enough data to say"
    assert result["left_out"] == [
        "synthetic 2x at 50 %: 16 films needed, 6 there",
        "placebo 2x at 50 %: 16 films needed, 4 there",
    ]
    assert result["primary"]["contrast"] is None


def pin_gate(made: RunWriter, path: Path, **options: Any) -> None:
    pins = json.loads((made.path / "run.json").read_text())
    pins["models"]["classifier"]["sha256"] = write_classifier(path, options=options)
    (made.path / "run.json").write_text(json.dumps(pins))


def test_the_gates_architecture_is_refused_and_another_is_named(made: RunWriter, tmp_path: Path) -> None:
    pin_gate(made, tmp_path / "gate.onnx", backbone="squeezenet1_0")
    with pytest.raises(ConfigurationError, match=r"same kind as the gate, squeezenet1_0.*densenet121"):
        measured(made.path, gate=tmp_path / "gate.onnx")
    write_classifier(tmp_path / "other.onnx", name="other")
    with pytest.raises(ModelError, match="sha256"):
        measured(made.path, gate=tmp_path / "other.onnx")
    assert any("is not known" in remark for remark in measured(made.path, updates=1)["remarks"])
    pin_gate(made, tmp_path / "gate.onnx", backbone="resnet50")
    found = measured(made.path, gate=tmp_path / "gate.onnx", updates=1)
    assert found["gate"] == "resnet50"
    assert not any("is not known" in remark for remark in found["remarks"])


def test_weights_that_are_not_there_are_told(made: RunWriter, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="--weights"):
        measured(made.path, weights=str(tmp_path / "none.safetensors"))


def test_all_weights_can_be_trained_and_the_numbers_repeat(made: RunWriter, tmp_path: Path) -> None:
    shutil.copytree(made.path, tmp_path / "other")
    full = {"mode": "full", "updates": 2, "watches": 1}
    assert measured(made.path, **full) == measured(tmp_path / "other", **full)


def test_the_report_shows_the_answer_and_its_age(made: RunWriter) -> None:
    def page() -> str:
        assert report(ReportConfiguration(run=made.address)) == 0
        return (made.path / "report.html").read_text(encoding="utf-8")

    assert "<code>mammosynth uplift</code>" in page()
    result = measured(made.path)
    assert measured(made.path, control="random")["primary"]["contrast"] is not None
    shown = page()
    assert result["verdict"]["sentence"] in shown
    assert "Control, random films" in shown
    assert "This answer is older than the run." not in shown
    made.add_rejected(5, "anomalous")
    assert "This answer is older than the run." in page()
