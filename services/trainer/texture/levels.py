"""First-order statistics: how grey levels are spread inside the breast, whatever their places."""

import torch
from torch import Tensor, nn

from services.trainer.texture.inside import FAINTEST, log_amplitude, log_each, mean_inside, per_film

DARK = (0.02, 0.05, 0.1)
BRIGHT = (0.8, 0.9, 0.98)
"""Grey levels that shares of pixels are counted below, and above; blacked out and burnt out are the outermost."""
_SOFTNESS = 0.01


class GreyLevels(nn.Module):
    """Mean, spread, skewness and kurtosis of grey levels, and shares of very dark and very bright ones."""

    names = (
        "mean",
        "deviation",
        "skewness",
        "kurtosis",
        *(f"below_{level}" for level in DARK),
        *(f"above_{level}" for level in BRIGHT),
    )

    def forward(self, films: Tensor, masks: Tensor) -> Tensor:
        """Statistics (B, names) of films, (B, 1, S, S) in [0, 1], inside their masks."""
        mean = mean_inside(films, masks)
        centred = films - per_film(mean)
        variance = mean_inside(centred**2, masks).clamp_min(FAINTEST**2)
        shares = [mean_inside(torch.sigmoid((level - films) / _SOFTNESS), masks).sqrt() for level in DARK]
        shares += [mean_inside(torch.sigmoid((films - level) / _SOFTNESS), masks).sqrt() for level in BRIGHT]
        return torch.stack(
            [
                mean,
                log_amplitude(variance),
                mean_inside(centred**3, masks) / variance**1.5,
                log_each((mean_inside(centred**4, masks) / variance**2).clamp_min(1e-3)),
                *shares,
            ],
            dim=1,
        )
