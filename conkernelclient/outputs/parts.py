"""
Which parts of a message to a model do outputs make?

Text, the exception and images, in the order in which they came. What is one text is one part; each
display is one representation: its text as `display` says, and one image as `pieces` says.

All text together is within a budget. Where it is not, JSON documents are told in one line, the
longest first; then the middle of all text before the exception's last line, and of all text behind
it, is left out, with a note of how much. That last line stays, as does the note of how the run
ended. Images are scaled down to a number of pixels and are limited in number.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .budget import fit_all, one_line
from .files import Folder
from .mime import joined
from .pictures import bytes_of, fitted, picture_of
from .pieces import clean, last_line_of, pieces_of
from .summary import is_document, summary_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .pieces import Piece
    from .widgets import States

__all__ = [
    "MAX_CHARS",
    "MAX_IMAGES",
    "MAX_IMAGE_PX",
    "ErrorPart",
    "ImagePart",
    "Images",
    "Part",
    "PartOptions",
    "TextPart",
    "images_of",
    "parts_of",
]

Images: TypeAlias = Literal["inline", "path", "none"]

MAX_CHARS: Final = 20_000  # some 5,000 tokens
MAX_IMAGE_PX: Final = 1568  # what is longer is scaled down by the models' own services
MAX_IMAGES: Final = 20
OF_AN_ALT: Final = 100  # characters of what the kernel says of an image
OF_A_FILE: Final = 1_000  # characters of JSON from which on it gets a file
LEAST_WITH_ALTS: Final = 400  # characters of a budget that has room for images' descriptions


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text: printed, of values and displays, or of how the run ended. `kind` is "text"."""

    text: str
    kind: Literal["text"] = field(default="text", init=False, repr=False)


@dataclass(frozen=True, slots=True)
class ErrorPart:
    """An exception: its traceback, with its name and message last. `kind` is "error"."""

    text: str
    kind: Literal["error"] = field(default="error", init=False, repr=False)


@dataclass(frozen=True, slots=True)
class ImagePart:
    """
    An image. `kind` is "image".

    Attributes:
        data: The bytes of the file; None if it is at `path` instead.
        mime_type: As "image/png".
        path: Absolute path of the file; None if it is in `data`.
        alt: One line of what it is, which counts as text; "" where the budget has no room for it.
        width: Pixels; None if they are not known.
        height: Pixels.
    """

    data: bytes | None = field(repr=False)
    mime_type: str
    path: str | None = None
    alt: str = ""
    width: int | None = None
    height: int | None = None
    kind: Literal["image"] = field(default="image", init=False, repr=False)


Part: TypeAlias = TextPart | ErrorPart | ImagePart


@dataclass(frozen=True, slots=True)
class PartOptions:
    """How parts are made; see `Result.parts`."""

    max_chars: int | None = MAX_CHARS
    images: Images = "inline"
    max_image_px: int | None = MAX_IMAGE_PX
    max_images: int = MAX_IMAGES
    directory: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.images not in ("inline", "path", "none"):
            raise ValueError(f'images is "inline", "path" or "none", not {self.images!r}')
        if self.max_image_px is not None and self.max_image_px < 1:
            raise ValueError(f"max_image_px is a number of pixels from 1 on: {self.max_image_px}")

    @property
    def folder(self) -> Folder | None:
        """Where what is cut is kept whole; None if nowhere."""
        is_kept = self.images == "path" or self.directory is not None
        return Folder(self.directory) if is_kept else None


@dataclass(slots=True)
class _Segment:
    """A piece on its way to a part."""

    kind: Literal["text", "error", "image"]
    text: str
    image: ImagePart | None = None
    name: str = ""  # of an exception's type
    is_printed: bool = False
    is_json: bool = False
    is_last_line: bool = False


