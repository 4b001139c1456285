import pytest
import torch

from services.trainer.precision import choose_precision
from shared.errors import ConfigurationError


def test_full_precision_changes_nothing():
    with choose_precision(torch.device("cpu"), mixed=False)():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_mixed_precision_without_a_gpu_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="--mixed-precision: training would run on the cpu"):
        choose_precision(torch.device("cpu"), mixed=True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_mixed_precision_computes_in_bfloat16_on_a_gpu():
    with choose_precision(torch.device("cuda"), mixed=True)():
        ones = torch.ones(2, 2, device="cuda")
        assert (ones @ ones).dtype == torch.bfloat16
