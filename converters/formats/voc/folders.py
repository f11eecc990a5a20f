"""The folders of a Pascal VOC data set as samples: which XML file and which image belong together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from converters.files import listing
from converters.files.filenames import ImageNames, UnclearName
from converters.formats.voc import places, xml
from converters.formats.voc.places import XML, ImageList
from converters.model import Sample, rules
from converters.model import classes as class_map
from converters.model.findings import Finding, Findings
from converters.pictures import headers as images
from tltpipe.errors import DataError, Location


def unlisted(lists: Sequence[ImageList]) -> tuple[Finding, ...]:
    """The XML files beside ``lists`` that none of them names."""
    findings = Findings()
    for labels in dict.fromkeys(each.labels for each in lists):
        folders = [Folder(labels, each.images, replace(each, but=())) for each in lists if each.labels == labels]
        listed = {key.stem for folder in folders for key in folder.keys()}  # noqa: SIM118 - no mapping
        for stem in sorted(listing.stems(labels, XML) - listed):
            findings.add(rules.UNLISTED, f"{labels}/{stem}.xml")
    return findings.all()


class Key(NamedTuple):
    """A path below the folders of both without extension, then those of the images that it may be.

    ``rule`` says how one was matched that is called otherwise; ``unclear`` why none is.
    """

    stem: str
    pictures: tuple[str, ...] = ()
    rule: str = ""
    unclear: str = ""


@dataclass(frozen=True)
class Folder:
    """A folder of XML files and one of pictures; ``listed`` has the names of those of a split.

    ``shared``: which of the two other splits have, too; what lies there alone is none of this one.
    """

    labels: Path
    images: Path
    listed: ImageList | None = None
    classes: frozenset[str] | None = None
    shared: str = ""

    @property
    def inputs(self) -> tuple[Path, ...]:
        folders = (self.labels,) if self.labels == self.images else (self.labels, self.images)
        return folders if self.listed is None else (*folders, self.listed.path, *self.listed.but)

    def keys(self) -> list[Key]:
        pictures = listing.pictures(self.images)
        labels = listing.stems(self.labels, XML)
        if self.shared == "labels":
            labels.intersection_update(pictures)
        names = labels if self.listed is None else self._names(labels.union(pictures))
        found, taken = {stem: Key(stem, _files(stem, pictures)) for stem in names}, set(labels)
        alone = sorted(stem for stem in found if stem in labels and not found[stem].pictures)
        for stem in alone:
            told = self._told(stem)
            own, _, extension = told.rpartition(".")
            if own not in taken and extension in pictures.get(own, ()):
                found[stem] = Key(stem, (told,))
                taken.add(own)
        self._match([stem for stem in alone if not found[stem].pictures], found, taken)
        if self.listed is None and self.shared != "images":
            found |= {stem: Key(stem, _files(stem, pictures)) for stem in pictures if stem not in taken}
        return [found[stem] for stem in sorted(found)]

    def _match(self, alone: Sequence[str], found: dict[str, Key], taken: set[str]) -> None:
        """Find the images of the files ``alone``, whose names are spelled otherwise, among those that are not taken."""
        if not alone:
            return
        wanted = {stem: self._told(stem) or stem for stem in alone}
        others = [path for key in found.values() for path in key.pictures]
        names = ImageNames(self.images, lambda: (*others, *wanted.values()))
        for stem, told in wanted.items():
            try:
                match = names.match(told) or (names.match(stem) if told != stem else None)
            except UnclearName as unclear:
                found[stem] = Key(stem, unclear=str(unclear))
                continue
            if match is not None:
                found[stem] = Key(stem, (match.path,), match.rule)
                taken.add(match.stem)

    def _page(self, stem: str) -> str:
        """The XML file of ``stem``; that of an extension in upper case where there is no other."""
        path = listing.joined(self.labels, f"{stem}.xml")
        if not os.path.exists(path) and os.path.exists(upper := f"{path[:-4]}.XML"):  # noqa: PTH110 - of each
            return upper
        return path

    def _told(self, stem: str) -> str:
        """What the <filename> of ``stem`` says, below the folder of pictures."""
        try:
            name = xml.parse(self._page(stem)).picture or ""
        except DataError:
            return ""  # said when its turn comes
        folder = stem.rpartition("/")[0]
        return f"{folder}/{name}" if folder and name else name

    def name(self, key: Key) -> str:
        return key.pictures[0].rpartition(".")[0] if len(key.pictures) == 1 else key.stem

    def items(self, key: tuple[Any, ...]) -> list[str]:
        return [thing.category for thing in xml.parse(self._page(key[0])).objects]

    def items_beside(self, image: Path) -> list[str]:
        path = places.page_of(image)
        return [] if path is None else [thing.category for thing in xml.parse(path).objects]

    def load(self, key: Key, findings: Findings) -> Sample:
        stem, pictures = key.stem, key.pictures
        path = self._page(stem)
        try:
            page = xml.parse(path)
        except DataError:
            if os.path.exists(path):  # noqa: PTH110 - a text
                raise
            where = self.images / (pictures[0] if pictures else stem)
            what = "this picture has no XML file" if pictures else "neither the picture nor its XML file is there"
            hint, code = f"expected {path}", rules.NO_ANNOTATIONS.code
            raise DataError(what, where=where, hint=hint, code=code) from None
        class_map.require(page.objects, self.classes, path)
        image = self._picture(path, key, page.picture)
        if key.rule:
            findings.add(rules.OTHER_FILE_NAME, f"{page.picture or stem} -> {pictures[0]} ({key.rule})")
        width, height = page.size or images.look(image, findings)
        return Sample(self.name(key), image, width, height, page.objects, page.source, path)

    def _picture(self, path: str, key: Key, told: str | None) -> str:
        pictures = key.pictures
        if key.unclear:
            raise DataError(key.unclear, where=path, hint="rename one of them", code=rules.SAME_NAME.code)
        if not pictures:
            hint = f"put it into {self.images}, or remove the annotations"
            raise DataError("these annotations have no picture", where=path, hint=hint, code=rules.NO_PICTURE.code)
        named = [name for name in pictures if name.rpartition("/")[2] == told]
        if len(pictures) > 1 and not named:
            what, hint = f"several pictures share this name: {', '.join(pictures)}", "say which: <filename>"
            raise DataError(what, where=path, hint=hint, code=rules.SAME_NAME.code)
        return listing.joined(self.images, (named or pictures)[0])

    def categories(self) -> tuple[str, ...]:
        """The class names in the files, sorted; of a file that cannot be read, nothing is said yet."""
        found: set[str] = set()
        for key in self.keys():
            try:
                found.update(thing.category for thing in xml.parse(self._page(key.stem)).objects)
            except DataError:
                continue
        return tuple(sorted(found))

    def _names(self, known: Set[str]) -> set[str]:
        """The names in the list; those that are none of ``known`` may have an extension, or be spelled otherwise."""
        assert self.listed is not None
        but = {name for path in self.listed.but for name in _listed(path, known)}
        names = {name for name in _listed(self.listed.path, known) if name not in but}
        if strange := names - known:
            images = ImageNames(self.images)
            names -= strange
            for name in strange:
                try:
                    match = images.match(name)
                except UnclearName:
                    match = None
                names.add(match.stem if match is not None else name)
        return names


@dataclass(frozen=True)
class Several:
    """Folders of which each has its own list, each with the path of its images below that of all."""

    folders: tuple[tuple[str, Folder], ...]

    @property
    def inputs(self) -> tuple[Path, ...]:
        return tuple(path for _, folder in self.folders for path in folder.inputs)

    def keys(self) -> list[tuple[int, Key]]:
        return [(number, key) for number, (_, folder) in enumerate(self.folders) for key in folder.keys()]  # noqa: SIM118

    def name(self, key: tuple[int, Key]) -> str:
        above, folder = self.folders[key[0]]
        return f"{above}/{folder.name(key[1])}"

    def items(self, key: tuple[int, Key]) -> list[str]:
        return self.folders[key[0]][1].items(key[1])

    def items_beside(self, image: Path) -> list[str]:
        return self.folders[0][1].items_beside(image)

    def load(self, key: tuple[int, Key], findings: Findings) -> Sample:
        return structs.replace(self.folders[key[0]][1].load(key[1], findings), id=self.name(key))

    def categories(self) -> tuple[str, ...]:
        return tuple(sorted({name for _, folder in self.folders for name in folder.categories()}))


def _listed(path: Path, known: Set[str]) -> list[str]:
    """The names in the list ``path``. Raises DataError for one that would lead out of its folder."""
    names = []
    for number, line in enumerate(places.text(path).splitlines(), start=1):
        name = places.name_in(line, known)
        if name and not listing.is_below(name):
            raise DataError(f"{name[:80]!a} is no name of a picture", where=Location(path, number))
        names += [name] if name else []
    return names


def _files(stem: str, pictures: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{stem}.{extension}" for extension in pictures.get(stem, ()))