def parts_of(
    outputs: Iterable[Mapping[str, Any]],
    options: PartOptions,
    *,
    raised: tuple[str, str] | None = None,
    note: str = "",
    widgets: States | None = None,
) -> list[Part]:
    """
    Give the parts of `outputs`.

    Args:
        outputs: nbformat outputs.
        options: How.
        raised: Name and text of an exception, which is added if the outputs have none.
        note: What is to be read at the end.
        widgets: What widgets show at last, by their models.
    """
    pieces = pieces_of(outputs, widgets, raised, is_text_only=options.images == "none")
    segments = list(_segments(pieces, options))
    note = clean(note).strip("\n")
    if segments and segments[-1].kind == "text" and not segments[-1].text.endswith("\n"):
        note = "\n" + note
    if options.max_chars is not None:
        room = max(0, options.max_chars)
        segments, note = _within(segments, note, room, options.folder)
    if note.strip():
        segments.append(_Segment("text", note))
    return list(_joined(segments))


def images_of(outputs: Iterable[Mapping[str, Any]]) -> list[ImagePart]:
    """Give the images among `outputs` as they are; those that are broken are left out."""
    images: list[ImagePart] = []
    for piece in pieces_of(outputs):
        found = picture_of(joined(piece.content)) if piece.kind == "image" else ""
        if not isinstance(found, str):
            size = found.width, found.height
            images.append(ImagePart(found.data, found.mime_type, None, _alt(piece, ""), *size))
    return images


# From pieces to segments


def _segments(pieces: Sequence[Piece], options: PartOptions) -> Iterator[_Segment]:
    shown = [at for at, piece in enumerate(pieces) if piece.kind == "image"]
    over = max(0, len(shown) - max(0, options.max_images))
    first = (len(shown) - over + 1) // 2
    left_out = frozenset(shown[first : first + over])
    for at, piece in enumerate(pieces):
        if piece.kind in ("text", "error"):
            yield from _texts(piece)
        elif at not in left_out:
            yield _image(piece, options) if piece.kind == "image" else _file(piece, options.folder)
        elif at == shown[first]:
            yield _Segment("text", f"[{over} of {len(shown)} images left out]\n")


def _texts(piece: Piece) -> Iterator[_Segment]:
    if piece.kind == "text":
        yield _Segment("text", piece.text, is_printed=piece.is_printed, is_json=piece.is_json)
        return
    start = last_line_of(piece.text, piece.name)
    if start:
        yield _Segment("error", piece.text[:start])
    yield _Segment("error", piece.text[start:], name=piece.name, is_last_line=True)


def _image(piece: Piece, options: PartOptions) -> _Segment:
    content = joined(piece.content)
    if piece.mime == "image/svg+xml" and options.images == "inline":
        return _told(piece, "; not shown: no PNG, JPEG, GIF or WebP image")
    if piece.mime == "image/svg+xml":
        data = content.encode("utf-8", "surrogatepass")
        return _written(piece, ImagePart(data, piece.mime), options.folder)
    found = picture_of(content)
    if isinstance(found, str):
        return _told(piece, f"; {found}")
    is_whole = options.images == "path"
    scaled = fitted(found, None, None) if is_whole else fitted(found, options.max_image_px)
    if isinstance(scaled, str):
        return _told(piece, f"; {scaled}")
    if is_whole:
        whole = ImagePart(found.data, found.mime_type, None, "", found.width, found.height)
        return _written(piece, whole, options.folder)
    note = "" if scaled.data is found.data else f"; scaled down to {scaled.width}x{scaled.height}"
    image = ImagePart(scaled.data, scaled.mime_type, None, _alt(piece, note), *scaled[2:])
    return _Segment("image", "", image)


def _written(piece: Piece, image: ImagePart, folder: Folder | None) -> _Segment:
    """Give the image as one that is in a file."""
    assert folder is not None
    assert image.data is not None
    try:
        path = folder.write(image.data, image.mime_type)
    except OSError as error:
        return _told(piece, f"; not written: {error.strerror or error}")
    alt = _alt(piece, f": {path}")
    size = image.width, image.height
    return _Segment("image", "", ImagePart(None, image.mime_type, path, alt, *size))


