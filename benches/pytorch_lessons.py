"""Accuracies of lessons 4 to 7 in PyTorch over many seeds, for comparison with the lessons.

    python benches/pytorch_lessons.py mnist_png    # the unpacked folder; half an hour

Needs torch, numpy and pillow.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy, one_hot


def load(root, part):
    def stack(digit):
        files = sorted((root / part / str(digit)).glob("*.png"))
        return np.stack([np.array(Image.open(file)) for file in files])

    stacks = [stack(digit) for digit in range(10)]
    y = torch.cat([torch.full((len(stack),), digit) for digit, stack in enumerate(stacks)])
    return torch.tensor(np.concatenate(stacks)).float().view(-1, 784) / 255, y


def normal_parameters(widths):
    shapes = [shape for i, o in zip(widths, widths[1:]) for shape in ((i, o), (o,))]
    return [torch.randn(shape).requires_grad_() for shape in shapes]


def mnist_loss(logits, y):
    p = logits.sigmoid()
    return torch.where(y == 1, 1 - p, p).mean()


def step(parameters, loss, lr):
    loss.backward()
    with torch.no_grad():
        for p in parameters:
            p -= lr * p.grad
            p.grad = None


def five_or_four(widths, train, valid):
    """100 full steps at learning rate 1, sigmoid between the layers."""
    p = normal_parameters(widths)

    def predict(x):
        x = x @ p[0] + p[1]
        return x.sigmoid() @ p[2] + p[3] if len(p) > 2 else x

    for _ in range(100):
        step(p, mnist_loss(predict(train[0]), train[1]), 1.0)
    with torch.no_grad():
        return ((predict(valid[0]) > 0).float() == valid[1]).float().mean().item()


def ten_digits(train, valid):
    """784-500-10, ReLU, batches of 1000, learning rate 50, 30 epochs."""
    p = normal_parameters([784, 500, 10])
    predict = lambda x: (x @ p[0] + p[1]).relu() @ p[2] + p[3]
    x, y = train[0], one_hot(train[1], 10).float()
    for _ in range(30):
        for batch in torch.randperm(len(x)).split(1000):
            step(p, mnist_loss(predict(x[batch]), y[batch]), 50.0)
    with torch.no_grad():
        return (predict(valid[0]).argmax(1) == valid[1]).float().mean().item()


def accuracies(logits, y):
    """The slip of [B] against [B, 1] in batches of 256, and the accuracy."""
    predicted = logits.argmax(1)
    pairs = zip(predicted.split(256), y.split(256))
    slip = torch.stack([(p == t.unsqueeze(1)).float().mean() for p, t in pairs]).mean().item()
    return slip, (predicted == y).float().mean().item()


def linear_learner(train, valid):
    """Cross-entropy, sorted batches of 256, learning rate 0.1, 20 epochs."""
    w, b = normal_parameters([784, 10])
    for _ in range(20):
        for x, y in zip(train[0].split(256), train[1].split(256)):
            step([w, b], cross_entropy(x @ w + b, y), 0.1)
    with torch.no_grad():
        return accuracies(valid[0] @ w + b, valid[1])


def learner(train, valid):
    """784-30-10, SGD, learning rate 1e-3, sorted batches of 256; after 10 and 20 epochs."""
    model = nn.Sequential(nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    found = []
    for epoch in range(20):
        for x, y in zip(train[0].split(256), train[1].split(256)):
            step(model.parameters(), cross_entropy(model(x), y), 1e-3)
        if epoch in (9, 19):
            with torch.no_grad():
                found += accuracies(model(valid[0]), valid[1])
    return tuple(found)


def over_seeds(name, seeds, run):
    found = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        found.append(np.atleast_1d(run()))
    for column in np.sort(np.array(found), axis=0).T:
        median = np.median(column)
        print(f"{name}: {seeds} seeds, {column[0]:.4f} to {column[-1]:.4f}, median {median:.4f}")


def main():
    root = Path(sys.argv[1])
    train, valid = load(root, "training"), load(root, "testing")

    def fours_and_fives(data):
        chosen = (data[1] == 4) | (data[1] == 5)
        return data[0][chosen], (data[1][chosen] == 5).float().unsqueeze(1)

    few, few_valid = fours_and_fives(train), fours_and_fives(valid)
    for widths in ([784, 1], [784, 50, 1], [784, 784, 1]):
        over_seeds(f"lesson 4 {widths}", 20, lambda: five_or_four(widths, few, few_valid))
    over_seeds("lesson 5", 6, lambda: ten_digits(train, valid))
    over_seeds("lesson 6, slip and accuracy", 10, lambda: linear_learner(train, valid))
    over_seeds("lesson 7, slip and accuracy at 10 and 20", 12, lambda: learner(train, valid))


if __name__ == "__main__":
    main()
