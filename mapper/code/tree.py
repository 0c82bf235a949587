"""What a path says about its file: language, role, and whether it is source code at all."""

import re
from pathlib import PurePosixPath

from mapper.code.wordlist import word_set
from mapper.model import Role

_LANGUAGE_OF_SUFFIX = {
    **dict.fromkeys((".c", ".h", ".inc"), "c"),
    **dict.fromkeys(
        (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".ino", ".tpp", ".ipp", ".inl"), "cpp"
    ),
    **dict.fromkeys((".s", ".asm", ".s79", ".s90"), "asm"),
    **dict.fromkeys((".dts", ".dtsi", ".dtso", ".overlay"), "devicetree"),
    **dict.fromkeys((".ld", ".lds", ".icf", ".sct", ".lsl"), "linker"),
    **dict.fromkeys((".md", ".rst", ".txt", ".adoc"), "text"),
}
_SOURCE_LANGUAGES = frozenset({"c", "cpp", "asm", "devicetree", "kconfig", "linker"})
_LINKER_INPUT = re.compile(r"\.(?:ld|lds)\.(?:s|h|in)$", re.IGNORECASE)
_KCONFIG = re.compile(r"^(?:Kconfig(?:[.\-_].*)?|.*\.kconfig|Config\.in)$", re.IGNORECASE)

_ROLE_OF_DIRECTORY: tuple[tuple[Role, frozenset[str]], ...] = (
    ("document", word_set("doc docs documentation manual manuals datasheet datasheets")),
    ("generated", word_set("generated autogen build")),
    (
        "vendored",
        word_set(
            "third_party thirdparty third-party 3rdparty 3rd_party 3rd-party vendor vendored external externals extern "
            "submodules contrib deps dependencies lwip freertos cmsis"
        ),
    ),
    ("test", word_set("test tests unittest unittests unit_test unit_tests testing mock mocks fuzz selftest")),
    ("example", word_set("example examples demo demos sample samples sketch sketches tutorial tutorials")),
    (
        "board",
        word_set("board boards bsp port ports project projects platform platforms target targets interface arch"),
    ),
    ("hal", word_set("hal ll soc")),
    ("application", word_set("app apps application applications firmware main")),
)
_HAL_DIRECTORY = re.compile(r"(?:^|[_-])hal(?:[_-]|$)", re.IGNORECASE)
_TEST_STEM = re.compile(r"(?:^|_)(?:unit)?tests?(?:_|$)", re.IGNORECASE)
_EXAMPLE_STEM = re.compile(r"(?:^|_)(?:example|demo)s?(?:_|$)", re.IGNORECASE)
_GENERATED_STEM = re.compile(r"(?:^|_)(?:autogen|generated)(?:_|$)", re.IGNORECASE)


def language_of(path: str) -> str:
    """Return c, cpp, asm, devicetree, kconfig, linker, text or other. A C++ header named .h is told by its content."""
    name = path.rpartition("/")[2]
    if _KCONFIG.match(name):
        return "kconfig"
    if _LINKER_INPUT.search(name):
        return "linker"
    return _LANGUAGE_OF_SUFFIX.get("." + name.rpartition(".")[2].lower() if name.rfind(".") > 0 else "", "other")


def is_relevant_path(path: str) -> bool:
    """Return whether a path is source code that the mapper reads; documents, images and build output are not."""
    return language_of(path) in _SOURCE_LANGUAGES


def role_of(path: str) -> Role:
    """Return the role a file plays in its repository, from the names of its directories and its own."""
    pure = PurePosixPath(path)
    directories = [part.lower() for part in pure.parts[:-1]]
    if language_of(path) == "text":
        return "document"
    for role, names in _ROLE_OF_DIRECTORY:
        if any(directory in names for directory in directories):
            return role
        if role == "test" and _TEST_STEM.search(pure.stem):
            return "test"
        if role == "example" and _EXAMPLE_STEM.search(pure.stem):
            return "example"
        if role == "generated" and _GENERATED_STEM.search(pure.stem):
            return "generated"
    if any(_HAL_DIRECTORY.search(directory) for directory in directories):
        return "hal"
    return "application" if pure.stem.lower() == "main" else "driver"
