"""Writes metrics.safetensors: what scikit-learn and PyTorch say of fixed predictions.

    python tests/reference/make_metrics.py

From scikit-learn 1.9 and PyTorch 2.15.0. logits [103, 7] are of classes of uneven sizes, of which
class 5 is never predicted and class 6 has no item; targets [103] are the class indices. A share of
nothing is 0 (zero_division=0), and every class counts, also one without an item.

Tensors: confusion [7, 7] (actual, predicted); precision, recall, f1 and support [7] of each class;
grad.EPSILON [103, 7], the gradient of the smoothed cross-entropy; predictions and values [103, 3]
for the distances. And a tensor of one number for each of

    error_rate, top_k_accuracy K, SCORE AVERAGE, kappa, label_smoothing EPSILON, mse, rmse, mae

where SCORE is precision, recall, f0.5, f1 or f2 and AVERAGE is macro, micro or weighted.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from sklearn import metrics

ITEMS, CLASSES = 103, 7
labels = range(CLASSES)

torch.manual_seed(7)
sizes = torch.tensor([0.35, 0.25, 0.15, 0.12, 0.08, 0.05, 0.0])
targets = torch.multinomial(sizes, ITEMS, replacement=True)
logits = torch.randn(ITEMS, CLASSES)
logits[torch.arange(ITEMS), targets] += 1.0
logits[:, 5] -= 10.0
predicted = logits.argmax(1)
assert set(targets.tolist()) == {0, 1, 2, 3, 4, 5}
assert set(predicted.tolist()) == {0, 1, 2, 3, 4, 6}

numbers = {"error_rate": 1 - metrics.accuracy_score(targets, predicted)}
for k in range(1, 6):
    numbers[f"top_k_accuracy {k}"] = metrics.top_k_accuracy_score(
        targets, logits, k=k, labels=labels
    )
for average in ("macro", "micro", "weighted"):
    for beta in (0.5, 1, 2):
        precision, recall, score, _ = metrics.precision_recall_fscore_support(
            targets, predicted, beta=beta, labels=labels, average=average, zero_division=0
        )
        numbers[f"f{beta} {average}"] = score
    numbers[f"precision {average}"], numbers[f"recall {average}"] = precision, recall
numbers["kappa"] = metrics.cohen_kappa_score(targets, predicted)

precision, recall, f1, support = metrics.precision_recall_fscore_support(
    targets, predicted, labels=labels, zero_division=0
)
tensors = {
    "logits": logits,
    "targets": targets.int(),
    "confusion": torch.tensor(metrics.confusion_matrix(targets, predicted, labels=labels)).int(),
    "precision": torch.tensor(precision).float(),
    "recall": torch.tensor(recall).float(),
    "f1": torch.tensor(f1).float(),
    "support": torch.tensor(support).int(),
}

for epsilon in (0.0, 0.1, 0.3):
    x = logits.double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(x, targets, label_smoothing=epsilon)
    loss.backward()
    numbers[f"label_smoothing {epsilon}"] = loss.item()
    tensors[f"grad.{epsilon}"] = x.grad.float()

predictions, values = torch.randn(ITEMS, 3), torch.randn(ITEMS, 3)
tensors |= {"predictions": predictions, "values": values}
# Over all numbers, and not the mean of each column's root.
flat = values.double().flatten(), predictions.double().flatten()
numbers["mse"] = metrics.mean_squared_error(*flat)
numbers["rmse"] = metrics.root_mean_squared_error(*flat)
numbers["mae"] = metrics.mean_absolute_error(*flat)

file = Path(__file__).parent / "metrics.safetensors"
save_file(tensors | {name: torch.tensor([value]).float() for name, value in numbers.items()}, file)
for name, value in numbers.items():
    print(f"{name}: {value:.6f}")
