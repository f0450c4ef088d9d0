"""Bytes of unknown encoding to text."""

from __future__ import annotations

import codecs
import re
from functools import cache

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What is left when a file is neither UTF nor GB; in the order in which a tie is broken.
OTHERS = ["cp1252", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1250", "cp1251", "koi8_r", "iso8859_9"]
_HIGH = re.compile(rb"[\x80-\xff]+")
_HAN = re.compile(r"[\u3400-\u9fff]+")
#: Punctuation and full-width signs of Chinese text, which tell nothing.
_MARKS = re.compile(r"[\u2010-\u2026\u3000-\u303f\uff00-\uffef\u00b7]")
#: So many bytes from the first that is not ASCII are looked at.
SAMPLE = 200_000


def decode(data: bytes, encoding: str = "") -> tuple[str, str]:
    """``data`` as text, and the encoding that was used; bytes that do not fit become U+FFFD, never an error.

    >>> decode("Müller".encode("latin-1"))
    ('Müller', 'cp1252')
    >>> decode("脊髓损伤".encode("gb18030"))
    ('脊髓损伤', 'gb18030')
    """
    if encoding:
        return data.decode(encoding, "replace"), encoding
    for bom, name in BOMS:
        if data.startswith(bom):
            return data.decode(name, "replace"), name
    if wide := _utf16(data):
        return data.decode(wide, "replace"), wide
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    replaced = data.decode("utf-8", "replace")
    # A UTF-8 file with a few broken characters, as when an export was cut in the middle of one.
    broken = replaced.count("\ufffd")
    if broken * 2 <= sum(1 for char in replaced if char > "\x7f" and char != "\ufffd"):
        return replaced, "utf-8"
    if chinese := _chinese(data):
        return data.decode(chinese, "replace"), chinese
    guess = _guess(data)
    return data.decode(guess, "replace"), guess


def _utf16(data: bytes) -> str:
    """UTF-16 without a mark: every second byte of plain text is zero."""
    sample = data[:4096]
    half = len(sample) // 2
    if half >= 4:
        if sample[1::2].count(0) > 0.4 * half and sample[0::2].count(0) < 0.05 * half:
            return "utf-16-le"
        if sample[0::2].count(0) > 0.4 * half and sample[1::2].count(0) < 0.05 * half:
            return "utf-16-be"
    return ""


def _chinese(data: bytes) -> str:
    """The Chinese encoding in which ``data`` is made of frequent characters, most beside another one; blank if in none.

    Western letters with accents read as rare characters, each between two letters; text in one Chinese encoding reads as rare
    characters in another.
    """
    first = _HIGH.search(data)
    sample = data[first.start() : first.start() + SAMPLE] if first else b""
    shares = {}
    for name in ("gb18030", "big5"):
        text = sample.decode(name, "replace")
        written = [char for char in text if char > "\x7f" and not _MARKS.match(char)]
        together = sum(len(run) for run in _HAN.findall(text) if len(run) > 1)
        if written and together >= 0.5 * len(written):
            shares[name] = sum(map(_frequent, written)) / len(written)
    best = max(shares, key=shares.__getitem__, default="")
    return best if best and shares[best] >= 0.85 else ""


@cache
def _frequent(char: str) -> bool:
    """Is ``char`` of the first level of GB 2312 (3,755 characters) or of Big5 (5,401), which hold those in daily use?"""
    simplified, traditional = char.encode("gb2312", "ignore"), char.encode("big5", "ignore")
    return (len(simplified) == 2 and 0xB0 <= simplified[0] <= 0xD7) or (len(traditional) == 2 and 0xA4 <= traditional[0] <= 0xC6)


def _guess(data: bytes) -> str:
    # One byte or two among ASCII (Größe) are Western; only a text full of others is worth the guess of a library.
    runs = [len(run) for run in _HIGH.findall(data)]
    if max(runs) <= 2 or sum(runs) < 0.15 * len(data):
        return "cp1252"
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return "cp1252"
    best = from_bytes(data[:200_000], cp_isolation=OTHERS).best()
    return best.encoding if best else "cp1252"
