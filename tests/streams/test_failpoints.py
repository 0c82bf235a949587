"""streams/failpoints.py"""

import subprocess
import sys

import pytest

from streams.errors import ConfigError
from streams.failpoints import EXIT_STATUS, Failpoints, Point


def test_the_process_dies_at_the_second_pass_of_its_point() -> None:
    """As by kill -9: nothing after the point runs."""
    code = (
        "from streams.failpoints import *\n"
        "points = Failpoints('delivery.4_committed@2')\n"
        "for point in (Point.COMMITTED, Point.RECEIVED, Point.COMMITTED):\n"
        "    print(point, flush=True); points.hit(point)\n"
        "print('never')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == EXIT_STATUS
    assert done.stdout.split() == ["delivery.4_committed", "delivery.1_received", "delivery.4_committed"]


def test_an_unknown_point_is_a_config_error() -> None:
    """The message lists the points."""
    with pytest.raises(ConfigError, match=r"delivery\.1_received"):
        Failpoints("delivery.9_nowhere")


def test_without_a_setting_nothing_happens() -> None:
    """Every point is passed."""
    points = Failpoints()

    for point in Point:
        points.hit(point)
