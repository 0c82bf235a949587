"""Twenty-three PDF files that damage, exhaust or deceive readers: each gets its reason or is read, and nothing breaks.

All are made here by small functions, at test time. Numbers are as small as still go over the lowered limits.
"""

import io
import random
import time
import zlib
from collections.abc import Callable, Iterable

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from mapper.errors import DatasheetError
from mapper.model import Datasheet
from streams.sandbox import read_sheet

SECONDS = 12.0
MEMORY_BYTES = 640 * 1024**2
TEXT = b"BT /F1 9 Tf 60 700 Td (Register CTRL, address 0x01, access R/W, reset 0x00, bits 7 to 0) Tj ET\n"
MEGABYTE = bytes(1 << 20)
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def assemble(objects: Iterable[bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF of these objects, numbered from 1; the first is the catalogue."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(offsets) + 1, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def stream(data: bytes, entries: bytes = b"/Filter /FlateDecode") -> bytes:
    return b"<< /Length %d %s >>\nstream\n" % (len(data), entries) + data + b"\nendstream"


def one_page(
    content: bytes, *, resources: bytes = b"", more: Iterable[bytes] = (), page: bytes = b"", catalogue: bytes = b""
) -> bytes:
    """Return a document of one page; content is its stream object, more are the objects from number 6 on."""
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalogue,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> %s >> %s >>" % (resources, page),
            content,
            FONT,
            *more,
        ]
    )


def deflated(data: bytes) -> bytes:
    return stream(zlib.compress(data, 1))


def good(*, encrypt: StandardEncryption | None = None) -> bytes:
    """Return an honest document of six pages, over 4 KB long."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=encrypt, invariant=1, pageCompression=0)
    for number in range(6):
        for line in range(30):
            canvas.drawString(60, 760 - 14 * line, f"Page {number} line {line} tells of a register")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def deflated_often(data: bytes, times: int) -> bytes:
    """Return the deflated form of data repeated, without deflating it more than once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    return zlib.compress(b"", 9)[:2] + block * times + packer.flush()


def text_file() -> bytes:
    return b"Register 0x01 CTRL\n" * 100


def head() -> bytes:
    return good()[:300]


def noise() -> bytes:
    return b"%PDF-1.7\n" + random.Random(1).randbytes(20_000) + b"\n%%EOF\n"


def cut_at_half() -> bytes:
    return good()[: len(good()) // 2]


def tail_lost() -> bytes:
    return good()[:-2048]


def user_password() -> bytes:
    return good(encrypt=StandardEncryption("secret", ownerPassword="owner", strength=128))


def no_copying() -> bytes:
    return good(encrypt=StandardEncryption("", ownerPassword="owner", canCopy=0, strength=128))


def page_tree_loop() -> bytes:
    return assemble(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 /Parent 2 0 R >>"]
    )


def huge_content() -> bytes:
    return one_page(stream(deflated_often(b"q Q " * (1 << 18), 300)))


def twice_deflated() -> bytes:
    return one_page(stream(zlib.compress(deflated_often(MEGABYTE, 1024), 9), b"/Filter [/FlateDecode /FlateDecode]"))


def two_million_paths() -> bytes:
    return one_page(deflated(TEXT + b"1 1 m 9 1 l S\n" * 1_000_000))


def many_texts() -> bytes:
    return one_page(deflated(b"BT /F1 1 Tf " + b"(register address reset bit access 0x01) Tj " * 60_000 + b"ET"))


def giant_page() -> bytes:
    return one_page(deflated(TEXT), page=b"/MediaBox [0 0 200000 200000]")


def many_pages(count: int = 2000) -> bytes:
    kids = b" ".join(b"%d 0 R" % (number + 5) for number in range(count))
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 3 0 R"
        b" /Resources << /Font << /F1 4 0 R >> >> >>"
    )
    tree = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count)
    return assemble([b"<< /Type /Catalog /Pages 2 0 R >>", tree, deflated(TEXT), FONT, *[page] * count])


def too_many_pages() -> bytes:
    return many_pages(2001)


