"""Writes explanations.safetensors: Grad-CAM and input gradients of PyTorch.

    python tests/reference/make_explanations.py

From PyTorch 2.15.0 and torchvision 0.29.2, in eval mode, for the nets of make_conv_models.py and
the first images x of their NAME_steps.safetensors: "NAME.score" [3, 5], the factors of the outputs
in each image's score, 1 for a class or -1 against it, whichever is hottest, since the heat of some
is 0 everywhere; "NAME.cam" [3, rows, columns], from the last feature maps; "NAME.pixels" [3,
height, width], that heat as `interpolate` enlarges it to the images' size; "NAME.gradient", that of
the score with respect to the images. For a perceptron: its state_dict ("mlp.*"), inputs "mlp.x" [4,
3, 5, 5], "mlp.score" [4, 3] and "mlp.gradient".
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from make_conv_models import ConcatPool, nets

IMAGES = 3


def last_maps(net):
    """Returns the body of a net, and its head."""
    if hasattr(net, "blocks"):
        return net.blocks, lambda maps: net.head(ConcatPool()(maps).flatten(1))
    layers = list(net.children())
    body = nn.Sequential(*layers[:-2])
    return body, lambda maps: net.fc(torch.flatten(net.avgpool(maps), 1))


def grad_cam(net, x, score):
    body, head = last_maps(net)
    maps = body(x).detach().requires_grad_()
    assert torch.allclose(head(maps), net(x), atol=1e-6)
    (gradient,) = torch.autograd.grad((head(maps) * score).sum(), maps)
    weights = gradient.mean((2, 3), keepdim=True)
    return torch.relu((weights * maps).sum(1)).detach()


def hottest_score(net, x):
    scores = torch.cat([torch.eye(5), -torch.eye(5)])
    heats = [grad_cam(net, x, score).amax((1, 2)) for score in scores]
    return scores[torch.stack(heats).argmax(0)]


def input_gradient(net, x, score):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((net(x) * score).sum(), x)
    return gradient


def main():
    here = Path(__file__).parent
    kept = {}
    for name, (_, make, (_, side)) in nets.items():
        net = make()
        net.load_state_dict(load_file(here / f"{name}.safetensors"))
        net.eval()
        x = load_file(here / f"{name}_steps.safetensors")["x"][:IMAGES]
        score = hottest_score(net, x)
        cam = grad_cam(net, x, score)
        pixels = nn.functional.interpolate(cam[:, None], (side, side), mode="bilinear")[:, 0]
        kept |= {f"{name}.score": score, f"{name}.cam": cam, f"{name}.pixels": pixels}
        kept[f"{name}.gradient"] = input_gradient(net, x, score)
        print(name, score.argmax(1), score.argmin(1), cam)

    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(3 * 25, 8), nn.ReLU(), nn.Linear(8, 3))
    x, score = torch.randn(4, 3, 5, 5), torch.randn(4, 3)
    kept |= {f"mlp.{key}": value for key, value in net.state_dict().items()}
    kept |= {"mlp.x": x, "mlp.score": score, "mlp.gradient": input_gradient(lambda x: net(x.flatten(1)), x, score)}
    save_file({key: value.contiguous() for key, value in kept.items()}, here / "explanations.safetensors")


if __name__ == "__main__":
    main()
