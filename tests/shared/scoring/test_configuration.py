"""What a scoring service is started with."""

import pytest

from services.anomaly.configuration import AnomalyConfiguration
from services.classifier.configuration import ClassifierConfiguration
from shared.errors import ConfigurationError
from shared.scoring.configuration import ScoringConfiguration
from shared.scoring.provider import Provider

KINDS = [AnomalyConfiguration, ClassifierConfiguration]


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_model_must_be_given(kind: type[ScoringConfiguration]) -> None:
    found = kind.resolve({"model": "model.onnx"})
    assert (found.provider, found.batch, found.threads, found.sha256) == (Provider.AUTO, None, 1, None)
    with pytest.raises(ConfigurationError, match=r"--model \(MAMMOSYNTH_[A-Z]+_MODEL\): is needed"):
        kind.resolve({})


def test_each_service_has_variables_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMOSYNTH_ANOMALY_BATCH", "4")
    monkeypatch.setenv("MAMMOSYNTH_CLASSIFIER_BATCH", "2")
    given = {"model": "model.onnx"}
    assert [kind.resolve(given).batch for kind in KINDS] == [4, 2]


BAD = {"sha256": "abc", "provider": "tpu", "batch": "0", "threads": "0", "queue_limit": "none"}


@pytest.mark.parametrize(("option", "value"), BAD.items(), ids=BAD.keys())
def test_a_value_that_cannot_be_used_is_refused_by_its_name(option: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--{option.replace('_', '-')} .*: found '{value}'"):
        AnomalyConfiguration.resolve({"model": "model.onnx", option: value})
