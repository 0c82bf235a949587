"""Computed tables against well-known values."""

import zlib

from deploy.demo.domains.constants import INVERSE_SBOX, SBOX, SHA256_H, SHA256_K, crc_table


def test_aes_substitution() -> None:
    """First values of the table and its inverse are those of FIPS 197."""
    assert SBOX[:4] == [0x63, 0x7C, 0x77, 0x7B]
    assert INVERSE_SBOX[0x63] == 0


def test_sha256_constants() -> None:
    """First and last round constant and the first initial value are those of FIPS 180-4."""
    assert (SHA256_K[0], SHA256_K[63], SHA256_H[0]) == (0x428A2F98, 0xC67178F2, 0x6A09E667)


def test_crc_table_computes_the_usual_crc32() -> None:
    """The reflected table gives the same checksum as zlib."""
    table = crc_table(32, 0x04C11DB7, reflected=True)
    crc = 0xFFFFFFFF
    for byte in b"123456789":
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)

    assert crc ^ 0xFFFFFFFF == zlib.crc32(b"123456789")
