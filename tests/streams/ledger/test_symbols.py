"""streams/ledger/symbols.py"""

from collections.abc import Callable

from sqlalchemy import Engine

from mapper.model import SourceFile
from streams.ledger import symbols
from streams.ledger.bodies import unpack
from streams.ledger.engine import writing

Make = Callable[..., SourceFile]


def test_only_content_never_seen_is_unparsed(engine: Engine, make_file: Make) -> None:
    """A parsed file is known by blob and path: a copy elsewhere is another one."""
    with writing(engine) as conn:
        symbols.store_parsed(conn, [make_file("a.h", "b1")])

        missing = symbols.unparsed(conn, {"a.h": "b1", "c.h": "b1", "d.h": "b2"})

    assert missing == {"c.h": "b1", "d.h": "b2"}


def test_the_tree_gives_its_parsed_files_in_path_order(engine: Engine, make_file: Make) -> None:
    """Files that are not in the tree any more are left out, and known when they come back."""
    files = [make_file("b.h", "b2", X=1), make_file("a.h", "b1", Y=2)]
    with writing(engine) as conn:
        symbols.store_parsed(conn, files)
        symbols.write_tree(conn, "repo", {"a.h": "b1", "b.h": "b2", "c.h": "b3"}, [])
        symbols.write_tree(conn, "repo", {}, ["c.h"])

        bodies = symbols.tree_bodies(conn, "repo")

        assert [unpack(SourceFile, body) for body in bodies] == [files[1], files[0]]
        assert symbols.load_parsed(conn, {"a.h": "b1"}) == {"a.h": files[1]}


def test_replacing_symbols_tells_which_changed(engine: Engine, make_file: Make) -> None:
    """New, changed and removed symbols are named; one that only moved to another line is not."""
    with writing(engine) as conn:
        first = symbols.replace_symbols(conn, "repo", ["a.h"], [make_file("a.h", "b1", A=1, B=2)], "c1")
        second = symbols.replace_symbols(conn, "repo", ["a.h"], [make_file("a.h", "b2", B=2, C=3)], "c2")
        (b,) = symbols.find_symbols(conn, "B")

    assert (len(first), len(second)) == (2, 2)
    assert (b.line, b.commit_id, b.value) == (1, "c1", 2)
    assert b.symbol_id not in second


def test_a_value_of_64_bits_comes_back(engine: Engine, make_file: Make) -> None:
    """Values are kept as text: SQL integers end before unsigned ones do."""
    with writing(engine) as conn:
        symbols.replace_symbols(conn, "repo", ["a.h"], [make_file("a.h", "b1", BIG=2**64 - 1)], "c1")

        assert symbols.find_symbols(conn, "BIG")[0].value == 2**64 - 1
