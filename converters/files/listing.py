"""What lies in the folders of a data set: files by their path below a folder, however deep."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from unicodedata import normalize

from tltpipe import inputs
from tltpipe.errors import DataError

FORMATS: Mapping[str, tuple[str, ...]] = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "mpo"),
    "PNG": ("png", "apng"),
    "WEBP": ("webp",),
    "BMP": ("bmp", "dib"),
    "TIFF": ("tif", "tiff"),
    "GIF": ("gif",),
    "AVIF": ("avif", "avifs"),
    "JPEG2000": ("jp2", "j2k", "j2c", "jpc", "jpf", "jpx"),
    "PPM": ("ppm", "pgm", "pbm", "pnm"),
    "TGA": ("tga",),
    "PCX": ("pcx",),
    "QOI": ("qoi",),
    "SGI": ("sgi",),
}
"""What images can be read from, as Pillow calls the formats, and the extensions of such files."""

PICTURES = frozenset(extension for extensions in FORMATS.values() for extension in extensions)
"""Extensions of images, in lower case: what every command and program of ours reads."""

UNSUPPORTED = frozenset(
    (
        *("heic", "heif", "hif", "jxl", "bpg"),
        *("raw", "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "srf", "sr2", "srw", "orf", "raf", "rw2", "pef"),
        *("x3f", "3fr", "iiq", "erf", "mrw", "kdc"),
        *("svg", "svgz", "pdf", "psd", "psb", "ai", "eps", "xcf"),
        *("mp4", "m4v", "avi", "mov", "mkv", "webm", "wmv", "mpg", "mpeg"),
        *("npy", "npz", "exr", "hdr", "pfm", "dcm", "nii"),
    )
)
"""Extensions of what people store as images and no decoder here reads: said, never passed over in silence."""


def joined(folder: Path, path: str) -> str:
    """The text of ``folder / path`` at a tenth of what that costs, for a ``path`` as ``files`` gives them."""
    above = str(folder)
    return path if above == "." else f"{above}/{path}" if above != "/" else f"/{path}"


def without_extension(path: str) -> str:
    """``path`` without what ``PurePath.suffix`` says."""
    dot = path.rfind(".")
    return path[:dot] if path.rfind("/") + 1 < dot < len(path) - 1 else path


def files(folder: Path, extensions: frozenset[str], *, without: Iterable[Path] = ()) -> Iterator[str]:
    """Paths below ``folder``, with "/", of the files with one of ``extensions``; in no order.

    Nothing hidden counts, and every folder counts once, whatever links lead to it; those of ``without`` not at all.
    Raises DataError for a folder that cannot be read.
    """
    states = [each.stat() for each in without if each.is_dir()]
    return _below(str(folder), "", extensions, {(state.st_dev, state.st_ino) for state in states})


def stems(folder: Path, extensions: frozenset[str]) -> set[str]:
    """``files`` without their extensions."""
    return {path.rpartition(".")[0] for path in files(folder, extensions)}


def folders(root: Path) -> list[Path]:
    """The folders in ``root``, sorted, without hidden ones; none where that is no folder."""
    if not root.is_dir():
        return []
    with os.scandir(root) as entries:  # which tells of 200,000 files that they are none without asking for each
        return sorted(
            root / entry.name for entry in entries if inputs.is_folder(entry) and not entry.name.startswith(".")
        )


def pictures(folder: Path) -> dict[str, tuple[str, ...]]:
    """The pictures below ``folder`` by their path without extension: its one extension, or all that share the name."""
    found: dict[str, tuple[str, ...]] = {}
    for path in files(folder, PICTURES):
        stem, _, extension = path.rpartition(".")
        found[stem] = (*found[stem], extension) if stem in found else (extension,)
    return found


def partner(image: Path, folders: Collection[str], others: Sequence[str], extension: str) -> Path | None:
    """The annotation file of ``image``: in one of ``others`` in place of the last of ``folders``, or beside it."""
    parts = image.with_suffix(extension).parts
    place = next((n for n in range(len(parts) - 2, -1, -1) if parts[n] in folders), None)
    swapped = [Path(*parts[:place], other, *parts[place + 1 :]) for other in others] if place is not None else []
    return next((path for path in (*swapped, image.with_suffix(extension)) if path.is_file()), None)


def together(texts: set[str], images: Collection[str]) -> list[str]:
    """The stems of label files and images, sorted; once where only the Unicode normal form differs."""
    bare = [stem for stem in images if not stem.isascii() and stem not in texts]
    spelled = (next((form for form in forms(stem) if form in texts and form not in images), None) for stem in bare)
    return sorted(texts.union(images).difference(form for form in spelled if form is not None))


def forms(name: str) -> Iterator[str]:
    """``name`` in the other Unicode normal forms that systems store it in."""
    if not name.isascii():
        yield from (spelled for form in ("NFC", "NFD") if (spelled := normalize(form, name)) != name)


def ambiguous(folder: Path, paths: Iterable[str]) -> DataError:
    """The error that several images, at ``paths`` below ``folder``, share a name without extension, and so labels."""
    from converters.model import rules  # with the whole model, which programs that only say --help do not need

    first, *others = paths
    what = f"several images share this name: {', '.join(others)} is there, too"
    hint = "labels are named after the image without its extension: rename or remove all but one"
    return DataError(what, where=folder / first, hint=hint, code=rules.SAME_NAME.code)


def unsupported(folder: Path) -> dict[str, list[str]]:
    """Paths below ``folder`` of files in formats that cannot be read, by their extension, sorted."""
    found: dict[str, list[str]] = {}
    if folder.is_dir():
        for path in sorted(files(folder, UNSUPPORTED)):
            found.setdefault(extension_of(path), []).append(path)
    return found


def extension_of(name: str) -> str:
    """What stands behind the last dot of ``name``, in lower case; "" where there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def counted(names: Iterable[str]) -> str:
    """``names`` counted by extension as it is written: "2 .jpg, 1 .JPG"."""
    counts = Counter(f".{name.rpartition('.')[2]}" if "." in name else "without extension" for name in names)
    return ", ".join(f"{count} {extension}" for extension, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def is_below(name: str) -> bool:
    """Whether ``name``, written in a file by whomever, is a path that stays in the folder it is meant for."""
    parts = name.split("/")
    return "\0" not in name and not any(part in ("", ".", "..") for part in parts) and max(map(len, parts)) < 250


def inside(images: Path, name: str) -> str:
    """What of the path ``name``, as written in a file, lies below the picture folder ``images``: images/train/a is "a"
    where pictures are in .../images/train."""
    folder, _, last = name.rpartition("/")
    return _inside(images, folder) + last


@lru_cache(maxsize=1024)
def _inside(images: Path, folder: str) -> str:
    parts, above = folder.split("/") if folder else [], images.parts
    known = (n for n in range(min(len(parts), len(above)), 0, -1) if above[-n:] == tuple(parts[:n]))
    return "".join(f"{part}/" for part in parts[next(known, 0) :])


def unsupported_beside(folder: Path, stem: str) -> str | None:
    """The name of a file called ``stem`` in ``folder`` whose format cannot be read, if there is one."""
    place = (folder / stem).parent
    try:
        changed = place.stat().st_mtime_ns
    except OSError:
        return None
    extension = _by_stem(str(place), changed, UNSUPPORTED).get(stem.rpartition("/")[2])
    return f"{stem.rpartition('/')[2]}.{extension}" if extension else None


_USUAL = ("jpg", "png", "jpeg", "JPG", "PNG", "JPEG", "bmp", "webp")


def picture(folder: Path, stem: str) -> Path:
    """The picture of that name, whose extension is not known; the most usual name when there is none.

    Where several share the name, the first of the usual extensions counts.
    """
    path = f"{folder}/{stem}"
    found = (f"{path}.{extension}" for extension in _USUAL)
    usual = next(filter(os.path.exists, found), None)
    return Path(usual or f"{path}.{_rarer(path) or _USUAL[0]}")


def _rarer(path: str) -> str | None:
    """The extension of the picture ``path``, where it is none of the usual ones."""
    folder, _, stem = path.rpartition("/")
    try:
        changed = os.stat(folder).st_mtime_ns  # noqa: PTH116 - the name is a text
    except OSError:
        return None
    return _by_stem(folder, changed, PICTURES).get(stem)


@lru_cache(maxsize=64)
def _by_stem(folder: str, changed: int, extensions: frozenset[str]) -> Mapping[str, str]:  # noqa: ARG001
    """Extensions by stem, the first of several; a folder that ``changed`` is read again."""
    with os.scandir(folder) as entries:
        names = sorted((entry.name for entry in entries if extension_of(entry.name) in extensions), reverse=True)
    return {stem: extension for stem, _, extension in (name.rpartition(".") for name in names)}


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of another encoding, which the system hands over as surrogates
        return False
    return True


def _below(folder: str, prefix: str, extensions: frozenset[str], seen: set[tuple[int, int]]) -> Iterator[str]:
    inner = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                wanted = name.rpartition(".")[2].lower() in extensions and "." in name
                # A link that leads nowhere is a file that cannot be read, and is said when its turn comes.
                if wanted and (inputs.is_file(entry) or (entry.is_symlink() and not inputs.is_folder(entry))):
                    if not name.isascii() and not _is_text(name):
                        what = "this name is not UTF-8 text"
                        raise DataError(what, where=f"{folder}/{name!a}", hint="rename the file")
                    yield prefix + name
                elif inputs.is_folder(entry):
                    state = entry.stat()
                    if (state.st_dev, state.st_ino) not in seen:
                        seen.add((state.st_dev, state.st_ino))
                        inner.append(name)
    except OSError as problem:
        raise DataError(f"this folder cannot be read: {problem.strerror}", where=folder) from None
    for name in sorted(inner):
        yield from _below(f"{folder}/{name}", f"{prefix}{name}/", extensions, seen)
