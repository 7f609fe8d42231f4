"""Writes optimizers.safetensors: what PyTorch's and fastai's optimizers make of fixed gradients.

    python tests/reference/make_optimizers.py

From PyTorch 2.15.0 and fastai 2.8.12, in float32 on a CPU. Each case starts at start.weight [3, 4]
and start.bias [4], takes the 20 gradients grad.weight [20, 3, 4] and grad.bias [20, 4], and holds
the parameters after each step as CASE.weight and CASE.bias. The metadata's "cases" is a JSON object
from each case's name to its options:

    source          "pytorch" or "fastai"
    kind            "sgd", "adam" or "rmsprop"
    lr, momentum    one number, or a list with one for each step
    sqr_mom, eps    of Adam (beta2) and RMSProp (alpha)
    weight_decay    0 for none
    decoupled       whether the decay shrinks the parameter by lr * weight_decay, and does not join
                    the gradient
    decay_biases    whether the bias decays as the weight does
    clip_value      the largest size of each number of a gradient, before the step
    clip_norm       the largest norm of all gradients together, before the step

Momentum differs between the two in one place: for RMSProp, PyTorch averages gradients that it has
divided already; fastai divides the averaged ones.
"""

import json
from pathlib import Path

import torch
from fastai import optimizer as fastai
from safetensors.torch import save_file

STEPS = 20
LINEAR = [step / (STEPS - 1) for step in range(STEPS)]

torch.manual_seed(20)
start = {"weight": torch.randn(3, 4), "bias": torch.randn(4)}
grads = {"weight": torch.randn(STEPS, 3, 4), "bias": torch.randn(STEPS, 4)}


def case(source, kind, lr, **options):
    common = dict(momentum=0.0, weight_decay=0.0, decoupled=False, decay_biases=True)
    return dict(source=source, kind=kind, lr=lr, **(common | options))


def pytorch(kind, lr, **options):
    return case("pytorch", kind, lr, **options)


def of_fastai(kind, lr, **options):
    return case("fastai", kind, lr, **options)


cases = {
    "sgd": pytorch("sgd", 0.1),
    "sgd decayed": pytorch("sgd", 0.1, weight_decay=0.1),
    "sgd clipped by value": pytorch("sgd", 0.1, clip_value=0.5),
    "sgd clipped by norm": pytorch("sgd", 0.1, clip_norm=1.0),
    "momentum": pytorch("sgd", 0.1, momentum=0.9),
    "momentum decayed": pytorch("sgd", 0.1, momentum=0.9, weight_decay=0.1),
    "adam": pytorch("adam", 0.1, momentum=0.9, sqr_mom=0.999, eps=1e-8),
    "adam decayed": pytorch(
        "adam", 0.1, momentum=0.9, sqr_mom=0.999, eps=1e-8, weight_decay=0.1
    ),
    "adamw": pytorch(
        "adam", 0.1, momentum=0.9, sqr_mom=0.999, eps=1e-8, weight_decay=0.01, decoupled=True
    ),
    "adamw decayed": pytorch(
        "adam", 0.1, momentum=0.8, sqr_mom=0.99, eps=1e-6, weight_decay=0.1, decoupled=True
    ),
    "rmsprop": pytorch("rmsprop", 0.01, sqr_mom=0.99, eps=1e-8),
    "rmsprop momentum decayed": pytorch(
        "rmsprop", 0.01, momentum=0.9, sqr_mom=0.99, eps=1e-8, weight_decay=0.1
    ),
    "fastai sgd": of_fastai("sgd", 0.1, momentum=0.9, weight_decay=0.1, decoupled=True),
    "fastai sgd l2": of_fastai("sgd", 0.1, momentum=0.9, weight_decay=0.1),
    "fastai sgd scheduled": of_fastai(
        "sgd",
        [0.1 - 0.09 * pos for pos in LINEAR],
        momentum=[0.95 - 0.1 * pos for pos in LINEAR],
    ),
    # fastai's defaults; its Learner decays no bias.
    "fastai adam": of_fastai(
        "adam", 0.1, momentum=0.9, sqr_mom=0.99, eps=1e-5, weight_decay=0.01, decoupled=True,
        decay_biases=False,
    ),
    "fastai adam l2": of_fastai(
        "adam", 0.1, momentum=0.9, sqr_mom=0.99, eps=1e-5, weight_decay=0.1
    ),
    "fastai adam scheduled": of_fastai(
        "adam",
        [0.01 + 0.09 * pos for pos in LINEAR],
        momentum=[0.95 - 0.1 * pos for pos in LINEAR],
        sqr_mom=0.99, eps=1e-5, weight_decay=0.01, decoupled=True, decay_biases=False,
    ),
    "fastai rmsprop": of_fastai("rmsprop", 0.01, sqr_mom=0.99, eps=1e-8),
    "fastai rmsprop momentum": of_fastai(
        "rmsprop", 0.01, momentum=0.9, sqr_mom=0.99, eps=1e-8, weight_decay=0.1, decoupled=True
    ),
}


