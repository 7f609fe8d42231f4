"""The workloads of learner.rs in PyTorch: its fastest loop, over tensors that stay in memory.

    pip install torch pillow
    python benches/pytorch.py FOLDER      # the folder holds mnist_png.tgz
"""

import io
import statistics
import sys
import tarfile
import time

import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

ROUNDS = 7


def load(path):
    """Pixels [images, 784] in [0, 1] and labels [images] of the training part."""
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


def measure(name, model, x, y, batch, loss_function, lr=0.1):
    parameters = list(model.parameters())
    images = len(x) // batch * batch

    def epoch():
        order = torch.randperm(len(x))
        total = torch.zeros(())
        for start in range(0, images, batch):
            rows = order[start : start + batch]
            loss = loss_function(model(x[rows]), y[rows])
            loss.backward()
            with torch.no_grad():
                torch._foreach_add_(parameters, [p.grad for p in parameters], alpha=-lr)
                total += loss.detach()
            for p in parameters:
                p.grad = None
        return total.item()

    times = []
    for round in range(ROUNDS + 1):
        start = time.perf_counter()
        epoch()
        if round > 0:
            times.append(time.perf_counter() - start)
    median = statistics.median(times)
    print(f"{name:<34}  {median:.4f} s  {images / median:>9.0f}", flush=True)


def main():
    x, y = load(f"{sys.argv[1]}/mnist_png.tgz")
    few = (y == 4) | (y == 5)
    x_few, y_few = x[few], (y[few] == 5).float().unsqueeze(1)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'workload':<34}  epoch      images/s")
    linear = nn.Linear(784, 10)
    small = nn.Sequential(nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    wide = nn.Sequential(nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 10))
    sigmoid = nn.Sequential(nn.Linear(784, 784), nn.Sigmoid(), nn.Linear(784, 1))
    measure("784-10 cross-entropy, 256", linear, x, y, 256, F.cross_entropy)
    measure("784-30-10 cross-entropy, 256", small, x, y, 256, F.cross_entropy)
    one_hot = F.one_hot(y, 10).float()
    measure("784-500-10 mnist_loss, 1000", wide, x, one_hot, 1000, mnist_loss)
    measure("784-784-1 sigmoid mnist_loss, all", sigmoid, x_few, y_few, len(x_few), mnist_loss)


if __name__ == "__main__":
    main()
