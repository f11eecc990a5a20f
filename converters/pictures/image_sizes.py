"""The size that a sample is recorded with, held against that of its image file, whatever format it comes from."""

from __future__ import annotations

from converters.model import Sample, rules
from converters.model.findings import Findings
from converters.pictures import headers, orientation
from tltpipe.errors import DataError

_FIX = "annotate the image as it is, scale a copy with `tltpipe check --fix OUT`, or leave such images out: --skip-bad"


def checked(sample: Sample, findings: Findings, *, needed: bool = False) -> Sample:
    """``sample``, whose size is that of its image as stored; one annotated as EXIF shows it is turned to that.

    Raises DataError for another size (rule I204) and for an image that cannot be read; one that is not there is a
    finding, or an error when ``needed``. An image whose header was just read is not opened again.
    """
    recorded, known = (sample.width, sample.height), None
    if (seen := findings.looked) is not None and seen[0] == sample.image_path:
        known = seen[1].width, seen[1].height
    elif (measured := findings.measured) is not None and measured[0] == sample.image_path:
        known = measured[1]
    try:
        if (known or headers.size(sample.image_path)) == recorded:
            return sample
        header = headers.header(sample.image_path)
    except DataError as problem:
        if problem.code != rules.NO_PICTURE.code or needed:
            raise
        findings.add(rules.UNSEEN, sample.file_name)
        return sample
    stored = header.width, header.height
    if recorded != orientation.turned_size(*stored, header.orientation):
        what = f"this image is {stored[0]} x {stored[1]} pixels, but annotated as {recorded[0]} x {recorded[1]}"
        raise DataError(f"{what}: {sample.image_path}", where=sample.where(), hint=_FIX, code=rules.OTHER_SIZE.code)
    findings.add(rules.SIZE_AS_SHOWN, sample.id)
    return orientation.turned_sample(sample, orientation.inverse(header.orientation))
