"""Outcomes become messages from which a client, or a record's reader, gets back what was there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mammosynth.models import GeneratorInfo
from mammosynth.results import Sample

from services.orchestrator.convert import to_info, to_sample
from services.orchestrator.retry_loop import Outcome
from shared.images import from_uint16
from shared.record import Reason, from_json
from tests.services.orchestrator.made import BENIGN, KEPT, MODELS, record, trial

FILM = from_uint16(np.random.default_rng(1).integers(0, 65536, (32, 32), dtype=np.uint16))
MASK = FILM > 0.3


def test_an_accepted_pair_comes_back_as_it_was() -> None:
    made = record(41)
    message = to_sample(Outcome(made, FILM), MASK)
    sample = Sample.from_message(message)
    assert np.array_equal(sample.film, FILM)
    assert sample.mask is not None
    assert np.array_equal(sample.mask, MASK)
    assert (sample.pair, sample.next_pair, sample.trial) == (41, 42, 2)
    assert (sample.content_image_id, sample.content_patient_id) == ("b1", "p1")
    assert (sample.style_image_id, sample.style_patient_id) == ("m1", "p2")
    assert (sample.anomaly_score, sample.probability) == (KEPT.anomaly, KEPT.probability)
    assert sample.content_probability == BENIGN.probability
    assert from_json(message.record_json, where="message") == made


def test_the_recipe_is_that_of_the_trial_that_was_kept() -> None:
    made = record(3)
    first, second = made.trials
    sample = Sample.from_message(to_sample(Outcome(made, FILM), MASK))
    assert sample.recipe.steps == second.recipe.steps != first.recipe.steps
    for name in ("content_layer", "style_layers", "content_weight", "style_weight", "region", "optimizer"):
        assert getattr(sample.recipe, name) == getattr(second.recipe, name), name


NOT_ACCEPTED: dict[str, tuple[Any, Any]] = {
    "a rejected pair": (record(5, accepted=False), None),
    "a rejected pair with a film": (record(5, accepted=False), FILM),
    "no film": (record(5), None),
    "no such trial": (record(5, accepted_trial=3), FILM),
    "a trial without scores": (
        record(5, trials=(trial(1, Reason.STILL_BENIGN), trial(2, scores=None))),
        FILM,
    ),
    "a content without scores": (replace(record(5), content=replace(record(5).content, scores=None)), FILM),
}


@pytest.mark.parametrize(("made", "film"), NOT_ACCEPTED.values(), ids=NOT_ACCEPTED)
def test_what_was_not_accepted_is_no_sample(made: Any, film: Any) -> None:
    with pytest.raises(ValueError, match="pair 5 was not accepted"):
        to_sample(Outcome(made, film), MASK)


def test_what_is_generated_from_comes_back_as_it_was() -> None:
    message = to_info(
        dataset_sha256="e" * 64, size=96, policies=("paper", "stable"), default_policy="stable", models=MODELS
    )
    info = GeneratorInfo.from_message(message)
    assert (info.dataset_sha256, info.size) == ("e" * 64, 96)
    assert (info.policies, info.default_policy) == (("paper", "stable"), "stable")
    found = {"anomaly": info.anomaly, "classifier": info.classifier, "stylizer": info.trunk}
    assert {name: (model.name, model.sha256) for name, model in found.items()} == {
        name: (model.name, model.sha256) for name, model in MODELS.items()
    }
    assert info.version
