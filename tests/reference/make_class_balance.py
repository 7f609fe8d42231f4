"""Writes class_balance.safetensors: what scikit-learn and PyTorch say of classes of uneven sizes.

    python tests/reference/make_class_balance.py

From scikit-learn 1.9 and PyTorch 2.15.0. Tensors: logits [50, 4] of targets [50], class indices;
weights [4], scikit-learn's class_weight="balanced"; own_weights [4], of which one is 0; and for each
of them, as WEIGHTS, and each share of label smoothing, loss.WEIGHTS.EPSILON, one number, and
grad.WEIGHTS.EPSILON [50, 4], its gradient.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.utils.class_weight import compute_class_weight

ITEMS, CLASSES = 50, 4

torch.manual_seed(11)
targets = torch.multinomial(torch.tensor([0.6, 0.25, 0.1, 0.05]), ITEMS, replacement=True)
targets[:CLASSES] = torch.arange(CLASSES)
logits = torch.randn(ITEMS, CLASSES) * 2
balanced = compute_class_weight("balanced", classes=np.arange(CLASSES), y=targets.numpy())
weights = {"weights": torch.tensor(balanced), "own_weights": torch.tensor([0.5, 3.0, 0.0, 1.25])}

tensors = {"logits": logits, "targets": targets.int()}
for name, weight in weights.items():
    tensors[name] = weight.float()
    for epsilon in (0.0, 0.1, 0.3):
        x = logits.double().requires_grad_()
        loss = torch.nn.functional.cross_entropy(
            x, targets, weight=weight.double(), label_smoothing=epsilon
        )
        loss.backward()
        tensors[f"loss.{name}.{epsilon}"] = loss.detach().reshape(1).float()
        tensors[f"grad.{name}.{epsilon}"] = x.grad.float()
        print(f"{name} {epsilon}: {loss.item():.6f}")

save_file(tensors, Path(__file__).parent / "class_balance.safetensors")
