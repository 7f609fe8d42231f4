"""Writes NAME.safetensors and NAME_steps.safetensors of small convolutional nets of PyTorch.

    python tests/reference/make_conv_models.py

From PyTorch 2.15.0 and torchvision 0.29.2. NAME.safetensors is a net's first state_dict.
NAME_steps.safetensors holds images x [6, channels, side, side] and targets y [6]; the logits in eval
mode, "logits", and in training mode, "training_logits", with their loss; the state_dict after one
step of SGD with a learning rate of 1 ("first.*": what it changes are the gradients and the first
running statistics); and that after three steps with a learning rate of 0.1 ("third.*").
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet


class Narrow(ResNet):
    """torchvision's ResNet with other widths, and perhaps a stem for small images."""

    def __init__(self, block, layers, widths, channels, classes, small):
        nn.Module.__init__(self)
        self._norm_layer = nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = widths[0], 1, 1, 64
        kernel, stride = (3, 1) if small else (7, 2)
        self.conv1 = nn.Conv2d(channels, widths[0], kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(block, widths[0], layers[0])
        self.layer2 = self._make_layer(block, widths[1], layers[1], stride=2)
        self.layer3 = self._make_layer(block, widths[2], layers[2], stride=2)
        self.layer4 = self._make_layer(block, widths[3], layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[3] * block.expansion, classes)


class ConcatPool(nn.Module):
    def forward(self, x):
        return torch.cat([nn.functional.adaptive_max_pool2d(x, 1), nn.functional.adaptive_avg_pool2d(x, 1)], 1)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()

        def block(inputs, outputs, kernel, pool):
            conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(), *[nn.MaxPool2d(2)] * pool)

        self.blocks = nn.Sequential(block(1, 4, 5, True), block(4, 6, 3, True), block(6, 8, 3, False))
        # fastai's head, whose dropouts have a rate of 0 here, so that they are not among the layers.
        self.head = nn.Sequential(
            nn.BatchNorm1d(16), nn.Linear(16, 7, bias=False), nn.ReLU(),
            nn.BatchNorm1d(7), nn.Linear(7, 5, bias=False),
        )

    def forward(self, x):
        return self.head(ConcatPool()(self.blocks(x)).flatten(1))


def narrow_resnet18():
    net = Narrow(BasicBlock, [2, 2, 2, 2], [4, 6, 8, 10], 3, 5, small=False)
    # Norms that are not the identity, so that a mistaken one shows.
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return net


# The seeds are those of 150 for which the smallest input of any ReLU is the largest: where it is
# near 0, rounding decides whether its gradient is 0.
nets = {
    "narrow_resnet18": (75, narrow_resnet18, (3, 41)),
    "narrow_bottlenecks": (67, lambda: Narrow(Bottleneck, [1, 2, 1, 1], [2, 3, 4, 4], 1, 5, small=True), (1, 24)),
    "small_convnet": (138, ConvNet, (1, 21)),
}


def main():
    here = Path(__file__).parent
    for name, (seed, make, (channels, side)) in nets.items():
        torch.manual_seed(seed)
        net = make()
        x, y = torch.randn(6, channels, side, side), torch.randint(5, (6,))
        begun = {key: value.clone() for key, value in net.state_dict().items()}
        save_file(begun, here / f"{name}.safetensors")
        kept = {"x": x, "y": y.int()}
        with torch.no_grad():
            kept["logits"] = net.eval()(x)
        net.train()
        for steps, rate, prefix in [(1, 1.0, "first"), (3, 0.1, "third")]:
            net.load_state_dict(begun)
            optimizer = torch.optim.SGD(net.parameters(), lr=rate)
            for step in range(steps):
                logits = net(x)
                loss = nn.functional.cross_entropy(logits, y)
                if step == 0:
                    kept["training_logits"], kept["loss"] = logits.detach().clone(), loss.detach().reshape(1)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            for key, value in net.state_dict().items():
                if value.is_floating_point():
                    kept[f"{prefix}.{key}"] = value.clone()
        save_file(kept, here / f"{name}_steps.safetensors")
        print(name, sum(p.numel() for p in net.parameters()), kept["loss"], kept["logits"][0])


if __name__ == "__main__":
    main()
