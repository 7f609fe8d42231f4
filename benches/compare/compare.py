"""PyTorch's side of compare: prints the seconds of a round of each variant when asked.

    python compare.py FOLDER WORKLOAD     # FOLDER holds mnist_png.tgz

For each line on standard input it prints one line of JSON: seconds by variant.
"""

import io
import json
import sys
import tarfile
import time

import torch
from torch import nn
from torch.nn import functional as F

CHANNELS_FIRST, CHANNELS_LAST = torch.contiguous_format, torch.channels_last


def mnist(path):
    """Pixels [images, 784] in [0, 1] and labels [images] of the training part."""
    from PIL import Image

    pixels, labels = [], []
    with tarfile.open(path) as archive:
        for member in archive:
            parts = member.name.split("/")
            if member.isfile() and "training" in parts and parts[-1].endswith(".png"):
                image = Image.open(io.BytesIO(archive.extractfile(member).read()))
                pixels.append(torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8))
                labels.append(int(parts[-2]))
    return torch.stack(pixels).float() / 255, torch.tensor(labels)


def mnist_loss(predictions, targets):
    p = predictions.sigmoid()
    return torch.where(targets == 1, 1 - p, p).mean()


def mlp(widths, activation):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


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
    return nn.Sequential(*layers, ConcatPool(), nn.Linear(2 * channels, 10))


def small_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 5 * 5, 256), nn.ReLU(), nn.Linear(256, 10),
    )


def resnet18():
    import torchvision

    return torchvision.models.resnet18(num_classes=10)


def sgd(parameters):
    return torch.optim.SGD(parameters, 0.1)


def adam(parameters):
    return torch.optim.Adam(parameters, 1e-3)


def fused(optimizer):
    def make(parameters):
        made = optimizer(parameters)
        return type(made)(made.param_groups[0]["params"], made.defaults["lr"], fused=True)

    return make


def rounds(model, optimizer, x, y, batch, loss_function, memory_format=None):
    """Returns a function that trains for an epoch of shuffled whole batches."""
    if memory_format is not None:
        model = model.to(memory_format=memory_format)
        x = x.contiguous(memory_format=memory_format)
    optimizer = optimizer(model.parameters())
    images = len(x) // batch * batch

    def epoch():
        order = torch.randperm(len(x))
        total = torch.zeros(())
        for start in range(0, images, batch):
            rows = order[start : start + batch]
            loss = loss_function(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.detach()
        return total.item()

    return epoch


def predictions(make, items, channels, size, batch):
    """The predictions of random images, by variant."""

    def variant(memory_format):
        model = make().eval().to(memory_format=memory_format)
        x = torch.randn(items, channels, size, size).contiguous(memory_format=memory_format)

        def predict():
            with torch.inference_mode():
                for images in x.split(batch):
                    model(images).softmax(1).tolist()

        return predict

    return {
        "channels first": variant(CHANNELS_FIRST),
        "channels last": variant(CHANNELS_LAST),
    }


def variants_of(name, folder):
    """The epochs of a workload, by variant."""
    if name.startswith("convnet, predict"):
        return predictions(convnet, 10_000, 1, 28, 250)
    if name.startswith("ResNet-18, 224 px, predict"):
        return predictions(resnet18, 20, 3, 224, 1)
    random = {
        "convnet": (convnet, 6400, 1, 28, 64),
        "small CNN": (small_cnn, 6144, 1, 28, 256),
        "ResNet-18, 64 px": (resnet18, 192, 3, 64, 64),
        "ResNet-18, 224 px": (resnet18, 32, 3, 224, 16),
    }
    for start, (model, items, channels, size, batch) in random.items():
        if name.startswith(start):
            x = torch.randn(items, channels, size, size)
            return images(model, x, torch.arange(items) % 10, batch)
    x, y = mnist(f"{folder}/mnist_png.tgz")
    few = (y == 4) | (y == 5)
    workloads = {
        "784-10,": ([784, 10], nn.ReLU, sgd, x, y, 256, F.cross_entropy),
        "784-30-10,": ([784, 30, 10], nn.ReLU, sgd, x, y, 256, F.cross_entropy),
        "784-100-10,": ([784, 100, 10], nn.ReLU, adam, x, y, 64, F.cross_entropy),
        "784-500-10, cross": ([784, 500, 10], nn.ReLU, adam, x, y, 64, F.cross_entropy),
        "784-500-10, mnist": (
            [784, 500, 10], nn.ReLU, sgd, x, F.one_hot(y, 10).float(), 1000, mnist_loss,
        ),
        "784-784-1,": (
            [784, 784, 1], nn.Sigmoid, sgd, x[few], (y[few] == 5).float().unsqueeze(1),
            int(few.sum()), mnist_loss,
        ),
    }
    for start, (widths, activation, optimizer, x, y, batch, loss) in workloads.items():
        if name.startswith(start):
            return {
                "plain": rounds(mlp(widths, activation), optimizer, x, y, batch, loss),
                "fused": rounds(mlp(widths, activation), fused(optimizer), x, y, batch, loss),
            }
    raise SystemExit(f"no workload {name}")


def images(model, x, y, batch):
    formats = {"channels first": CHANNELS_FIRST, "channels last": CHANNELS_LAST}
    optimizers = {"plain": adam, "fused": fused(adam)}
    return {
        f"{order}, {kind}": rounds(
            model(), optimizer, x, y, batch, F.cross_entropy, memory_format
        )
        for order, memory_format in formats.items()
        for kind, optimizer in optimizers.items()
    }


def main():
    folder, name = sys.argv[1:]
    variants = variants_of(name, folder)
    for _ in sys.stdin:
        seconds = {}
        for variant, epoch in variants.items():
            start = time.perf_counter()
            epoch()
            seconds[variant] = time.perf_counter() - start
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
