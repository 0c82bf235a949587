"""What a release may hold."""

import pytest

from eval.errors import VerificationError
from eval.release import check_name, parse_release


@pytest.mark.parametrize("name", ["adapter/adapter_model.safetensors", "notes.md", "adapter/chat_template.jinja"])
def test_plain_files_are_allowed(name: str) -> None:
    """Safetensors, JSON and text below the release."""
    check_name(name, "here")


@pytest.mark.parametrize(
    "name", ["../x.json", "/etc/x.json", "a/../../x.json", "a\\x.json", "./x.json", "release.json"]
)
def test_paths_that_leave_the_release_are_refused(name: str) -> None:
    """A release cannot write beside itself."""
    with pytest.raises(VerificationError, match="a path below the release"):
        check_name(name, "here")


@pytest.mark.parametrize("name", ["adapter/adapter_model.bin", "x.pkl", "x.pt", "x.py", "x"])
def test_files_that_may_hold_code_are_refused(name: str) -> None:
    """Pickle by any name, and code."""
    with pytest.raises(VerificationError, match="may be released"):
        check_name(name, "here")


def test_bytes_that_are_no_release_are_refused() -> None:
    """The place is named."""
    with pytest.raises(VerificationError, match="there: not a release"):
        parse_release(b"{}", "there")
