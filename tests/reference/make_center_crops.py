"""Writes center_crops.json: how torchvision resizes images in proportion and crops the centre.

    python tests/reference/make_center_crops.py

Computed by torchvision 0.29.2 on images of Pillow 13.0.0. Files, pixels and numbers (32-bit floats,
little-endian) are hex digits; pixels and numbers stand channels first. Sources are a formula, so
that they need not be stored, and of large results only some rows are.
"""

import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.transforms import InterpolationMode, v2

FILTERS = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "lanczos": InterpolationMode.LANCZOS,
}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# Channels, height, width: landscape, portrait, square, and sides with odd and even margins.
SMALL = [
    (1, 50, 75), (3, 75, 50), (1, 47, 63), (3, 61, 46), (3, 41, 40), (1, 40, 47), (3, 33, 97),
    (1, 20, 31), (3, 32, 33), (1, 40, 40), (1, 90, 33), (1, 9, 200),
]
LARGE = [(3, 300, 400), (1, 403, 301), (3, 227, 299)]


def formula(channels, height, width):
    """Waves of all lengths: `[height, width, channels]`."""
    c, y, x = np.mgrid[0:channels, 0:height, 0:width]
    values = (7 * x * x + 5 * y * y + (3 + c) * x * y + 400 * c) // 16 % 256
    return values.transpose(1, 2, 0).astype(np.uint8)


def image(array):
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def cropped(picture, name, shorter_side, crop):
    """The pixels that a network is given, `[channels, height, width]`, before their scaling."""
    transform = v2.Compose([
        v2.Resize(shorter_side, interpolation=FILTERS[name], antialias=True),
        v2.CenterCrop(crop),
        v2.ToImage(),
    ])
    return transform(picture)


def case(picture, name, shorter_side, crop, rows=None):
    pixels = cropped(picture, name, shorter_side, crop).numpy()
    rows = list(range(crop[0])) if rows is None else rows
    return {
        "source": [len(picture.getbands()), picture.height, picture.width],
        "filter": name,
        "shorter_side": shorter_side,
        "shape": list(pixels.shape),
        "rows": rows,
        "pixels": pixels[:, rows].tobytes().hex(),
    }


def cases():
    for shape in SMALL:
        for name in FILTERS:
            yield case(image(formula(*shape)), name, 40, [32, 32], [0, 1, 15, 31])
        yield case(image(formula(*shape)), "bilinear", 32, [32, 32], [0, 13, 31])
        yield case(image(formula(*shape)), "bilinear", 37, [20, 33], [0, 7, 19])
        yield case(image(formula(*shape)), "bicubic", 13, [10, 9])
    for shape in LARGE:
        for name in ("bilinear", "bicubic"):
            yield case(image(formula(*shape)), name, 256, [224, 224], [0, 1, 112, 223])


def turned():
    """A PNG file in each EXIF orientation. The crop has odd margins along one or both sides."""
    for channels, height, width in [(1, 31, 45), (3, 38, 27)]:
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = orientation
            file = io.BytesIO()
            image(formula(channels, height, width)).save(file, "PNG", exif=exif)
            upright = ImageOps.exif_transpose(Image.open(file))
            name, side, crop = ("bilinear", 16, [11, 14]) if channels == 1 else ("bicubic", 13, [8, 10])
            yield {**case(upright, name, side, crop), "content": file.getvalue().hex()}


def numbers():
    """A network's inputs: `ToDtype` and `Normalize` after a crop of unchanged pixels."""
    transform = v2.Compose([
        v2.Resize(16, antialias=True),
        v2.CenterCrop([16, 15]),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ])
    return transform(image(formula(3, 16, 20))).numpy().astype("<f4").tobytes().hex()


def main():
    out = {"cases": list(cases()), "turned": list(turned()), "numbers": numbers()}
    Path(__file__).with_name("center_crops.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
