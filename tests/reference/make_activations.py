"""What PyTorch finds in the layers of two small nets: activations.json.

    python tests/reference/make_activations.py
"""

import json
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(0)


def layers_of(net, x):
    """Each linear layer's output behind its activation, the last one's as it is."""
    outputs = []
    for module in net:
        x = module(x)
        if isinstance(module, nn.Linear):
            outputs.append(x)
        else:
            outputs[-1] = x
    return outputs


def statistics(a):
    return {
        "shape": list(a.shape),
        "mean": a.mean().item(),
        "deviation": a.std().item(),
        "dead": (a.abs() <= 0.05).float().mean().item(),
    }


cases = []
for activation in ["relu", "sigmoid"]:
    between = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[activation]
    net = nn.Sequential(nn.Linear(6, 9), between(), nn.Linear(9, 7), between(), nn.Linear(7, 4))
    x = 3 * torch.randn(8, 6)
    with torch.no_grad():
        # Some sigmoids are all but zero, and some logits are.
        net[0].bias -= 0.5
        net[4].weight *= 0.2
        found = [statistics(a) for a in layers_of(net, x)]
    cases.append({
        "activation": activation,
        "x": x.flatten().tolist(),
        # Burn keeps a linear layer's weight as [inputs, outputs].
        "weights": [net[i].weight.detach().T.flatten().tolist() for i in (0, 2, 4)],
        "biases": [net[i].bias.detach().tolist() for i in (0, 2, 4)],
        "layers": found,
    })

file = Path(__file__).with_name("activations.json")
file.write_text(json.dumps(cases, indent=1) + "\n")