def at(value, step):
    return value[step] if isinstance(value, list) else value


def make_pytorch(params, o):
    lr, momentum, weight_decay = o["lr"], o["momentum"], o["weight_decay"]
    if o["kind"] == "sgd":
        return torch.optim.SGD(params, lr=lr, momentum=momentum, weight_decay=weight_decay)
    if o["kind"] == "rmsprop":
        return torch.optim.RMSprop(
            params, lr=lr, alpha=o["sqr_mom"], eps=o["eps"], momentum=momentum,
            weight_decay=weight_decay,
        )
    form = torch.optim.AdamW if o["decoupled"] else torch.optim.Adam
    betas = (momentum, o["sqr_mom"])
    return form(params, lr=lr, betas=betas, eps=o["eps"], weight_decay=weight_decay)


def make_fastai(params, o):
    weight, bias = params
    form = {"sgd": fastai.SGD, "adam": fastai.Adam, "rmsprop": fastai.RMSProp}[o["kind"]]
    squares = {key: o[key] for key in ("sqr_mom", "eps") if key in o}
    if o["kind"] == "rmsprop":
        assert squares.pop("eps") == 1e-8  # RMSProp takes an eps and does not use it.
    optimizer = form(
        [weight, bias], lr=at(o["lr"], 0), mom=at(o["momentum"], 0), wd=o["weight_decay"],
        decouple_wd=o["decoupled"], **squares,
    )
    if not o["decay_biases"]:
        optimizer.state[bias]["do_wd"] = False
    return optimizer


def run(o):
    params = {name: torch.nn.Parameter(value.clone()) for name, value in start.items()}
    make = make_pytorch if o["source"] == "pytorch" else make_fastai
    optimizer = make(list(params.values()), o)
    after = {name: [] for name in params}
    for step in range(STEPS):
        for name, param in params.items():
            # A copy, since an L2 decay adds to the gradient in place.
            param.grad = grads[name][step].clone()
        if "clip_value" in o:
            torch.nn.utils.clip_grad_value_(params.values(), o["clip_value"])
        if "clip_norm" in o:
            torch.nn.utils.clip_grad_norm_(params.values(), o["clip_norm"])
        if o["source"] == "fastai":
            optimizer.set_hypers(lr=at(o["lr"], step), mom=at(o["momentum"], step))
        optimizer.step()
        for name, param in params.items():
            after[name].append(param.detach().clone())
    return {name: torch.stack(values) for name, values in after.items()}


tensors = {f"start.{name}": value for name, value in start.items()}
tensors |= {f"grad.{name}": value for name, value in grads.items()}
for name, options in cases.items():
    tensors |= {f"{name}.{param}": values for param, values in run(options).items()}
file = Path(__file__).parent / "optimizers.safetensors"
save_file(tensors, file, metadata={"cases": json.dumps(cases)})
print(f"{len(cases)} cases in {file.stat().st_size} bytes")
