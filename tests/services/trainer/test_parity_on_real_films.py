import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from services.trainer.configuration import TrainAnomalyConfiguration, TrainClassifierConfiguration
from services.trainer.export import PARITY_TOLERANCE, check_parity, export_graph
from services.trainer.films import FilmSet
from services.trainer.fine_tuning import FineTuning
from services.trainer.frozen import FrozenFit
from services.trainer.standardisation import breast_statistics
from services.trainer.start import IMAGENET_STATISTICS
from services.trainer.train_anomaly import train_autoencoder
from shared.dataset import Label
from shared.determinism import reproducible
from shared.images import resize_film, to_uint16

SIZE, COUNT = 96, 24
INDICES = np.arange(COUNT)


@pytest.fixture(scope="module")
def films(shared_films: Path, training: FilmSet) -> FilmSet:
    """Two dozen real films, half of them malignant, whose breast is what is not black."""
    with (shared_films / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    chosen = [
        row for label in ("MALIGNANT", "BENIGN") for row in [r for r in rows if r["pathology"] == label][: COUNT // 2]
    ]
    pixels = np.empty((COUNT, SIZE, SIZE), dtype=np.uint16)
    described = []
    for index, row in enumerate(chosen):
        with Image.open(shared_films / row["path"]) as image:
            film = np.asarray(image.convert("L"), dtype=np.float32) / 255
        pixels[index] = to_uint16(resize_film(film, SIZE, SIZE))
        label = Label.MALIGNANT if index < COUNT // 2 else Label.BENIGN
        described.append(
            dataclasses.replace(training.films[0], image_id=f"r{index}", patient_id=row["patient_id"], label=label)
        )
    return FilmSet(tuple(described), pixels, pixels > 65535 * 0.03)


def classifier(films: FilmSet, **options: object) -> nn.Module:
    configuration = TrainClassifierConfiguration(dataset=Path("data"), device="cpu", **options)
    if configuration.freeze:
        return FrozenFit(films, IMAGENET_STATISTICS, configuration).fit(INDICES).gate()
    return FineTuning(films, breast_statistics(films), configuration).fit(INDICES).gate()


def frozen_classifier(films: FilmSet) -> nn.Module:
    weights = Path(__file__).resolve().parents[4] / "shared" / "weights" / "resnet50-imagenet-v1.safetensors"
    if not weights.is_file():
        pytest.skip("no ImageNet weights beside the checkout")
    gate = classifier(films, start=str(weights), freeze=True)
    gate.temperature = 0.6
    return gate


def fine_tuned_classifier(films: FilmSet) -> nn.Module:
    return classifier(films, start="random", backbone="resnet18", epochs=2, batch_size=8, augment=True)


def anomaly_detector(films: FilmSet) -> nn.Module:
    given = {"widths": (8, 16, 32), "epochs": 2, "batch_size": 4, "device": "cpu"}
    return train_autoencoder(films, films, TrainAnomalyConfiguration(dataset=Path("data"), **given))[0]


@pytest.mark.parametrize(
    ("kind", "build"),
    [("anomaly", anomaly_detector), ("classifier", frozen_classifier), ("classifier", fine_tuned_classifier)],
    ids=["anomaly", "frozen", "fine-tuned"],
)
def test_onnx_runtime_gives_pytorchs_scores_of_real_films(kind: str, build: object, films: FilmSet):
    with reproducible(seed=0, threads=1):
        gate = build(films)
        graph = export_graph(gate, kind=kind, size=SIZE)
        assert check_parity(graph, gate, films) <= PARITY_TOLERANCE == 1e-4
