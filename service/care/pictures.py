"""Reads a picture that somebody sent, and writes it anew: as JPEG, upright, no larger than a screen shows.

What comes is never stored: only pixels go over, so that place, time, camera and whatever else is hidden in a file stay
behind. Knows no patient.
"""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps

from service.errors import Fault, InvalidError

MOST_BYTES: Final = 10 * 1024 * 1024
# A JPEG is decoded at a fraction of its size; the others take four bytes a pixel while they are read.
MOST_PIXELS: Final = {"JPEG": 25_000_000, "PNG": 12_000_000, "WEBP": 12_000_000}
LONGEST_SIDE: Final = 1600
_QUALITY: Final = 82
_EXPECTED: Final = "a JPEG, PNG or WebP picture"
_NOT_A_PICTURE: Final = (
    OSError,  # unidentified, or cut short
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is stored: JPEG, with its size in pixels."""

    jpeg: bytes
    width: int
    height: int


def rewrite(sent: bytes) -> Picture:
    """Return a picture written anew from its pixels. The type is that of the content, whatever anybody says it is.

    Its size in pixels is read before any of them. Raises InvalidError for what is no such picture, or too large.
    """
    try:
        with Image.open(io.BytesIO(sent), formats=tuple(MOST_PIXELS)) as image:
            _refuse_large(image)
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            return _written(image)
    except _NOT_A_PICTURE:
        raise InvalidError(Fault("", _EXPECTED, f"{len(sent)} bytes of something else")) from None


def _refuse_large(image: Image.Image) -> None:
    most = MOST_PIXELS[str(image.format)]
    if image.width * image.height > most:
        expected = f"at most {most // 1_000_000} million pixels of {image.format}"
        raise InvalidError(Fault("", expected, f"{image.width} by {image.height}"))


def _written(image: Image.Image) -> Picture:
    upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # A new image has the pixels and nothing else: a copy would keep comments and profiles.
    clean = Image.new("RGB", upright.size)
    clean.paste(upright)
    written = io.BytesIO()
    clean.save(written, "JPEG", quality=_QUALITY)
    return Picture(written.getvalue(), clean.width, clean.height)
