"""The workloads of convnets.rs in PyTorch, with its two orders of memory.

    pip install torch torchvision
    python benches/pytorch_convnets.py
"""

import statistics
import time

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

ROUNDS = 7
BATCH = 64
CLASSES = 10


class ConcatPool(nn.Module):
    def forward(self, x):
        return torch.cat([x.amax((2, 3)), x.mean((2, 3))], 1)


def convnet():
    """fastburn's convnet for grey images of 28×28."""
    layers, channels = [], 1
    for width, kernel, stride in [(16, 5, 2), (32, 3, 2), (64, 3, 1)]:
        conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        layers += [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        channels = width
    return nn.Sequential(*layers, ConcatPool(), nn.Linear(2 * channels, CLASSES))


def measure(name, model, shape, steps, memory_format):
    model = model.to(memory_format=memory_format)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    x = torch.randn(BATCH * steps, *shape).contiguous(memory_format=memory_format)
    y = torch.arange(BATCH * steps) % CLASSES
    times = []
    for round in range(ROUNDS + 1):
        start = time.perf_counter()
        for first in range(0, len(x), BATCH):
            rows = slice(first, first + BATCH)
            loss = F.cross_entropy(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if round > 0:
            times.append((time.perf_counter() - start) / steps)
    step = statistics.median(times)
    order = "channels last" if memory_format == torch.channels_last else "channels first"
    print(f"{name:<24}  {order:<14}  {1e3 * step:>7.2f} ms  {BATCH / step:>8.0f}", flush=True)


def main():
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'workload':<24}  {'memory':<14}  step        images/s")
    for memory_format in [torch.contiguous_format, torch.channels_last]:
        measure("convnet 1×28×28, 64", convnet(), (1, 28, 28), 100, memory_format)
        resnet = torchvision.models.resnet18(num_classes=CLASSES)
        measure("resnet18 3×64×64, 64", resnet, (3, 64, 64), 3, memory_format)


if __name__ == "__main__":
    main()
