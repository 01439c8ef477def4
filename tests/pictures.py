"""Small pictures, made as a phone makes them: with place, time and camera hidden in them."""

import io
from functools import lru_cache

from PIL import ExifTags, Image

MARK = "Nikon of Ana Rossi"
ORIENTATION, TURNED = 0x0112, 6  # a quarter to the right


@lru_cache
def picture(kind: str = "PNG", *, size: tuple[int, int] = (8, 6)) -> bytes:
    """Return a red picture of a kind and size."""
    written = io.BytesIO()
    Image.new("RGB", size, "#c02020").save(written, kind)
    return written.getvalue()


def photo_of_camera(*, size: tuple[int, int] = (80, 60)) -> bytes:
    """Return a JPEG on its side with the camera, the place and a comment in it."""
    image, exif = Image.new("RGB", size, "#c02020"), Image.Exif()
    exif[ORIENTATION] = TURNED
    exif[ExifTags.Base.Make] = MARK
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (40.0, 42.0, 46.0)
    written = io.BytesIO()
    image.save(written, "JPEG", exif=exif, comment=MARK.encode(), icc_profile=MARK.encode() * 20)
    return written.getvalue()
