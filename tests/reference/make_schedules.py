"""Writes schedules.json: fastai's schedules at 40 places of the way.

    python tests/reference/make_schedules.py

Computed by fastai 2.8.12's fastai.callback.schedule; sgdr is put together as in fit_sgdr.
"""

import json
from pathlib import Path

from fastai.callback.schedule import (
    SchedCos,
    SchedExp,
    SchedLin,
    SchedNo,
    SchedPoly,
    combine_scheds,
    combined_cos,
)

CYCLES, CYCLE_LENGTH, CYCLE_MULT, LR_MAX = 3, 2, 3, 1e-2

epochs = CYCLE_LENGTH * (CYCLE_MULT**CYCLES - 1) // (CYCLE_MULT - 1)
shares = [CYCLE_LENGTH * CYCLE_MULT**cycle / epochs for cycle in range(CYCLES)]
schedules = {
    "constant": SchedNo(0.3, 0.7),
    "linear": SchedLin(0.3, 0.7),
    "cosine": SchedCos(0.7, 0.3),
    "exponential": SchedExp(1e-4, 10.0),
    "polynomial": SchedPoly(0.3, 0.7, 3),
    "combined": combine_scheds(
        [0.25, 0.5, 0.25], [SchedLin(0.0, 1.0), SchedNo(1.0, 1.0), SchedExp(1.0, 0.01)]
    ),
    "combined_cosine": combined_cos(0.3, 0.1, 1.0, 0.01),
    "sgdr_lr": combine_scheds(shares, [SchedCos(LR_MAX, 0)] * CYCLES),
}
pos = [step / 40 for step in range(40)]
values = {"pos": pos, "sgdr_epochs": epochs}
values |= {name: [schedule(p) for p in pos] for name, schedule in schedules.items()}
file = Path(__file__).with_name("schedules.json")
file.write_text(json.dumps(values, indent=1) + "\n")
