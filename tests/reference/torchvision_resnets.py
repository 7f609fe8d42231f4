"""ResNets both ways through a real torchvision; the test suite runs it where torchvision is.

    python tests/reference/torchvision_resnets.py FOLDER

FOLDER holds fastburn's model files convnet.safetensors and resnet.safetensors, and what fastburn
makes of images x in NAME_io.safetensors. Checks that PyTorch's nets load them and compute the same.
Then writes the state_dicts of torchvision's resnet18, resnet34 and resnet50, made from a seed, as
torch.save and as safetensors write them, and their logits for images x [2, 3, 224, 224].
"""

import sys
from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file, save_file
from make_conv_models import BasicBlock, ConcatPool, ConvNet, Narrow
from torch import nn

folder = Path(sys.argv[1])


def fastai_head(channels, classes):
    return nn.Sequential(
        nn.BatchNorm1d(2 * channels), nn.Dropout(0.25), nn.Linear(2 * channels, 512, bias=False),
        nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5), nn.Linear(512, classes, bias=False),
    )


convnet = ConvNet()
convnet.head = nn.Linear(16, 10)
resnet = Narrow(BasicBlock, [2, 2, 2, 2], [4, 6, 8, 10], 1, 10, small=True)
resnet.avgpool, resnet.fc = ConcatPool(), fastai_head(10, 10)
for name, net in {"convnet": convnet, "resnet": resnet}.items():
    net.load_state_dict(load_file(folder / f"{name}.safetensors"), strict=True)
    io = load_file(folder / f"{name}_io.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(io["x"]), io["logits"], rtol=1e-4, atol=1e-4)
    print(f"{name}: equal logits")

for name in ["resnet18", "resnet34", "resnet50"]:
    torch.manual_seed(1)
    net = getattr(torchvision.models, name)(weights=None)
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        net.train()(x + 0.1 * torch.randn_like(x))  # running statistics that are not 0 and 1
        logits = net.eval()(x)
    torch.save(net.state_dict(), folder / f"{name}.pth")
    save_file(net.state_dict(), folder / f"torch_{name}.safetensors")
    save_file({"x": x, "logits": logits}, folder / f"torch_{name}_io.safetensors")
print(f"written by torchvision {torchvision.__version__}")
