import pytest
import torch

from services.trainer.unet import UNet

# Fig. 1 of the paper for a film of 64 x 64: channels in, channels out and side of every 3 x 3 convolution, in order.
# Its x_3 and x_4 rows print 256 channels where their convolutions have 512, its last row three output channels.
PAPER_TABLE = [
    (1, 64, 64),
    (64, 64, 64),
    (64, 128, 32),
    (128, 128, 32),
    (128, 256, 16),
    (256, 256, 16),
    (256, 512, 8),
    (512, 512, 8),
    (512, 512, 4),
    (512, 512, 4),
    (1024, 256, 8),
    (256, 256, 8),
    (512, 128, 16),
    (128, 128, 16),
    (256, 64, 32),
    (64, 64, 32),
    (128, 64, 64),
    (64, 64, 64),
    (64, 1, 64),
]


def test_convolutions_have_the_shapes_of_the_papers_table():
    network = UNet().eval()
    seen = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert module.kernel_size == (3, 3)
            module.register_forward_hook(
                lambda conv, _inputs, output: seen.append((conv.in_channels, conv.out_channels, output.shape[-1]))
            )
    with torch.inference_mode():
        output = network(torch.zeros(1, 1, 64, 64))
    assert seen == PAPER_TABLE
    assert output.shape == (1, 1, 64, 64)


@pytest.mark.parametrize("widths", [(4,), (), (4, 0)], ids=["one-level", "none", "no-channels"])
def test_widths_that_make_no_network_are_refused(widths: tuple[int, ...]):
    with pytest.raises(ValueError, match="widths must be two or more positive numbers"):
        UNet(widths=widths)


def test_size_factor_counts_the_halvings():
    assert UNet(widths=(2, 2, 2, 2)).size_factor == 8
