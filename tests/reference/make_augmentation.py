"""Writes augmentation.safetensors: images changed by fastai with its draws fixed.

    python tests/reference/make_augmentation.py

From fastai 2.8.12, PyTorch 2.15.0 and timm. "wide" [3, 20, 31] and "square" [1, 28, 28] are the
images, 0 to 255; "IMAGE.CHANGE" is what becomes of them, 0 to 1. "IMAGE.PADDING" is PyTorch's
`grid_sample` at the affine map "theta" [2, 3]. "erased_shares" [200] are shares of images that
timm's random erasing fills, sorted: every hundredth of 20,000. "IMAGE.tv_CHANGE" is what
torchvision's functional makes of the bytes, 0 to 255.
"""

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from fastai.vision.all import TensorImage
from fastai.vision.augment import (
    Brightness, Contrast, Flip, Hue, Rotate, Saturation, Warp, Zoom, setup_aug_tfms,
)
from safetensors.torch import save_file
from torchvision.transforms import functional as tv
from timm.data.random_erasing import RandomErasing

torch.manual_seed(0)
random.seed(0)


def picture(channels, height, width):
    """A smooth picture with a sharp box, so that errors of half a pixel show."""
    y, x = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 4, width), indexing="ij")
    planes = [0.5 + 0.4 * torch.sin(x * (c + 1) + c) * torch.cos(y * (2 - 0.5 * c)) for c in range(channels)]
    image = torch.stack(planes)
    image[:, height // 4: height // 2, width // 3: width // 2] = torch.linspace(0, 1, channels + 1)[1:, None, None]
    return (image * 255).round().to(torch.uint8)


wide, square = picture(3, 20, 31), picture(1, 28, 28)
tensors = {"wide": wide.float(), "square": square.float()}


def as_batch(image):
    return TensorImage(image.float()[None] / 255)


def changed(name, image, tfms):
    batch = as_batch(image)
    for tfm in setup_aug_tfms(tfms):
        batch = tfm(batch, split_idx=0)
    tensors[name] = batch[0].contiguous().as_subclass(torch.Tensor)


for name, image in [("wide", wide), ("square", square)]:
    changed(f"{name}.rotate", image, [Rotate(draw=17.0, p=1.0)])
    changed(f"{name}.flip", image, [Flip(draw=1, p=1.0)])
    changed(f"{name}.zoom", image, [Zoom(draw=1.3, draw_x=0.2, draw_y=0.9, p=1.0)])
    changed(f"{name}.zoom_out", image, [Zoom(draw=0.7, draw_x=0.4, draw_y=0.6, p=1.0)])
    changed(f"{name}.warp", image, [Warp(draw_x=0.15, draw_y=-0.2, p=1.0)])
    changed(f"{name}.brightness", image, [Brightness(draw=0.58, p=1.0)])
    changed(f"{name}.contrast", image, [Contrast(draw=1.22, p=1.0)])
    changed(f"{name}.light", image, [Brightness(draw=0.42, p=1.0), Contrast(draw=0.85, p=1.0)])
changed("wide.saturation", wide, [Saturation(draw=1.4, p=1.0)])
changed("wide.all_light", wide, [Brightness(draw=0.45, p=1.0), Contrast(draw=1.1, p=1.0), Saturation(draw=0.7, p=1.0)])
changed("wide.hue", wide, [Hue(draw=0.93, p=1.0)])
changed("square.all", square, [
    Flip(draw=1, p=1.0), Warp(draw_x=-0.1, draw_y=0.12, p=1.0), Rotate(draw=-9.0, p=1.0),
    Zoom(draw=1.08, draw_x=0.7, draw_y=0.3, p=1.0), Brightness(draw=0.55, p=1.0),
    Contrast(draw=0.9, p=1.0),
])

# An affine map that leads far beyond the border, by PyTorch alone.
theta = torch.tensor([[[1.7, 0.6, 0.3], [-0.5, 2.2, -0.4]]])
tensors["theta"] = theta[0]
for padding in ["zeros", "border", "reflection"]:
    for name, image in [("wide", wide), ("square", square)]:
        batch = as_batch(image).as_subclass(torch.Tensor)
        grid = F.affine_grid(theta, batch.shape, align_corners=True)
        sampled = F.grid_sample(batch, grid, mode="bilinear", padding_mode=padding, align_corners=True)
        tensors[f"{name}.{padding}"] = sampled[0].contiguous()

erase = RandomErasing(probability=1.0, min_area=0.0, max_area=0.3, mode="const", device="cpu")
shares = []
for _ in range(20_000):
    shares.append((erase(torch.ones(1, 40, 60)) == 0).float().mean().item())
tensors["erased_shares"] = torch.tensor(sorted(shares))[50::100].contiguous()

for name, image in [("wide", wide), ("square", square)]:
    for change, result in {
        "brightness_1.6": tv.adjust_brightness(image, 1.6),
        "colour_0.3": tv.adjust_saturation(image, 0.3),
        "contrast_1.7": tv.adjust_contrast(image, 1.7),
        "sharpness_1.9": tv.adjust_sharpness(image, 1.9),
        "posterize_3": tv.posterize(image, 3),
        "solarize_140": tv.solarize(image, 140),
        "autocontrast": tv.autocontrast(image),
        "equalize": tv.equalize(image),
    }.items():
        tensors[f"{name}.tv_{change}"] = result.float()

save_file(tensors, Path(__file__).with_name("augmentation.safetensors"))
