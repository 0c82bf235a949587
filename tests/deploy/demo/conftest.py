"""Generated vendors that all tests of this folder share."""

import pytest

from deploy.demo.vendor import Vendor, build_vendor


@pytest.fixture(scope="session")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    """Return a small vendor."""
    return build_vendor(tmp_path_factory.mktemp("vendor"), small=True)


@pytest.fixture(scope="session")
def full_vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    """Return a vendor with its whole history."""
    return build_vendor(tmp_path_factory.mktemp("full_vendor"))
