"""Sample pictures drawn a minute on all cores, beside encoding as many pictures of the same size."""

import tempfile
from pathlib import Path

from measure import best_of, show
from PIL import Image

from converters.sample import draw
from tltpipe.progress import Silent

COUNT = 100


def encode(pictures: list[Image.Image], folder: Path) -> None:
    for number, picture in enumerate(pictures):
        picture.save(folder / f"again{number}.jpg")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = best_of(1, lambda: draw(folder, train=COUNT, validation=0, seed=1, progress=Silent()))
        pictures = [Image.open(path).convert("RGB") for path in (folder / "train" / "image").iterdir()]
        floor = best_of(3, lambda: encode(pictures, folder))
        show(f"draw {COUNT} pictures", seconds, floor="encode them again, one core", floor_seconds=floor, per=COUNT)
        print(f"{60 * COUNT / seconds:,.0f} pictures a minute")