def _file(piece: Piece, folder: Folder | None) -> _Segment:
    """Give the line that stands for content that is nothing to read, and names its file."""
    if folder is None:
        return _Segment("text", piece.text)
    content = joined(piece.content)
    data = None if piece.mime.startswith("text/") else bytes_of(content)
    data = content.encode("utf-8", "surrogatepass") if data is None else data
    try:
        return _told(piece, f": {folder.write(data, piece.mime)}")
    except OSError as error:
        return _told(piece, f"; not written: {error.strerror or error}")


def _told(piece: Piece, what: str) -> _Segment:
    return _Segment("text", _alt(piece, what) + "\n")


def _alt(piece: Piece, more: str) -> str:
    """Give the line that tells of an image or a file, with the kernel's word for it before."""
    line = piece.text.rstrip("\n").removesuffix("]") + clean(more) + "]"
    return f"{one_line(piece.alt, OF_AN_ALT)} {line}" if piece.alt else line


# Into the budget


def _within(
    segments: list[_Segment], note: str, room: int, folder: Folder | None
) -> tuple[list[_Segment], str]:
    """Give the segments, and the note, cut down to `room` characters."""
    segments = list(_apart(segments))
    over = _size(segments) + len(note) - room
    if over <= 0:
        return segments, note
    over = _summarise(segments, over, folder)
    if over <= 0:
        return segments, note
    _drop_alts(segments, room)
    room -= sum(len(it.image.alt) for it in segments if it.image is not None)
    texts = [segment.text for segment in segments]
    last = max((at for at, it in enumerate(segments) if it.is_last_line), default=None)
    name = "" if last is None else segments[last].name
    where = _whereabouts("".join(texts) + note, folder) if sum(map(len, texts)) > room else ""
    *kept, note = fit_all(texts, last, name, note, room, where)
    for segment, text in zip(segments, kept, strict=True):
        segment.text = text
    return segments, note


def _size(segments: Iterable[_Segment]) -> int:
    return sum(len(it.text) + len(it.image.alt if it.image else "") for it in segments)


def _apart(segments: Iterable[_Segment]) -> Iterator[_Segment]:
    """Let what is not printed begin a line, within one part."""
    before = "\n"
    for segment in segments:
        if segment.kind == "text" and not (segment.is_printed or before.endswith("\n")):
            segment.text = "\n" + segment.text
        before = segment.text if segment.kind == "text" else "\n"
        yield segment


def _summarise(segments: list[_Segment], over: int, folder: Folder | None) -> int:
    """Tell JSON in one line, the longest first, until nothing is over; gives what still is."""
    for segment in sorted(segments, key=lambda it: -len(it.text)):
        if over <= 0:
            break
        if segment.is_json or (segment.is_printed and is_document(segment.text)):
            lead = "\n" if segment.text.startswith("\n") else ""
            where = ""
            if len(segment.text) > OF_A_FILE:
                where = _whereabouts(segment.text, folder, "application/json")
            short = lead + summary_of(segment.text, where) + "\n"
            if len(short) < len(segment.text):
                over -= len(segment.text) - len(short)
                segment.text = short
    return over


def _whereabouts(text: str, folder: Folder | None, mime: str = "text/plain") -> str:
    """Say where `text` is kept whole, which is written there; "" if nowhere."""
    if folder is None:
        return ""
    try:
        path = folder.write(text.encode("utf-8", "replace"), mime)
    except OSError as error:
        return f"; the whole could not be written: {error.strerror or error}"
    return f"; the whole is in {path}"


def _drop_alts(segments: Iterable[_Segment], room: int) -> None:
    """Keep the descriptions of images that have a place in the budget."""
    room = room // 4 if room >= LEAST_WITH_ALTS else 0
    for segment in segments:
        if segment.image is not None:
            room -= len(segment.image.alt)
            if room < 0:
                segment.image = replace(segment.image, alt="")


# From segments to parts


def _joined(segments: Iterable[_Segment]) -> Iterator[Part]:
    """Make one part of neighbouring text; there are no parts without anything to see."""
    for kind, group in groupby(segments, key=lambda segment: segment.kind):
        if kind == "image":
            yield from (segment.image for segment in group if segment.image is not None)
            continue
        text = "".join(segment.text for segment in group).strip("\n")
        if text.strip():
            yield TextPart(text) if kind == "text" else ErrorPart(text)
