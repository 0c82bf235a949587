"""Folders, ports and the lock of a home."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.errors import AlreadyRunningError, ConfigError
from deploy.local.home import LOOPBACK, Home, kafka_address


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


def test_ports_are_kept_over_restarts(home: Home) -> None:
    """A second start gets the ports of the first one, so that what was written down stays right."""
    first = home.choose_ports(["kafka", "console"])

    assert home.choose_ports(["kafka", "console"]) == first


def test_a_port_taken_meanwhile_is_replaced(home: Home) -> None:
    """Another program on a written port does not keep the system from starting."""
    first = home.choose_ports(["kafka"])
    with socket.socket() as other:
        other.bind((LOOPBACK, first["kafka"]))
        other.listen()

        assert home.choose_ports(["kafka"]) != first


def test_the_brokers_address_is_written_down(home: Home) -> None:
    """Whoever asks from another terminal finds the broker that runs, be it the embedded one or another."""
    home.kafka_file.write_text("broker.example:9092\n")

    assert kafka_address(home.root) == "broker.example:9092"


def test_a_home_that_never_ran_has_no_broker(tmp_path: Path) -> None:
    """Nothing written down means no address, not a guess."""
    assert kafka_address(tmp_path) is None


def test_a_damaged_ports_file_counts_as_absent(home: Home) -> None:
    """Half a file does not stop the next start."""
    home.ports_file.write_text("{")

    assert home.ports() == {}


def test_a_home_has_one_holder(home: Home) -> None:
    """A second `up` on the same home is refused, naming the process that holds it."""
    script = f"""
import pathlib, time
from deploy.local.home import Home
with Home(pathlib.Path({str(home.root)!r})).claim():
    print("held", flush=True); time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        with pytest.raises(AlreadyRunningError, match=str(holder.pid)), home.claim():
            pass
        assert home.holder() == holder.pid
        holder.kill()
        holder.wait()

    with home.claim():
        assert home.holder() is not None
    assert home.holder() is None


def test_a_fixed_port_that_is_taken_is_named(home: Home) -> None:
    """The port the user asked for is not silently replaced, and the message says which setting it is."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(ConfigError, match=rf"port {port} .*SHEETSTREAM_CONSOLE_PORT"):
            home.choose_ports(["console_page"], fixed={"console_page": port})
