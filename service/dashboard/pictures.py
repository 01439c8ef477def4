"""Pictures of the dashboard that are drawn here, as SVG within the page: QR codes."""

import io

import segno
from markupsafe import Markup


def qr_picture(text: str) -> Markup:
    """Return a QR code as SVG. What it says is in the shapes alone; black on white, for cameras, in dark mode too."""
    code = segno.make(text, error="m", micro=False)
    drawn = io.BytesIO()
    code.save(drawn, kind="svg", scale=4, border=4, xmldecl=False, svgns=True, light="white", omitsize=False)
    return Markup(drawn.getvalue().decode())  # noqa: S704 - shapes of ours
