"""Both ways through a real PyTorch; the test suite runs it where PyTorch and safetensors are.

    python tests/pytorch.py FOLDER

FOLDER holds fastburn's model files linear.safetensors and deep.safetensors, and what fastburn makes
of an input x in NAME_io.safetensors. Checks that PyTorch, with those weights, makes the same of it.
Then writes a net of PyTorch's own, as torch.save and as safetensors write it, and its logits.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

folder = Path(sys.argv[1])
modules = {
    "linear": nn.Linear(784, 10),
    "deep": nn.Sequential(
        nn.Linear(784, 20), nn.Sigmoid(), nn.Linear(20, 15), nn.Sigmoid(), nn.Linear(15, 10)
    ),
}
for name, module in modules.items():
    file = folder / f"{name}.safetensors"
    module.load_state_dict(load_file(file), strict=True)
    io = load_file(folder / f"{name}_io.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(module(io["x"]), io["logits"], rtol=1e-5, atol=1e-5)
    with safe_open(file, framework="pt") as opened:
        card = json.loads(opened.metadata()["fastburn"])
    assert card["classes"] == [str(digit) for digit in range(10)], card
    print(f"{name}: {sum(p.numel() for p in module.parameters())} parameters, equal logits")

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(784, 25), nn.ReLU(), nn.Linear(25, 10))
x = load_file(folder / "linear_io.safetensors")["x"]
torch.save(net.state_dict(), folder / "from_torch.pt")
save_file(net.state_dict(), folder / "from_torch.safetensors")
with torch.no_grad():
    save_file({"logits": net(x)}, folder / "from_torch_io.safetensors")
print(f"written by PyTorch {torch.__version__}")
