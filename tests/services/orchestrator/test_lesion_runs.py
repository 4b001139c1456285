"""Runs on lesions, with real services: what changes, what must not, and what is said of it."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

from services.orchestrator import generate, replay
from services.orchestrator.configuration import GenerateConfiguration, ReplayConfiguration
from services.orchestrator.ledger import Ledger
from shared.dataset import Dataset, LesionCrops, Split
from shared.errors import ConfigurationError
from shared.images import decode_png16, sha256_pixels, to_uint16
from shared.record import Decision, PairRecord
from shared.store import Store
from tests.services.orchestrator.small_runs import Workshop
from tests.shared.dataset.made_lesions import PREPARED, lesion, write_films
from tests.tiny_models import write_texture_gates

SIZE = 48
PAIRS = 3
POLICY: dict[str, Any] = {
    "name": "spots",
    "region": "lesion",
    "size": SIZE,
    "pairing": {"content": "shuffled"},
    "gates": {"anomaly": 10.0, "classifier": 0.6, "benign_below": 0.5},
    "recipes": [{"steps": 1}, {"steps": 4}],
}


class Lesions(NamedTuple):
    folder: Path
    dataset: Dataset
    stylizer: str

    def generate(self, output: Path, *, policy: dict[str, Any] = POLICY, **changes: Any) -> int:
        path = self.folder / f"{policy['name']}.yaml"
        path.write_text(yaml.safe_dump(policy))
        values: dict[str, Any] = {
            "dataset": self.dataset.path,
            "models": self.folder / "models",
            "output": str(output),
            "pairs": PAIRS,
            "policy": str(path),
            "placebo": 1.0,
            "keep_rejected": 1.0,
            "stylizer": self.stylizer,
        }
        return generate.run(GenerateConfiguration(**(values | changes)))


@pytest.fixture(scope="session")
def lesions(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Lesions:
    folder = tmp_path_factory.mktemp("lesions")
    benign, malignant = (lesion(24, 18),), (lesion(26, 20, "malignant"),)
    kinds = (benign, benign, benign, malignant, malignant, (lesion(24, 18), lesion(30, 40, "malignant", side=9)))
    dataset = write_films(folder / "dataset", *kinds, split=lambda _: Split.GENERATION)
    (folder / "models").mkdir()
    write_texture_gates(folder / "models", size=SIZE, midpoint=0.0195, gain=2000.0, options={"on": "lesions"})
    (folder / "film-models").mkdir()
    write_texture_gates(folder / "film-models", size=32, midpoint=0.1, gain=60.0)
    return Lesions(folder, dataset, workshop.services["stylizer"])


@pytest.fixture(scope="session")
def output(lesions: Lesions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    assert lesions.generate(folder) == 0
    return folder


def records(output: Path) -> list[PairRecord]:
    ledger = Ledger(Store(str(output)))
    return [ledger.record(pair) for pair in range(PAIRS)]


def test_pixels_outside_the_crop_are_the_contents_to_the_bit(lesions: Lesions, output: Path) -> None:
    accepted = [record for record in records(output) if record.accepted]
    assert accepted
    for record in accepted:
        assert record.lesion is not None
        name = f"{record.pair:06d}.png"
        film = decode_png16((output / "originals" / name).read_bytes())
        content = lesions.dataset.original(record.content.image_id)
        assert sha256_pixels(film) == record.lesion.original_sha256
        place = record.lesion.content
        outside = np.ones(film.shape, bool)
        outside[place.top : place.top + place.side, place.left : place.left + place.side] = False
        assert (to_uint16(film)[outside] == to_uint16(content)[outside]).all()
        changed = to_uint16(film) != to_uint16(content)
        assert changed.sum() > 200
        # Nothing beyond the lesion and its rim, and of the crop's own border nothing either.
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert place.top < rows[0]
        assert rows[-1] < place.top + place.side - 1
        assert place.left < columns[0]
        assert columns[-1] < place.left + place.side - 1


def test_the_accepted_film_is_one_like_the_data_sets_and_changed_in_the_same_place(
    lesions: Lesions, output: Path
) -> None:
    record = next(record for record in records(output) if record.accepted)
    assert record.lesion is not None
    film = decode_png16((output / "accepted" / f"{record.pair:06d}.png").read_bytes())
    content = lesions.dataset.pixels(record.content.image_id)
    assert film.shape == (PREPARED, PREPARED)
    assert sha256_pixels(film) == record.sha256
    changed = to_uint16(film) != to_uint16(content)
    place = record.lesion.content
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # 2.5 pixels of the original to one of the prepared film, which begins in its column 8.
    assert place.top / 2.5 - 1 <= rows[0]
    assert rows[-1] <= (place.top + place.side) / 2.5 + 1
    assert place.left / 2.5 + 8 - 1 <= columns[0]
    assert columns[-1] <= (place.left + place.side) / 2.5 + 8 + 1


def test_contents_are_benign_lesions_of_benign_films_and_styles_malignant_lesions(
    lesions: Lesions, output: Path
) -> None:
    for record in records(output):
        content, style = (lesions.dataset.film(source.image_id) for source in (record.content, record.style))
        assert record.lesion is not None
        assert record.lesion.size == SIZE
        assert record.lesion.content.lesion is not None
        assert record.lesion.style.lesion is not None
        assert content.label == content.lesions[record.lesion.content.lesion].label == "benign"
        assert style.lesions[record.lesion.style.lesion].label == "malignant"
        assert record.content.sha256 == content.sha256
        assert all(trial.recipe.region == "lesion" for trial in record.trials)


def test_a_twin_takes_a_benign_lesion_of_another_patient_for_the_same_content(lesions: Lesions, output: Path) -> None:
    assert json.loads((output / "manifest.json").read_text())["complete"]
    ledger = Ledger(Store(str(output)))
    for pair in range(PAIRS):
        record, twin = ledger.record(pair), ledger.twins.record(pair)
        assert record.lesion is not None
        assert twin.lesion is not None
        assert twin.placebo
        assert twin.lesion.content == record.lesion.content
        assert twin.style.patient_id != twin.content.patient_id
        style = lesions.dataset.film(twin.style.image_id)
        assert style.lesions[twin.lesion.style.lesion or 0].label == "benign"


def test_a_run_that_is_killed_and_begun_again_writes_the_same_bytes(
    lesions: Lesions, output: Path, tmp_path: Path
) -> None:
    again = tmp_path / "run"
    shutil.copytree(output, again)
    pair = next(record.pair for record in records(output) if record.accepted)
    lost = [again / folder / f"{pair:06d}.{kind}" for folder, kind in (("pairs", "json"), ("originals", "png"))]
    for path in lost:
        path.unlink()
    (again / "manifest.json").unlink()
    assert lesions.generate(again) == 0
    for path in (*lost, again / "manifest.json", again / "accepted" / f"{pair:06d}.png"):
        assert path.read_bytes() == (output / path.relative_to(again)).read_bytes()


def test_replay_makes_the_film_again_at_both_resolutions(
    lesions: Lesions, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = next(record.pair for record in records(output) if record.accepted)

    def play(run: Path) -> int:
        return replay.run(ReplayConfiguration(run=str(run), pair=pair, stylizer=lesions.stylizer))

    assert play(output) == 0
    assert "the same film, bit for bit, and the same scores" in capsys.readouterr().out
    spoiled = tmp_path / "run"
    shutil.copytree(output, spoiled)
    other = lesions.dataset.path / "originals" / "film-3.png"
    shutil.copy(other, spoiled / "originals" / f"{pair:06d}.png")
    assert play(spoiled) == 1


@pytest.mark.parametrize(
    ("rules", "placebo_lesion", "content_lesion"),
    [
        ({"placebo": "free_place"}, False, True),
        ({"content": "free_place"}, True, False),
    ],
    ids=["a place without a lesion as placebo style", "a place without a lesion as content"],
)
def test_places_without_a_lesion_stand_in_for_style_or_content(
    lesions: Lesions, tmp_path: Path, rules: dict[str, Any], placebo_lesion: bool, content_lesion: bool
) -> None:
    policy = POLICY | {"name": "places", "lesion": rules, "recipes": [{"steps": 1}]}
    assert lesions.generate(tmp_path / "run", policy=policy, pairs=2) == 0
    ledger = Ledger(Store(str(tmp_path / "run")))
    assert ledger.twins.recorded()
    for pair in ledger.twins.recorded():
        record, twin = ledger.record(pair), ledger.twins.record(pair)
        assert record.lesion is not None
        assert twin.lesion is not None
        assert (twin.lesion.style.lesion is not None) == placebo_lesion
        assert (record.lesion.content.lesion is not None) == content_lesion
        if not placebo_lesion:
            assert twin.style.image_id == record.style.image_id
        assert twin.lesion.content == record.lesion.content


def test_the_whole_film_can_have_to_pass_gates_of_its_own(lesions: Lesions, tmp_path: Path) -> None:
    gates = {"anomaly": 10.0, "classifier": 0.99}
    policy = POLICY | {"name": "both", "lesion": {"film_gates": gates}, "placebo_share": 0.0}
    with pytest.raises(ConfigurationError, match=r"film_gates: .*needed is a folder with both \(--film-models\)"):
        lesions.generate(tmp_path / "none", policy=policy)
    both = {"film_models": lesions.folder / "film-models", "placebo": 0.0}
    assert lesions.generate(tmp_path / "run", policy=policy, **both) == 0
    ledger = Ledger(Store(str(tmp_path / "run")))
    found = [ledger.record(pair) for pair in range(PAIRS)]
    assert {record.decision for record in found} == {Decision.REJECTED}
    for record in found:
        assert record.lesion is not None
        assert record.lesion.content_film_scores is not None
        assert set(record.models) == {"stylizer", "anomaly", "classifier", "film_anomaly", "film_classifier"}
        assert record.trials
        for trial in record.trials:
            assert trial.film_scores is not None
            assert trial.film_scores != trial.scores
            assert "still_benign" in trial.reasons
    pins = ledger.pins()
    assert pins["thresholds"]["film_classifier"] == 0.99


def test_the_gates_can_look_at_the_whole_film_alone(lesions: Lesions, tmp_path: Path) -> None:
    policy = POLICY | {"name": "whole", "lesion": {"looks_at": "film"}, "recipes": [{"steps": 2}]}
    with pytest.raises(ConfigurationError, match=r"anomaly: its model was trained on lesions, .* look at films"):
        lesions.generate(tmp_path / "wrong", policy=policy)
    models = lesions.folder / "film-models"
    assert lesions.generate(tmp_path / "run", policy=policy, models=models, placebo=0.0) == 0


def test_gates_of_whole_films_are_refused_for_crops(lesions: Lesions, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"anomaly: its model was trained on films, .*train anomaly --on lesions"
    ):
        lesions.generate(tmp_path / "run", models=lesions.folder / "film-models")


def test_crops_of_a_data_set_are_those_that_a_run_takes(lesions: Lesions, output: Path) -> None:
    crops = LesionCrops.of(lesions.dataset, size=SIZE)
    for record in records(output):
        assert record.lesion is not None
        crop = crops.crop(f"{record.content.image_id}.{record.lesion.content.lesion}")
        place = record.lesion.content
        assert (crop.window.top, crop.window.left, crop.window.side) == (place.top, place.left, place.side)
