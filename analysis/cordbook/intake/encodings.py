"""Bytes of unknown encoding to text."""

from __future__ import annotations

import codecs
import re

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
    if _paired(data):
        try:
            return data.decode("gb18030"), "gb18030"
        except UnicodeDecodeError:
            pass
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


def _paired(data: bytes) -> bool:
    """Do bytes above 127 come in pairs, as in Chinese text? In Western text they mostly stand alone."""
    runs = [len(run) for run in _HIGH.findall(data)]
    return sum(n for n in runs if n % 2 == 0) >= 0.8 * sum(runs) > 0


def _guess(data: bytes) -> str:
    # Single bytes among ASCII are Western; only a text full of others is worth the guess of a library.
    runs = [len(run) for run in _HIGH.findall(data)]
    if max(runs) == 1 or sum(runs) < 0.15 * len(data):
        return "cp1252"
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return "cp1252"
    best = from_bytes(data[:200_000], cp_isolation=OTHERS).best()
    return best.encoding if best else "cp1252"
