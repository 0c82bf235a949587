"""The stream benchmark: what its figures are made of, and that a commit's cost is measured on the same links."""

from pathlib import Path

from bench.streaming.commit_cost import measure_repository
from bench.streaming.throughput import Rate
from bench.streaming.vendor import REGISTERS, driver_tree, small_commits, snapshots
from bench.streams import percentile, report_costs, report_rates
from deploy.demo.repositories.history import publish_commit, write_history
from mapper.model import Datasheet, Register

SHEET = Datasheet(
    sha256="ab" * 32, file="qx1000.pdf", title="QX1000", parts=("QX1000",), family="qx1000", revision=None, num_pages=5,
    sections=(), pages=("QX1000",) * 5,
    registers=tuple(Register(name=name, address=4 * at, page=2) for at, name in enumerate(REGISTERS[:3])),
)  # fmt: skip


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """Of a hundred values the 95th, of two the larger one from the middle on."""
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3.0, 1.0], 50) == 1.0
    assert percentile([3.0, 1.0], 99) == 3.0


def test_commits_change_one_file_each() -> None:
    """Drivers with a datasheet and without one take turns, the same in every run."""
    tree = driver_tree(2)
    commits = [files for _, files in small_commits(tree, 6)]

    changed = [[path for path in b if a.get(path) != b[path]] for a, b in zip([tree, *commits], commits, strict=False)]
    assert all(len(paths) == 1 for paths in changed)
    assert {path.split("/")[0] for (path,) in changed} == {"src", "other"}
    assert commits == [files for _, files in small_commits(tree, 6)]


def test_commits_end_where_a_full_mapping_ends(tmp_path: Path) -> None:
    """Both ledgers have the same links, and there are some."""
    tree = driver_tree(2)
    path = tmp_path / "vendor.git"
    commits = write_history(path, snapshots(tree, small_commits(tree, 3)))
    publish_commit(path, commits[-1])

    cost = measure_repository(tmp_path / "run", path, [SHEET], last=3, say=lambda _: None)

    assert cost.equal
    assert cost.num_links
    assert len(cost.commits) == 3
    assert "yes" in report_costs([cost])


def test_rates_stand_beside_the_bare_app_of_their_topic() -> None:
    """An agent's row ends with the rates of both bare apps over the same records."""
    rates = [
        Rate(agent="links", work="small commits", records=40, seconds=4.0),
        Rate(agent="links", work="faust", records=80, seconds=0.1),
        Rate(agent="links", work="confirmed", records=80, seconds=0.4),
    ]

    row = report_rates(rates).splitlines()[1].split()

    assert row[0] == "links"
    assert row[-3:] == ["10.0", "800", "200"]