def laughing_forms() -> bytes:
    """Each form draws the next one ten times: 10^30 in the end, if a reader follows."""
    forms = [
        stream(
            b"/X Do " * 10,
            b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >>" % n,
        )
        for n in range(7, 37)
    ]
    last = stream(b"0 0 m 5 5 l S", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    return one_page(deflated(TEXT + b"/X Do"), resources=b"/XObject << /X 6 0 R >>", more=[*forms, last])


def nested_forms() -> bytes:
    forms = [
        stream(b"/X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >>" % n)
        for n in range(7, 5007)
    ]
    return one_page(deflated(TEXT + b"/X Do"), resources=b"/XObject << /X 6 0 R >>", more=[*forms, stream(TEXT, b"")])


def huge_xref() -> bytes:
    table = stream(
        deflated_often(MEGABYTE, 64),
        b"/Type /XRef /Size 2000000000 /Index [0 2000000000] /W [1 8 8] /Root 1 0 R /Filter /FlateDecode",
    )
    body = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    return body + b"9 0 obj\n" + table + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(body)


def object_stream_bomb() -> bytes:
    bomb = stream(deflated_often(MEGABYTE, 700), b"/Type /ObjStm /N 90000000 /First 700000000 /Filter /FlateDecode")
    return one_page(deflated(TEXT), more=[bomb], page=b"/Annots 6 0 R")


def junk_images() -> bytes:
    junk = random.Random(2).randbytes(5000)
    images = [
        stream(junk, b"/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 1"
               b" /ColorSpace /DeviceGray /Filter /%s" % name)
        for name in (b"JBIG2Decode", b"JPXDecode")
    ]  # fmt: skip
    return one_page(deflated(TEXT + b"/A Do /B Do"), resources=b"/XObject << /A 6 0 R /B 7 0 R >>", more=images)


def circular_outline() -> bytes:
    items = [b"<< /First 7 0 R /Last 7 0 R /Count 9 >>"]
    items += [b"<< /Title (1 Loop) /Parent 6 0 R /Next 7 0 R /First 7 0 R /Dest [3 0 R /XYZ 0 9 0] >>"]
    return one_page(deflated(TEXT), more=items, catalogue=b"/Outlines 6 0 R")


def script_and_file() -> bytes:
    script = b"<< /S /JavaScript /JS (while (true) { app.alert('x'); }) >>"
    spec = b"<< /Type /Filespec /F (a.exe) /EF << /F 8 0 R >> >>"
    names = b"/OpenAction 6 0 R /Names << /EmbeddedFiles << /Names [(a.exe) 7 0 R] >> >>"
    return one_page(deflated(TEXT), more=[script, spec, stream(b"MZ" * 99, b"")], catalogue=names)


READ = "read"
PARTIAL = "partial"
CORPUS: dict[Callable[[], bytes], set[str]] = {
    bytes: {"not_pdf"},
    text_file: {"not_pdf"},
    head: {"truncated"},
    noise: {"pdf"},
    cut_at_half: {"truncated", PARTIAL},
    tail_lost: {"truncated", PARTIAL},
    user_password: {"encrypted"},
    no_copying: {READ},
    page_tree_loop: {"pdf", "scanned"},
    huge_content: {READ, PARTIAL, "pdf_bomb", "pdf_crash", "pdf_timeout"},
    twice_deflated: {"pdf_bomb", "pdf_crash", "pdf_timeout", "scanned"},
    two_million_paths: {PARTIAL, "pdf_bomb", "pdf_crash", "pdf_timeout"},
    many_texts: {PARTIAL, "pdf_bomb", "pdf_crash", "pdf_timeout"},
    giant_page: {READ},
    many_pages: {READ},
    too_many_pages: {"too_large"},
    laughing_forms: {READ, "pdf_timeout", "pdf_bomb", "pdf_crash"},
    nested_forms: {READ, "pdf_crash"},
    huge_xref: {"pdf"},
    object_stream_bomb: {READ, "pdf_bomb", "pdf_crash", "pdf_timeout"},
    junk_images: {READ},
    circular_outline: {READ},
    script_and_file: {READ},
}


def outcome(pdf: bytes) -> tuple[str, Datasheet | None]:
    """Return how reading ended: a reason, or read or partial with the datasheet."""
    try:
        sheet = read_sheet(pdf, file="hostile.pdf", timeout_seconds=SECONDS, memory_bytes=MEMORY_BYTES)
    except DatasheetError as error:
        return error.reason, None
    return PARTIAL if sheet.partial else READ, sheet


@pytest.mark.slow
@pytest.mark.parametrize("make", CORPUS, ids=lambda make: make.__name__)
def test_each_hostile_file_has_its_end(make: Callable[[], bytes]) -> None:
    """Whatever a file does, the reader's process ends in time with an answer or a reason, and this one goes on."""
    pdf = make()
    start = time.monotonic()

    how, sheet = outcome(pdf)

    assert how in CORPUS[make]
    assert time.monotonic() - start < SECONDS + 5
    assert sheet is None or "egister" in " ".join(sheet.pages)


def test_forbidden_copying_is_told() -> None:
    """A file whose owner forbids copying is read for facts and marked."""
    _, sheet = outcome(no_copying())

    assert sheet is not None
    assert sheet.copy_restricted
