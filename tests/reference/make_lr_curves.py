"""Writes lr_curves.json: what fastai suggests for curves that a search seldom gives.

    python tests/reference/make_lr_curves.py

Each goes through fastai 2.8.12's valley, slide, minimum and steep as in Learner.lr_find. null where
fastai raises an error, and in a curve where the loss is not a number.
"""

import json
import math
import random
from pathlib import Path

import torch
from fastai.callback.schedule import minimum, slide, steep, valley

START, END = 1e-7, 10.0
random.seed(42)


def noise(count, step):
    loss, losses = 2.3, []
    for _ in range(count):
        loss += random.uniform(-step, step)
        losses.append(loss)
    return losses


curves = {
    "flat": (100, [2.3] * 80),
    "rising": (100, [2.3 + 0.001 * step**2 for step in range(80)]),
    "falling": (100, [2.3 - 0.0003 * step**2 for step in range(80)]),
    "a wave": (100, [2.3 + math.sin(step / 7) for step in range(100)]),
    "no number from step 60 on": (100, noise(60, 0.05) + [math.nan] * 20),
    "no number from step 20 on": (100, noise(20, 0.05) + [math.nan] * 60),
    "few steps": (20, noise(20, 0.05)),
    "just enough for a slide": (16, noise(22, 0.05)),
}
curves |= {f"noise {index}": (100, noise(80, 0.01 * 3**index)) for index in range(3)}

written = []
for name, (num_it, losses) in curves.items():
    lrs = [START * (END / START) ** (step / num_it) for step in range(len(losses))]
    curve = {"name": name, "num_it": num_it, "lrs": lrs}
    curve["losses"] = [None if math.isnan(loss) else loss for loss in losses]
    seen_lrs = torch.tensor(lrs[num_it // 10 : -5])
    seen = torch.tensor(losses[num_it // 10 : -5])
    missing = torch.nonzero(torch.isnan(seen))
    if len(missing) > 0:
        seen_lrs, seen = seen_lrs[: missing.min()], seen[: missing.min()]
    for suggest in (valley, slide, minimum, steep):
        try:
            curve[suggest.__name__] = suggest(seen_lrs, seen, num_it)[0]
        except IndexError:
            curve[suggest.__name__] = None
    written.append(curve)
file = Path(__file__).with_name("lr_curves.json")
file.write_text("[\n" + ",\n".join(json.dumps(curve) for curve in written) + "\n]\n")
