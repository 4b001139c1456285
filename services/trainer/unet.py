"""The anomaly detector's network: the U-Net of the paper's Fig. 1."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

PAPER_WIDTHS = (64, 128, 256, 512, 512)


class UNet(nn.Module):
    """An encoder and a decoder of 3x3 convolutions, joined by skips at every level.

    One film channel in, one out: Fig. 1 prints three out, but its loss compares the output with the
    one-channel input. Fig. 1 also prints 256 channels for levels 3 and 4 of the encoder, whose
    convolutions have 512; the convolutions are taken at their word.
    """

    def __init__(self, *, widths: Sequence[int] = PAPER_WIDTHS) -> None:
        """Build the network with fresh weights, drawn from torch's global generator.

        `widths` are the channels of each level, finest first; level i works at 1/2^i of the film's size.
        Raises ValueError when there are fewer than two levels or a width is below one.
        """
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"widths must be two or more positive numbers, got {tuple(widths)}")
        self.widths = tuple(widths)
        self.encoder = nn.ModuleList(
            double_convolution(narrow, wide) for narrow, wide in itertools.pairwise((1, *self.widths))
        )
        coming_up = (*self.widths[:-2], self.widths[-1])  # what the level below hands to each decoder level
        going_out = (self.widths[0], *self.widths[:-2])
        self.decoder = nn.ModuleList(
            double_convolution(below + skip, out)
            for below, skip, out in zip(coming_up, self.widths[:-1], going_out, strict=True)
        )
        self.output = nn.Conv2d(self.widths[0], 1, kernel_size=3, padding=1)
        self.down = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    @property
    def size_factor(self) -> int:
        """What a film's rows and columns must be multiples of: 2 to the number of halvings."""
        return 1 << (len(self.widths) - 1)

    def forward(self, films: Tensor) -> Tensor:
        """Reconstruct standardised films, float32 (B, 1, S, S); same shape and units out."""
        skips: list[Tensor] = []
        features = films
        for level, block in enumerate(self.encoder):
            features = block(features if level == 0 else self.down(features))
            skips.append(features)
        for block, skip in zip(reversed(self.decoder), reversed(skips[:-1]), strict=True):
            features = block(torch.cat([self.up(features), skip], dim=1))
        reconstruction: Tensor = self.output(features)
        return reconstruction


def double_convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two 3x3 convolutions of `channels_out` channels, each followed by batch normalisation and ReLU.

    The paper's table lists no normalisation, and the network of its reference [9] has it.
    """
    layers: list[nn.Module] = []
    for channels in (channels_in, channels_out):
        layers += [
            nn.Conv2d(channels, channels_out, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
