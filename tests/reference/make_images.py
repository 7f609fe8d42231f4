"""Writes images.json: small image files of every kind, and what Pillow makes of them.

    python tests/reference/make_images.py

Computed by Pillow 13.0.0. Files and pixels are hex digits; pixels stand channels
first, as `[channels, height, width]`.
"""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HEIGHT, WIDTH = 6, 9
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Where each pass of an interlaced PNG begins, and how far its pixels are apart: x, y, dx, dy.
ADAM7 = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]


def smooth(height, width, channels, seed):
    """Slopes and waves, which JPEG keeps well."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = [
        127 + 80 * np.sin(x / (3 + c) + seed) + 40 * np.cos(y / (2 + c) - seed)
        for c in range(channels)
    ]
    return np.stack(waves, -1).clip(0, 255).astype(np.uint8)


def noise(height, width, channels, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def image(array):
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def saved(picture, form, **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def png(header, rows):
    """A PNG by hand, of what Pillow does not write; each row has its filter byte already."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def interlaced(array):
    height, width, _ = array.shape
    rows = b""
    for x, y, dx, dy in ADAM7:
        part = array[y::dy, x::dx]
        if part.size:
            rows += b"".join(b"\0" + row.tobytes() for row in part)
    return png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1), rows)


def sixteen(array, colour):
    """Big-endian samples of 16 bits: `[height, width, channels]`."""
    height, width, _ = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    return png(struct.pack(">IIBBBBB", width, height, 16, 2 if colour else 0, 0, 0, 0), rows)


def planes(picture):
    """Channels first, of a picture that is L or RGB."""
    array = np.asarray(picture)
    array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return {"shape": list(array.shape), "pixels": array.tobytes().hex()}


def seen(content):
    """As Pillow sees the file: the right way up, grey as L and all else as RGB."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if picture.mode == "I;16":
        # Pillow's own conversion to L depends on its version.
        return Image.fromarray(np.rint(np.asarray(picture) / 257).astype(np.uint8))
    return picture.convert("L" if picture.mode in ("L", "LA", "1") else "RGB")


def files():
    grey, colour = image(noise(HEIGHT, WIDTH, 1, 0)), image(noise(HEIGHT, WIDTH, 3, 1))
    palette = colour.quantize(16)
    alpha = image(noise(HEIGHT, WIDTH, 4, 2))
    photo = image(smooth(16, 24, 3, 3))
    words = np.random.default_rng(4).integers(0, 65536, (HEIGHT, WIDTH, 3))
    yield "grey.png", saved(grey, "PNG")
    yield "colour.png", saved(colour, "PNG")
    yield "palette.png", saved(palette, "PNG")
    yield "palette_alpha.png", saved(palette, "PNG", transparency=bytes(range(0, 256, 16)))
    yield "one_bit.png", saved(grey.convert("1"), "PNG")
    yield "two_bits.png", saved(grey.quantize(4), "PNG", bits=2)
    yield "grey_alpha.png", saved(alpha.convert("LA"), "PNG")
    yield "colour_alpha.png", saved(alpha, "PNG")
    yield "interlaced.png", interlaced(np.asarray(colour))
    yield "grey_16.png", sixteen(words[..., :1], False)
    yield "colour_16.png", sixteen(words, True)
    yield "grey.jpg", saved(photo.convert("L"), "JPEG", quality=95)
    yield "colour.jpg", saved(photo, "JPEG", quality=95, subsampling=0)
    yield "subsampled.jpg", saved(photo, "JPEG", quality=95, subsampling=2)
    yield "progressive.jpg", saved(photo, "JPEG", quality=95, subsampling=0, progressive=True)
    yield "cmyk.jpg", saved(photo.convert("CMYK"), "JPEG", quality=95)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"turned_{orientation}.jpg", saved(photo, "JPEG", quality=95, subsampling=0, exif=exif)
        yield f"turned_{orientation}.png", saved(colour, "PNG", exif=exif)
        yield f"turned_{orientation}.webp", saved(colour, "WEBP", lossless=True, exif=exif)
        yield f"turned_{orientation}.tif", saved(colour, "TIFF", exif=exif)
    other = image(noise(HEIGHT, WIDTH, 3, 8))
    yield "colour.bmp", saved(colour, "BMP")
    yield "palette.bmp", saved(palette, "BMP")
    yield "palette.gif", saved(palette, "GIF")
    yield "animated.gif", saved(palette, "GIF", save_all=True, append_images=[other])
    yield "transparent.gif", saved(palette, "GIF", transparency=3)
    yield "lossless.webp", saved(colour, "WEBP", lossless=True)
    yield "lossy.webp", saved(photo, "WEBP", quality=95)
    yield "alpha.webp", saved(alpha, "WEBP", lossless=True, exact=True)
    yield "animated.webp", saved(colour, "WEBP", lossless=True, save_all=True, append_images=[other])
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield f"{compression}.tif", saved(colour, "TIFF", compression=compression)
    yield "grey.tiff", saved(grey, "TIFF")
    yield "alpha.tiff", saved(alpha, "TIFF")


def sources():
    yield from (noise(12, 17, channels, 5) for channels in (1, 3))
    yield noise(41, 25, 1, 7)


def resized():
    for index, source in enumerate(sources()):
        for name, resampling in FILTERS.items():
            for height, width in [(5, 7), (20, 12), (31, 3), (4, 16)]:
                small = image(source).resize((width, height), resampling)
                yield {"source": index, "filter": name, **planes(small)}


def nearest():
    """Which pixel of a row each pixel of the resized row is: 1 to 30 pixels from 1 to 30."""
    for length in range(1, 31):
        row = image(np.arange(length, dtype=np.uint8).reshape(1, length, 1))
        for width in range(1, 31):
            small = row.resize((width, 1), Image.Resampling.NEAREST)
            yield {"from": length, "pixels": np.asarray(small).tobytes().hex()}


def main():
    out = {
        "files": [
            {"name": name, "content": content.hex(), **planes(seen(content))}
            for name, content in files()
        ],
        "grey": {
            "of": planes(image(noise(16, 16, 3, 6))),
            "is": planes(image(noise(16, 16, 3, 6)).convert("L")),
        },
        "sources": [planes(image(source)) for source in sources()],
        "resized": list(resized()),
        "nearest": list(nearest()),
    }
    Path(__file__).with_name("images.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
