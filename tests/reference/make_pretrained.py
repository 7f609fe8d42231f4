"""Writes what torchvision knows of its weights, and two files of torch.save.

    python tests/reference/make_pretrained.py

From torchvision 0.29.2 and PyTorch 2.15.0. assets/imagenet_classes.txt has the names of ImageNet's
classes. torchvision.json has the facts of the weights of its ResNets, without downloading them.
conv_net.pth and conv_net_legacy.pth are the state_dict of conv_net.safetensors, in today's format (a
zip archive) and in that before PyTorch 1.6 (pickles in a row).
"""

import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torchvision.models import ResNet18_Weights, ResNet34_Weights, ResNet50_Weights

here = Path(__file__).parent
facts = []
for weights in [*ResNet18_Weights, *ResNet34_Weights, *ResNet50_Weights]:
    transforms = weights.transforms()
    facts.append(
        {
            "architecture": type(weights).__name__.removesuffix("_Weights").lower(),
            "is_default": weights is type(weights).DEFAULT,
            "url": weights.url,
            "parameters": weights.meta["num_params"],
            "top1_percent": weights.meta["_metrics"]["ImageNet-1K"]["acc@1"],
            "mebibytes": weights.meta["_file_size"],
            "resize": transforms.resize_size[0],
            "crop": transforms.crop_size[0],
            "filter": transforms.interpolation.value,
            "mean": transforms.mean,
            "std": transforms.std,
        }
    )
(here / "torchvision.json").write_text(json.dumps(facts, indent=1) + "\n")

classes = ResNet18_Weights.DEFAULT.meta["categories"]
(here.parents[1] / "assets/imagenet_classes.txt").write_text("\n".join(classes) + "\n")

tensors = OrderedDict(load_file(here / "conv_net.safetensors"))
torch.save(tensors, here / "conv_net.pth")
torch.save(tensors, here / "conv_net_legacy.pth", _use_new_zipfile_serialization=False)
