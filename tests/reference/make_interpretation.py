"""Makes interpretation.json: what scikit-learn says of fixed outputs of a model.

Run it with numpy, scipy and scikit-learn: `python make_interpretation.py`.
"""

import json
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax
from sklearn.metrics import (
    classification_report,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
)

CLASSES = ["cat", "dog", "newt", "owl", "yak"]
ITEMS = 60

rng = np.random.default_rng(7)
# No item is a yak, and none is taken for one.
actual = rng.integers(0, 4, ITEMS)
outputs = rng.normal(0, 1.5, (ITEMS, 5))
outputs[np.arange(ITEMS), actual] += 1.5
outputs[:, 4] -= 20
# Numbers that a softmax without care overflows at.
outputs[7] *= 60
outputs = outputs.astype(np.float32)

every = list(range(5))
probabilities = softmax(outputs.astype(np.float64), axis=1)
predicted = probabilities.argmax(axis=1)
# scikit-learn clips probabilities before their logarithm, which item 7 would be changed by.
losses = [
    log_loss([actual[i]], probabilities[i : i + 1], labels=every) if i != 7 else
    float(np.logaddexp.reduce(outputs[i].astype(np.float64)) - outputs[i, actual[i]])
    for i in range(ITEMS)
]
counts = confusion_matrix(actual, predicted, labels=every)
pairs = [
    (CLASSES[a], CLASSES[p], int(counts[a, p]))
    for a in every for p in every if a != p and counts[a, p] >= 2
]
scores = precision_recall_fscore_support(actual, predicted, labels=every, zero_division=0)
report = classification_report(
    actual, predicted, target_names=CLASSES[:4], output_dict=True, zero_division=0
)
one_hot = np.eye(5)[actual]
values = {
    "classes": CLASSES,
    "actual": actual.tolist(),
    "outputs": outputs.tolist(),
    "softmax": {
        "probabilities": probabilities.tolist(),
        "predicted": predicted.tolist(),
        "losses": losses,
        "top_losses": np.argsort(-np.array(losses), kind="stable")[:9].tolist(),
        "counts": counts.tolist(),
        "most_confused": sorted(pairs, key=lambda pair: -pair[2]),
        "scores": [column.tolist() for column in scores],
        "report": report,
    },
    # mnist_loss of each item: the mean over its outputs of |target - sigmoid(output)|.
    "sigmoid": {
        "probabilities": expit(outputs.astype(np.float64)).tolist(),
        "losses": np.abs(one_hot - expit(outputs.astype(np.float64))).mean(axis=1).tolist(),
    },
}
Path(__file__).with_name("interpretation.json").write_text(json.dumps(values) + "\n")
