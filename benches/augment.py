"""fastai's transforms of batches on the CPU, for `cargo bench --bench augment`.

Also Pillow's rotation of single images by one process for each core, as fastai's workers do before
batches.
"""

import time
import warnings
from multiprocessing import Pool

warnings.filterwarnings("ignore")

import torch
from fastai.vision.all import TensorImage
from fastai.vision.augment import Hue, RandomErasing, Rotate, Saturation, Zoom, aug_transforms, setup_aug_tfms
from PIL import Image

BATCH = 64


def rate(channels, side, tfms, images):
    x = TensorImage(torch.rand(BATCH, channels, side, side))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(images // BATCH):
            y = x
            for tfm in tfms:
                y = tfm(y, split_idx=0)
        best = min(best, time.perf_counter() - start)
    return images / best


def rotate(side):
    image = Image.new("RGB" if side > 28 else "L", (side, side))
    start = time.perf_counter()
    for angle in range(2000):
        image.rotate(angle % 20 - 10, resample=Image.BILINEAR)
    return 2000 / (time.perf_counter() - start)


if __name__ == "__main__":
    digits = setup_aug_tfms([Rotate(10, p=0.75, pad_mode="zeros"), Zoom(0.9, 1.1, p=0.75, pad_mode="zeros")])
    colours = aug_transforms(xtra_tfms=[Saturation(0.2), Hue(0.1), RandomErasing(0.5)])
    rows = [
        ("28×28 grey", "fastai, rotate and zoom", rate(1, 28, digits, 12_800)),
        ("128×128 colour", "fastai, aug_transforms()", rate(3, 128, aug_transforms(), 1_280)),
        ("128×128 colour", "fastai, with saturation, hue and erasing", rate(3, 128, colours, 1_280)),
    ]
    processes = torch.get_num_threads()
    with Pool(processes) as pool:
        for side, name in [(28, "28×28 grey"), (128, "128×128 colour")]:
            total = sum(pool.map(rotate, [side] * processes))
            rows.append((name, f"Pillow's rotation alone, {processes} processes", total))
    for name, policy, images in rows:
        print(f"{name:<16}  {policy:<44}  {images:>8.0f}")
