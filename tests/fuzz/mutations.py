"""Damages files as transport, disks and attackers do. The same seed gives the same bytes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(rb"\d{1,10}")
_WORDS = (
    b"/Length 999999999", b"/Filter /FlateDecode", b"/Kids [2 0 R]", b"/Parent 9 0 R", b"/Count -1",
    b"/MediaBox [0 0 1e9 1e9]", b"endobj", b"stream\n", b"startxref\n0\n%%EOF", b"<< >>", b"[" * 500,
    b"<!DOCTYPE x [<!ENTITY a '&a;'>]>", b"<w:p>" * 200, b"<table><tr><td>" * 100, b"</", b"]]>", b"&#0;",
    b"PK\x03\x04", b"PK\x05\x06", b"\xff\xfe\x00\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf1" * 99,
    b"Content-Type: message/rfc822\n\n", b"boundary=\"\"", b"=?utf-8?q?=FF?=", b"\x00" * 64, b"\xed\xa0\x80",
    b"|---|\n" * 50, b">" * 300, b"\"" * 99, b"," * 999, b"1e999", b"\x7f\xff\xff\xff", b"\xff" * 4,
)  # fmt: skip

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(seed: int, files: Sequence[bytes]) -> bytes:
    """One of these files, damaged in one to four ways."""
    chance = random.Random(seed)
    data = bytearray(chance.choice(files))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        if data:
            chance.choice(_MUTATIONS)(chance, data, files)
    return bytes(data)


def _range(chance: random.Random, data: bytearray, most: int = 4096) -> slice:
    start = chance.randrange(len(data))
    return slice(start, min(len(data), start + chance.randint(1, most)))


def _truncate(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    del data[chance.randrange(len(data)) :]


def _flip(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    for _ in range(chance.choice((1, 8, 64, 512))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _zero(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    where = _range(chance, data)
    data[where] = bytes(where.stop - where.start)


def _noise(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    where = _range(chance, data, 256)
    data[where] = chance.randbytes(where.stop - where.start)


def _cut(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    del data[_range(chance, data)]


def _repeat(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    where = _range(chance, data, 512)
    data[where.stop : where.stop] = data[where] * chance.choice((1, 10, 1000))


def _splice(chance: random.Random, data: bytearray, files: Sequence[bytes]) -> None:
    other = chance.choice(files)
    data[chance.randrange(len(data)) :] = other[chance.randrange(len(other) or 1) :]


def _insert(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.choice(_WORDS)


def _renumber(chance: random.Random, data: bytearray, _files: Sequence[bytes]) -> None:
    found = list(_NUMBER.finditer(data[: 1024 * 1024]))
    for match in chance.sample(found, min(len(found), chance.choice((1, 4, 16)))):
        number = str(chance.choice((0, 1, 2**31 - 1, 2**32, 10**9, int(match[0]) + 1))).encode()
        data[match.start() : match.end()] = number[: match.end() - match.start()].ljust(len(match[0]), b"0")


_MUTATIONS: tuple[Mutation, ...] = (
    _truncate, _flip, _flip, _zero, _noise, _cut, _repeat, _splice, _insert, _insert, _renumber,
)  # fmt: skip
