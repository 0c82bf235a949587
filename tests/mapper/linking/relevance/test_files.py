"""Level 2 beyond the plain case: families, registers without a name, users of a header, copies."""

from collections.abc import Callable
from dataclasses import replace

from mapper.linking import map_tree
from mapper.model import Datasheet, SourceFile

from_text = Callable[[str, str], SourceFile]
REGISTERS = """#define REG_CONTROL 0x00
#define REG_SAMPLE_RATE 0x01
#define REG_STATUS 0x02
#define REG_INT_THRESH_H 0x05
#define REG_INT_THRESH_L 0x06
"""


def accepted(files: list[SourceFile], sheet: Datasheet, **options: object) -> set[str]:
    mapping = map_tree(files, [sheet], repo_family="demo", **options)  # type: ignore[arg-type]
    return {f.path for f in mapping.files if f.accepted}


def test_a_family_name_with_a_wildcard_is_the_part(source: from_text, sheet: Datasheet) -> None:
    """zq407x stands for every member of the family."""
    assert accepted([source("drivers/zq407x/zq407x.c", "int zq407x_read(void);")], sheet) == {"drivers/zq407x/zq407x.c"}


def test_registers_decide_where_no_file_names_a_part(source: from_text, sheet: Datasheet) -> None:
    """Five registers that agree in name and address accept a file without a telling name."""
    files = [source("lib/accel/accel_regs.h", REGISTERS), source("lib/other/io.h", "#define IO_A 1\n")]

    assert accepted(files, sheet) == {"lib/accel/accel_regs.h"}


def test_registers_do_not_overrule_another_parts_name(source: from_text, sheet: Datasheet) -> None:
    """A look-alike chip's driver stays refused, however well its registers agree."""
    assert accepted([source("lib/wv8830/wv8830.h", REGISTERS)], sheet) == set()


def test_a_device_id_string_names_the_part(source: from_text, sheet: Datasheet) -> None:
    """A driver of a compatible chip that lists the part in its id table is the answer."""
    text = 'static const char *const ids[] = { "acme,zq4071", "acme,zq4080" };\n'

    assert accepted([source("drivers/iio/accelone.c", text)], sheet) == {"drivers/iio/accelone.c"}


def test_a_siblings_file_in_the_familys_folder_is_left_out(source: from_text, sheet: Datasheet) -> None:
    """The folder names the family, the file another member."""
    files = [source(f"drivers/zq40xx/{name}.c", "int x;") for name in ("zq4071", "zq4088")]

    assert accepted(files, sheet) == {"drivers/zq40xx/zq4071.c"}


def test_a_file_that_uses_the_accepted_registers_is_accepted(source: from_text, sheet: Datasheet) -> None:
    """A file that includes the register header and uses its definitions is accepted with its own header."""
    use = '#include "zq4071_regs.h"\nint f(void) { return g(REG_CONTROL) + g(REG_SAMPLE_RATE) + g(REG_STATUS); }\n'
    files = [source("zq4071_regs.h", REGISTERS), source("Accel.c", use), source("Accel.h", "int f(void);")]

    assert accepted(files, sheet) == {"zq4071_regs.h", "Accel.c", "Accel.h"}


def test_an_exact_copy_shares_the_answer(source: from_text, sheet: Datasheet) -> None:
    """The copy in a second project is accepted too, ranked behind its original."""
    files = [source("src/zq4071.h", REGISTERS), source("project/b/src/zq4071.h", REGISTERS)]

    mapping = map_tree(files, [sheet], repo_family="demo")

    assert [f.path for f in mapping.files if f.accepted] == ["src/zq4071.h", "project/b/src/zq4071.h"]


def test_a_vendored_copy_counts_only_where_nothing_else_is(source: from_text, sheet: Datasheet) -> None:
    """Third-party code is the answer of a tree that has no driver of its own."""
    copy, own = source("third_party/zq4071.h", REGISTERS), source("src/zq4071_driver.h", REGISTERS)

    assert accepted([copy], sheet) == {"third_party/zq4071.h"}
    assert accepted([copy, own], sheet) == {"src/zq4071_driver.h"}


def test_a_pinned_part_helps_weak_evidence(source: from_text, sheet: Datasheet) -> None:
    """Three agreeing registers alone are too few; with the part pinned by a person they are enough."""
    few = source("lib/accel/accel_regs.h", "".join(REGISTERS.splitlines(keepends=True)[:3]))

    assert accepted([few], sheet) == set()
    assert accepted([few], sheet, pinned_parts=("ZQ4071",)) == {"lib/accel/accel_regs.h"}


def test_a_sheet_without_a_part_accepts_by_registers_only(source: from_text, sheet: Datasheet) -> None:
    """No part name was read from the PDF: the registers still find the file."""
    assert accepted([source("lib/accel/accel_regs.h", REGISTERS)], replace(sheet, parts=())) == {
        "lib/accel/accel_regs.h"
    }


def test_a_product_without_a_number_is_known_by_its_name(source: from_text, sheet: Datasheet) -> None:
    """A title word that the first page prints names the product, where no part number was found."""
    named = replace(
        sheet, parts=(), title="Quarzino datasheet", family="quarzino datasheet", pages=("Quarzino: Datasheet",)
    )

    assert accepted([source("lib/soc/quarzino.h", "#define QUARZINO 1\n")], named) == {"lib/soc/quarzino.h"}


def test_a_part_that_exists_only_as_a_copy_is_found_there(source: from_text, sheet: Datasheet) -> None:
    """Other parts' own drivers do not take the answer from the vendored copy, source and header."""
    header, code = "third_party/chips/zq4071.h", "third_party/chips/zq4071.c"
    copy = [source(header, REGISTERS), source(code, '#include "zq4071.h"\n')]
    own = source("drivers/kt220/kt220.h", REGISTERS.replace("ZQ4071", "KT220"))

    assert accepted([*copy, own], sheet) == {header, code}


def test_of_one_driver_on_several_platforms_the_main_port_is_the_answer(source: from_text, sheet: Datasheet) -> None:
    """Near copies under one name are ports: that of the largest folder is accepted, the others say what they are."""
    body = "".join(f"int zq4071_{name}(int {name});\n" for name in ("rate", "status", "level", "edge", "mask", "gain"))
    ports = [source(f"{top}/ZQ4071/ZQ4071.cpp", f"{body}int {top}_bus;\n") for top in ("Boardy", "Chippy")]
    others = [source(f"Chippy/LED{number}/led.cpp", "int led;\n") for number in range(8)]

    mapping = map_tree([*ports, *others], [sheet], repo_family="demo")

    assert [f.path for f in mapping.files if f.accepted] == ["Chippy/ZQ4071/ZQ4071.cpp"]
    other = next(f for f in mapping.files if f.path == "Boardy/ZQ4071/ZQ4071.cpp")
    assert "a port of Chippy/ZQ4071/ZQ4071.cpp" in {evidence.detail for evidence in other.evidence}


def test_two_drivers_of_one_name_that_differ_are_both_the_answer(source: from_text, sheet: Datasheet) -> None:
    """One chip with drivers in two subsystems: other code, so no port of one another."""
    files = [
        source("drivers/hwmon/zq4071.c", "int limit(int alarm);\n"),
        source("drivers/iio/zq4071.c", "int scan(int trigger);\n"),
    ]

    assert accepted(files, sheet) == {file.path for file in files}
