"""Writes conv_net.safetensors and conv_net_io.safetensors: a small convolutional net of PyTorch.

    python tests/reference/make_conv_net.py

From PyTorch 2.15.0. The first file is the net's state_dict after three steps of training, with the
running statistics and num_batches_tracked (int64) of its batch norm. The second holds images x
[5, 1, 4, 4] and the net's outputs for them in eval mode, y [5, 2].
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(12, 2)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).flatten(1))


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    x, y = torch.randn(8, 1, 4, 4) * 2 + 1, torch.randint(2, (8,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()

net.eval()
x = torch.randn(5, 1, 4, 4)
here = Path(__file__).parent
save_file(net.state_dict(), here / "conv_net.safetensors")
with torch.no_grad():
    save_file({"x": x, "y": net(x)}, here / "conv_net_io.safetensors")
print(torch.__version__, {name: tuple(t.shape) for name, t in net.state_dict().items()})
