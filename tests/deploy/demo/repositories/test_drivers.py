"""The driver library's history does what real ones do."""

from deploy.demo.vendor import Vendor


def test_history_moves_renames_deletes_and_reverts(full_vendor: Vendor) -> None:
    """A driver moves to another folder, a function gets a new name, a file goes, a commit is taken back."""
    commits = list(full_vendor.truth.trees["veldra-drivers"].values())
    names = [{m.name for f in tree.values() for m in f.mentions} for tree in commits]

    assert "drivers/vla3160.c" in commits[0]
    assert "src/vla3160/vla3160.c" in commits[-1]
    assert "vla3160_wake_setup" in names[0]
    assert "vla3160_enable_wake_up" in names[-1]
    assert "src/common/bitbang.c" not in commits[-1]
    reverts = [index for index in range(2, len(commits)) if _bytes(commits[index]) == _bytes(commits[index - 2])]
    assert reverts


def test_odd_files_are_there(full_vendor: Vendor) -> None:
    """One file is Latin-1, one does not parse, both stay in the last tree."""
    tree = list(full_vendor.truth.trees["veldra-drivers"].values())[-1]

    assert "Münster".encode("latin-1") in tree["src/vla3160/vla3160_units.h"].data
    assert b"<<<<<<<" in tree["tools/gen_table.c"].data


def _bytes(tree: object) -> dict[str, bytes]:
    assert isinstance(tree, dict)
    return {path: file.data for path, file in tree.items()}
