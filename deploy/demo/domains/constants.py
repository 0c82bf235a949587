"""Tables that ciphers and checksums need, computed from their definitions."""

import math
from collections.abc import Iterator


def _multiply(a: int, b: int) -> int:
    """Multiply in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _sbox() -> list[int]:
    """Return the substitution of AES: inverse in the field, then an affine map."""
    table = []
    for value in range(256):
        inverse = next((x for x in range(256) if _multiply(value, x) == 1), 0)
        rotated = [((inverse << n) | (inverse >> (8 - n))) & 0xFF for n in range(5)]
        table.append(rotated[0] ^ rotated[1] ^ rotated[2] ^ rotated[3] ^ rotated[4] ^ 0x63)
    return table


def _primes() -> Iterator[int]:
    number = 2
    while True:
        if all(number % divisor for divisor in range(2, math.isqrt(number) + 1)):
            yield number
        number += 1


def _root_fraction(number: int, power: int) -> int:
    """Return the first 32 bits of the fraction of a root."""
    scaled = number << (32 * power)
    low, high = 0, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**power <= scaled else (low, middle - 1)
    return low & 0xFFFFFFFF


def crc_table(width: int, polynomial: int, *, reflected: bool) -> list[int]:
    """Return the 256 remainders of a CRC."""
    top = 1 << (width - 1)
    mask = (1 << width) - 1
    if reflected:
        polynomial = int(f"{polynomial:0{width}b}"[::-1], 2)
    table = []
    for value in range(256):
        crc = value if reflected else value << (width - 8)
        for _ in range(8):
            if reflected:
                crc = (crc >> 1) ^ (polynomial if crc & 1 else 0)
            else:
                crc = ((crc << 1) ^ (polynomial if crc & top else 0)) & mask
        table.append(crc)
    return table


SBOX = _sbox()
INVERSE_SBOX = [SBOX.index(value) for value in range(256)]
_PRIMES = [prime for prime, _ in zip(_primes(), range(64), strict=False)]
SHA256_K = [_root_fraction(prime, 3) for prime in _PRIMES]
SHA256_H = [_root_fraction(prime, 2) for prime in _PRIMES[:8]]
