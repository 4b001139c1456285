from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from services.trainer.configuration import Stage, TrainClassifierConfiguration
from services.trainer.films import FilmSet
from services.trainer.frozen import FrozenFit, pooled_stages
from services.trainer.standardisation import breast_statistics


def configuration(**options: Any) -> TrainClassifierConfiguration:
    given = {"backbone": "resnet18", "start": "random", "freeze": True, "device": "cpu"}
    return TrainClassifierConfiguration(dataset=Path("data"), **(given | options))


def frozen(films: FilmSet, **options: Any) -> FrozenFit:
    torch.manual_seed(0)
    return FrozenFit(films, breast_statistics(films), configuration(**options))


@pytest.mark.parametrize(
    ("options", "stages"),
    [
        ({}, (Stage.LAYER1,)),
        ({"start": "imagenet"}, (Stage.LAYER2,)),
        ({"feature_layer": ("layer4", "layer2", "layer4")}, (Stage.LAYER2, Stage.LAYER4)),
    ],
    ids=["random", "pretrained", "asked-for"],
)
def test_stages_are_those_asked_for_each_once_or_suit_the_first_weights(options: dict, stages: tuple[Stage, ...]):
    assert pooled_stages(configuration(**options)) == stages


def test_weighted_classes_raise_the_logits_of_a_rare_one(training: FilmSet):
    rare = np.array([index for index in range(len(training)) if not training.malignant[index] or index < 12])
    plain, weighted = (frozen(training, balance=balance).fit(rare) for balance in ("none", "weights"))
    every = np.arange(len(training))
    assert training.malignant[rare].mean() < 0.3
    assert (weighted.logits(every) > plain.logits(every)).mean() > 0.9


def test_the_gate_says_what_the_head_says_of_the_features(training: FilmSet):
    fitted = frozen(training).fit(np.arange(20))
    films, masks = training.batch([3, 30])
    with torch.inference_mode():
        logits, _ = fitted.gate()(films, masks)
    np.testing.assert_allclose(logits.numpy(), fitted.logits(np.array([3, 30])), atol=1e-4)
    assert fitted.history() is None
