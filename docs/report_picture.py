"""Draw `docs/pictures/report.png`: `python docs/report_picture.py RUN`, RUN a folder of a search.

Needs Chromium (`make browser`). The upper half of the page is shown in light, the lower in dark.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.chromium import chromium, resize

from kohort import search_report

WIDTH, SCALE, COLORS = 1200, 0.55, 256
PATH = Path(__file__).parent / "pictures" / "report.png"


def screenshot(page: Path, dark: bool) -> Any:
    """The whole page, every chart drawn."""
    from PIL import Image

    with chromium(WIDTH, 900, dark) as driver:
        driver.get(page.as_uri())
        driver.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
        height = driver.execute_script("return document.documentElement.scrollHeight")
        for top in range(0, height, 400):
            driver.execute_script("window.scrollTo(0, arguments[0])", top)
            time.sleep(0.3)
        driver.execute_script("window.scrollTo(0, 0)")
        resize(driver, WIDTH, height)
        time.sleep(1)
        shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")


def main(run: str) -> None:
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        search_report(run, page)
        light, dark = (screenshot(page, dark) for dark in (False, True))
    half = light.height // 2
    both = Image.new("RGB", (2 * WIDTH, half))
    both.paste(light.crop((0, 0, WIDTH, half)), (0, 0))
    both.paste(dark.crop((0, dark.height - half, WIDTH, dark.height)), (WIDTH, 0))
    size = (round(both.width * SCALE), round(both.height * SCALE))
    small = both.resize(size, Image.Resampling.LANCZOS)
    small.quantize(COLORS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE).save(
        PATH, optimize=True
    )
    print(f"Written: {PATH} ({PATH.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main(sys.argv[1])
