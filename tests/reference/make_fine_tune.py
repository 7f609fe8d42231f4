"""Writes fine_tune.safetensors: what fastai's fine_tune makes of a small net with a norm.

    python tests/reference/make_fine_tune.py

From PyTorch and fastai 2.8.12, in float32 on a CPU. The net is Linear(3, 5), BatchNorm1d(5), ReLU,
Linear(5, 2), the last layer being its head. It first trains for one epoch at a constant rate, so
that Adam has moments, and then `fine_tune(2, base_lr=0.1, freeze_epochs=2)`, on three batches of
four rows, in order, with the mean squared error. The file holds the rows x [12, 3] and y [12, 2],
the weights "start.NAME", those after the frozen epochs "frozen.NAME" and at the end "end.NAME", and
the learning rate of the head, its momentum and the loss of each of the 15 steps.
"""

from pathlib import Path

import torch
import fastai.callback.schedule  # noqa: F401 (adds fine_tune)
from fastai.basics import Adam, Callback, DataLoader, DataLoaders, Learner, params
from safetensors.torch import save_file

torch.manual_seed(5)
x, y = torch.randn(12, 3), torch.randn(12, 2)
net = torch.nn.Sequential(
    torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5), torch.nn.ReLU(), torch.nn.Linear(5, 2)
)
names = {"first": net[0], "norm": net[1], "last": net[3]}


def weights(when):
    found = {}
    for name, layer in names.items():
        for param, value in layer.named_parameters():
            found[f"{when}.{name}.{param}"] = value.detach().clone()
    return found


class Watch(Callback):
    """Keeps the hyperparameters and the loss of each step, and the weights after each fit."""

    order = 100
    steps, fits = [], []

    def after_batch(self):
        if self.training:
            hyper = self.opt.hypers[-1]
            self.steps.append((hyper["lr"], hyper["mom"], self.loss.item()))

    def after_fit(self):
        self.fits.append([weights(when) for when in ("frozen", "end")])


rows = list(zip(x, y))
dls = DataLoaders(DataLoader(rows, bs=4, shuffle=False), DataLoader(rows, bs=4, shuffle=False))
learn = Learner(
    dls, net, loss_func=torch.nn.MSELoss(), opt_func=Adam, cbs=Watch(),
    splitter=lambda net: [params(net[:3]), params(net[3])],
)
tensors = {"x": x, "y": y} | weights("start")
with learn.no_logging():
    learn.fit(1, 0.01)
    learn.fine_tune(2, base_lr=0.1, freeze_epochs=2)
tensors |= Watch.fits[1][0] | Watch.fits[2][1]
for name, values in zip(("lr", "momentum", "loss"), zip(*Watch.steps)):
    tensors[name] = torch.tensor([float(value) for value in values])
assert tensors["lr"].shape == (15,)
save_file(tensors, Path(__file__).parent / "fine_tune.safetensors")
