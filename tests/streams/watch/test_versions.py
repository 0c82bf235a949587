"""Tags are ordered by the version in their names."""

import pytest

from streams.watch.versions import newest, version_of

ASCENDING = [
    ["v1.0.0-alpha", "v1.0.0-alpha.2", "v1.0.0-beta", "v1.0.0-rc.1", "v1.0.0-rc2", "v1.0.0", "v1.0.0-p1", "v1.0.1"],
    ["1.9", "1.10", "2.0b1", "2.0", "2.0.post1", "10.0"],
    ["FW_X4_V1.27.1", "FW_X4_V1.28.0-rc1", "FW_X4_V1.28.0"],
    ["release_1_2", "release_1_10"],
    ["sdk-2023.12", "sdk-2024.06", "sdk-2024.06-hotfix2"],
    ["r1", "r9", "r10"],
    ["lib32-v2.0.9-rc1", "lib32-v2.0.9"],
]


@pytest.mark.parametrize("tags", ASCENDING, ids=lambda tags: tags[-1])
def test_versions_are_in_order(tags: list[str]) -> None:
    """Numbers count as numbers, pre-releases come before their release, patches after it."""
    mixed = tags[::-1]

    assert sorted(mixed, key=lambda tag: version_of(tag) or pytest.fail(tag)) == tags


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["v1.0", "v2.0-rc1", "latest"], "v1.0"),
        (["v2.0-rc1", "v2.0-rc2"], "v2.0-rc2"),
        (["latest", "stable"], None),
        ([], None),
        (["1.2", "1.2.0"], "1.2.0"),
    ],
)
def test_the_newest_release_is_followed(tags: list[str], expected: str | None) -> None:
    """A pre-release only where there is no release; a name without a number never; one version twice: by name."""
    assert newest(tags) == expected
    assert newest(tags[::-1]) == expected


def test_a_name_may_be_anything() -> None:
    """Long digits, other scripts' digits and no text at all raise nothing."""
    for tag in ("9" * 500, "v\u0661.\u0662", "", ".", "v1." + "0." * 200, "\udcff1.2"):
        version_of(tag)
    assert version_of("") is None
