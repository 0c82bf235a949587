"""C files of a made-up vendor, and edits of them: registers, fields, functions, shared headers, other things."""

import re

PARTS = ("QX4110", "QX4120")
FOLDERS = ("src", "lib/sensor", "drivers/{part}", "third_party/{part}", "test")
NAMES = ("CONTROL", "STATUS", "SAMPLE_RATE", "INT_THRESHOLD", "FIFO_LEVEL", "DEVICE_ID")
ADDRESSES = {name: 2 * number + 1 for number, name in enumerate(NAMES)}
RESETS = {"CONTROL": 0x40, "SAMPLE_RATE": 0x07, "DEVICE_ID": 0xA5}
LICENCE = "/* SPDX-License-Identifier: MIT */\n"
_DEFINE = re.compile(r"^#define (\w+) +(\(?[\w<+ ]+\)?)$", re.M)


def _names(pick: int) -> tuple[str, ...]:
    return NAMES[pick % 3 :] if pick % 2 else NAMES


def _header(part: str, pick: int) -> str:
    lines = [f"#ifndef {part}_H", f"#define {part}_H", ""]
    for name in _names(pick):
        lines.append(f"#define {part}_REG_{name} 0x{ADDRESSES[name]:02X}")
        if name == "CONTROL":
            lines += [f"#define {part}_CONTROL_ENABLE (1 << 0)", f"#define {part}_CONTROL_MODE_MASK 0x06"]
        if name in RESETS:
            lines.append(f"#define {part}_{name}_RESET 0x{RESETS[name]:02X}")
    return LICENCE + "\n".join([*lines, "", "#endif", ""])


def _based_header(part: str, pick: int) -> str:
    lines = [f'#include "bus_map.h"\n/* registers of the {part} */']
    lines += [f"#define {part}_{name} (SENSOR_BASE + {ADDRESSES[name]})" for name in _names(pick)]
    return LICENCE + "\n".join([*lines, ""])


def _map_header(part: str, pick: int) -> str:
    return f"{LICENCE}#pragma once\n#define SENSOR_BASE 0x0{pick % 2}\n#define BUS_SPEED 400000\n"


def _bare_header(part: str, pick: int) -> str:
    lines = [f"/* {part} three axis sensor, see its datasheet */"]
    lines += [f"#define ACC_REG_{name} 0x{ADDRESSES[name]:02x}" for name in _names(pick)]
    return LICENCE + "\n".join([*lines, ""])


def _enumeration(part: str, pick: int) -> str:
    body = "".join(f"    {part}_{name} = 0x{ADDRESSES[name]:02X},\n" for name in _names(pick))
    return f"{LICENCE}enum {part.lower()}_register {{\n{body}}};\n"


def _layout(part: str, pick: int) -> str:
    body = "".join(f"    unsigned char {name.lower()};\n" for name in _names(pick))
    return f"{LICENCE}/* register block of the {part} */\nstruct {part.lower()}_registers {{\n{body}}};\n"


def _source(part: str, pick: int) -> str:
    low = part.lower()
    functions = [
        f"int {low}_read_{name.lower()}(void)\n{{\n    return bus_read({part}_REG_{name});\n}}\n"
        for name in _names(pick)
    ]
    start = f"int {low}_init(void)\n{{\n    return bus_write({part}_REG_CONTROL, {part}_CONTROL_ENABLE);\n}}\n"
    return f'{LICENCE}#include "{low}.h"\n\n' + "\n".join([start, *functions])


def _unrelated(part: str, pick: int) -> str:
    return f"{LICENCE}#define LED_PIN {pick % 32}\nvoid led_on(void)\n{{\n    gpio_set(LED_PIN);\n}}\n"


def _empty(part: str, pick: int) -> str:
    return ""


KINDS = {
    "header": (_header, "{low}.h"),
    "source": (_source, "{low}.c"),
    "based": (_based_header, "{low}_regs.h"),
    "map": (_map_header, "bus_map.h"),
    "bare": (_bare_header, "acc.h"),
    "enumeration": (_enumeration, "{low}_enum.h"),
    "layout": (_layout, "{low}_layout.h"),
    "unrelated": (_unrelated, "led.c"),
    "empty": (_empty, "empty.h"),
}


def new_file(kind: str, part: str, folder: str, pick: int) -> tuple[str, str]:
    """Return path and text of a file of this kind about a part."""
    write, name = KINDS[kind]
    low = part.lower()
    return f"{folder.format(part=low)}/{name.format(low=low)}", write(part, pick)


def _with(text: str, found: re.Match[str], new: str) -> str:
    return text[: found.start()] + new + text[found.end() :]


def _define(text: str, pick: int) -> re.Match[str] | None:
    found = list(_DEFINE.finditer(text))
    return found[pick % len(found)] if found else None


def set_value(text: str, pick: int) -> str:
    """Give one macro another value."""
    found = _define(text, pick)
    return _with(text, found, f"#define {found[1]} 0x{pick % 16:02X}") if found else text


def rename_macro(text: str, pick: int) -> str:
    """Give one macro another name, everywhere in the file."""
    found = _define(text, pick)
    if found is None:
        return text
    new = re.sub(r"_(\w+)$", lambda tail: f"_{NAMES[pick % len(NAMES)]}", found[1]) if pick % 2 else found[1] + "_X"
    return re.sub(rf"\b{found[1]}\b", new, text)


def add_field(text: str, pick: int) -> str:
    """Add a macro for a bit field, or for a register."""
    part, name = PARTS[pick % 2], NAMES[pick % len(NAMES)]
    field = f"{part}_{name}_BIT{pick % 8} (1 << {pick % 8})"
    line = "#define " + (field if pick % 3 else f"{part}_REG_{name} 0x{ADDRESSES[name]:02X}")
    found = _define(text, pick)
    at = found.end() if found else len(text)
    return f"{text[:at]}\n{line}{text[at:]}\n"


def remove_define(text: str, pick: int) -> str:
    """Take one macro away."""
    found = _define(text, pick)
    return _with(text, found, "/* gone */") if found else text


def add_function(text: str, pick: int) -> str:
    """Add a function that reads a register."""
    part, name = PARTS[pick % 2], NAMES[pick % len(NAMES)]
    head = f"int {part.lower()}_get_{name.lower()}_{pick % 4}(void)"
    return f"{text}\n{head}\n{{\n    return bus_read({part}_REG_{name});\n}}\n"


def respace(text: str, pick: int) -> str:
    """Change white space and comments alone: symbols move, and stay what they are."""
    return "\n" * (pick % 3 + 1) + text if pick % 2 else text.replace("0x", "  0x", 1) + "/* note */\n"


EDITS = {
    "value": set_value,
    "rename_macro": rename_macro,
    "add_field": add_field,
    "remove_define": remove_define,
    "add_function": add_function,
    "respace": respace,
}
