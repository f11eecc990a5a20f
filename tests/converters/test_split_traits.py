"""What a split takes down of each image."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

from PIL import Image

from converters.formats import deepfashion2
from converters.model import Sample
from converters.model.findings import Findings
from converters.partition.traits import Traits
from converters.pictures import headers


def test_a_file_is_known_by_the_same_stamp_whether_its_header_was_read_or_not(maker: Any) -> None:
    folder = maker.split(maker.page(maker.item()), maker.page(maker.item(), maker.item(10)))
    noise = Image.effect_noise((300, 200), 90).convert("RGB")  # of more bytes than are summed
    noise.save(folder / "image" / "000002.jpg", quality=95)
    pictures = deepfashion2.read(deepfashion2.find(folder)["train"]).pictures
    numbers = {name: number for number, name in enumerate(deepfashion2.CATEGORIES)}
    findings = Findings()
    for key in pictures.keys():  # noqa: SIM118 - no mapping
        sample = pictures.load(key, findings)
        assert findings.looked is not None
        assert findings.looked[0] == sample.image_path
        stamps = [Traits(numbers, "", needed=True, alike=False, listed=False) for _ in range(2)]
        stamps[0].add(sample, findings)
        stamps[1].add(sample, Findings())
        content = Path(sample.image).read_bytes()
        wanted = [len(content)], [crc32(content[:4096])]
        assert [(list(each.sizes), list(each.heads)) for each in stamps] == [wanted, wanted]


def test_a_header_is_that_of_its_own_file_alone(maker: Any) -> None:
    folder = maker.split(maker.page(maker.item()), maker.page(maker.item()))
    first, second = (str(folder / "image" / f"00000{number}.jpg") for number in (1, 2))
    Path(second).write_bytes(Path(second).read_bytes() + b"behind")
    traits, findings = Traits({}, "", needed=True, alike=False, listed=False), Findings()
    width, height = headers.look(first, findings)
    for path in (first, second):
        traits.add(Sample("a", path, width, height), findings)
    assert list(traits.sizes) == [Path(path).stat().st_size for path in (first, second)]
