"""Files in the style of the benchmark's domains."""

import pytest

from deploy.demo.domains.origin import HELD_OUT, VELDRA
from deploy.demo.domains.shapes import SHAPES
from deploy.demo.domains.write import all_domains, domain_files
from deploy.demo.vendor import Vendor
from mapper.corpus.domain import DOMAINS, domain_of


def test_all_domains_of_the_benchmark_are_written() -> None:
    """There are kinds of file for each domain and no other."""
    assert set(SHAPES) == set(DOMAINS)


@pytest.mark.parametrize("domain", DOMAINS)
def test_files_are_classified_as_their_domain(domain: str) -> None:
    """The corpus puts each file where it was meant to go, whoever wrote it."""
    for origin in (VELDRA, *HELD_OUT):
        for file in domain_files(origin, domain, 4, seed=3):
            assert domain_of(file.path, file.data.decode()) == domain, file.path


def test_no_two_files_are_alike() -> None:
    """Files of one origin differ in path and content, and origins share none."""
    files = [file for origin in (VELDRA, *HELD_OUT) for file in all_domains(origin, 4, seed=3)]

    assert len({file.data for file in files}) == len(files)


def test_published_and_held_out_code_cover_all_domains(vendor: Vendor) -> None:
    """Even a small vendor publishes text of every domain, and holds out four files of each."""
    trees = [list(commits.values())[-1] for commits in vendor.truth.trees.values()]
    published = {domain_of(p, f.data.decode("utf-8", "replace")) for tree in trees for p, f in tree.items()}
    family = vendor.held_out / "korsund"
    held_out = [domain_of(str(p.relative_to(family)), p.read_text()) for p in family.rglob("*") if p.is_file()]

    assert published == set(DOMAINS)
    assert all(held_out.count(domain) >= 4 for domain in DOMAINS)
