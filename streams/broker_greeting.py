"""The first words with a Kafka broker, spoken by hand, so that whatever is wrong is known at once and can be said.

ApiVersions, SaslHandshake, SaslAuthenticate, Metadata, Heartbeat, each in a version that every broker knows
(https://kafka.apache.org/protocol). What the faults mean is in streams/broker_faults.py.
"""

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streams import broker_faults as faults
from streams.errors import BrokerError
from streams.kafka_security import KafkaSecurity, sasl_options, tls_context

PROBE_SECONDS = 10.0  # for a busy machine; whoever refuses does so at once
METADATA, HEARTBEAT, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 3, 12, 17, 18, 36
GROUP_AUTHORIZATION_FAILED = 30
CLIENT_ID = b"sheetstream-probe"
MAX_ANSWER_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """What a connection is made with, read from its files once."""

    settings: KafkaSecurity
    context: ssl.SSLContext | None
    sasl: dict[str, Any]


def read_access(settings: KafkaSecurity) -> Access:
    """Return what connections are made with. Raises ConfigError naming a file's setting."""
    return Access(settings, tls_context(settings), sasl_options(settings))


def greet(access: Access, address: str) -> list[str]:
    """Return host:port of all brokers as the one at an address names them. Raises BrokerError."""
    with _let_in(access, address) as talk:
        return _brokers(talk.ask(METADATA, 1, struct.pack(">i", 0)))


def may_join(access: Access, address: str, group: str) -> bool:
    """Return whether we may be a member of a consumer group, there or not: by a heartbeat of nobody. BrokerError."""
    with _let_in(access, address) as talk:
        answer = talk.ask(HEARTBEAT, 0, _string(group.encode()) + struct.pack(">i", -1) + _string(b"nobody"))
        return bool(struct.unpack_from(">h", answer)[0] != GROUP_AUTHORIZATION_FAILED)


@contextlib.contextmanager
def _let_in(access: Access, address: str) -> Iterator["_Talk"]:
    host, port = split(address)
    try:
        with _connection(access, host, port) as talk:
            talk.ask(API_VERSIONS, 0, b"")
            if access.sasl:
                _authenticate(access, talk, address)
            yield talk
    except (OSError, EOFError, struct.error) as error:
        wants = _wanted(access, host, port, error)
        raise faults.explain(error, address, access.settings, wants) from error


def split(address: str) -> tuple[str, int]:
    """Return host and port of an address. Raises BrokerError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise BrokerError(f"kafka: host:port expected in SHEETSTREAM_KAFKA, got {address!r}")
    return host.strip("[]"), int(port)


class _Talk:
    """Requests and answers over one connection, in turn, until a deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._number = 0

    def ask(self, api_key: int, version: int, body: bytes) -> bytes:
        """Return the body of the answer. Raises OSError, EOFError when the other end hangs up."""
        self._number += 1
        header = struct.pack(">hhih", api_key, version, self._number, len(CLIENT_ID)) + CLIENT_ID
        self._sock.settimeout(max(0.01, self._deadline - time.monotonic()))
        self._sock.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        size, number = struct.unpack(">ii", self._receive(8))
        if number != self._number or not 4 <= size <= MAX_ANSWER_BYTES:
            raise EOFError("the answer is not Kafka's protocol")
        return self._receive(size - 4)

    def _receive(self, num_bytes: int) -> bytes:
        parts = bytearray()
        while len(parts) < num_bytes:
            self._sock.settimeout(max(0.01, self._deadline - time.monotonic()))
            part = self._sock.recv(min(65536, num_bytes - len(parts)))
            if not part:
                raise EOFError("the broker closed the connection")
            parts += part
        return bytes(parts)


@contextlib.contextmanager
def _connection(access: Access, host: str, port: int) -> Iterator[_Talk]:
    deadline = time.monotonic() + PROBE_SECONDS
    with socket.create_connection((host, port), timeout=PROBE_SECONDS) as plain:
        if access.context is None:
            yield _Talk(plain, deadline)
            return
        plain.settimeout(max(0.01, deadline - time.monotonic()))
        with access.context.wrap_socket(plain, server_hostname=host.rstrip(".")) as encrypted:
            yield _Talk(encrypted, deadline)


def _authenticate(access: Access, talk: _Talk, address: str) -> None:
    from kafka.net.sasl import get_sasl_mechanism

    name = str(access.sasl["sasl_mechanism"])
    answer = talk.ask(SASL_HANDSHAKE, 1, _string(name.encode()))
    (code,), offered = struct.unpack_from(">h", answer), _strings(answer[2:])
    if code:
        raise faults.handshake_refused(code, offered, address, access.settings)
    mechanism = get_sasl_mechanism(name)(host=split(address)[0], security_protocol="SASL_SSL", **access.sasl)
    while not mechanism.is_done():
        token = mechanism.auth_bytes()
        answer = talk.ask(SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        code, length = struct.unpack_from(">hh", answer)
        told = max(0, length)
        if code:
            said = answer[4 : 4 + told].decode("utf-8", "replace")
            raise faults.password_refused(said, address, access.settings)
        try:
            mechanism.receive(answer[4 + told + 4 :])
        except (ValueError, KeyError) as error:
            raise faults.password_refused(
                f"the broker does not know it either: {error}", address, access.settings
            ) from None


def _wanted(access: Access, host: str, port: int, error: Exception) -> faults.Wants | None:
    """Return what the port wants and did not get, as far as other first words tell; None: unknown."""
    if isinstance(error, ssl.SSLCertVerificationError | ConnectionRefusedError | socket.gaierror | TimeoutError):
        return None
    plain = Access(access.settings, None, {})
    with contextlib.suppress(OSError, EOFError, struct.error):
        if access.context is None and _speaks_tls(host, port):
            return faults.Wants.TLS
    with contextlib.suppress(OSError, EOFError, struct.error), _connection(access, host, port) as talk:
        if not access.sasl and _takes_passwords(talk):
            return faults.Wants.USER
    with contextlib.suppress(OSError, EOFError, struct.error), _connection(plain, host, port) as talk:
        if access.context is not None and talk.ask(API_VERSIONS, 0, b""):
            return faults.Wants.PLAIN_TEXT
    return None


def _takes_passwords(talk: _Talk) -> bool:
    (code,) = struct.unpack_from(">h", talk.ask(SASL_HANDSHAKE, 1, _string(b"PLAIN")))
    return code in (0, faults.UNSUPPORTED_MECHANISM)


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent over it: only what the port speaks is asked
    with socket.create_connection((host, port), timeout=PROBE_SECONDS) as sock:
        try:
            with context.wrap_socket(sock):
                return True
        except ssl.SSLError as error:
            return "ALERT" in (error.reason or "")


def _brokers(answer: bytes) -> list[str]:
    (count,), found, rest = struct.unpack_from(">i", answer), [], answer[4:]
    for _ in range(count):
        _node, length = struct.unpack_from(">ih", rest)
        host = rest[6 : 6 + length].decode()
        port, rack = struct.unpack_from(">ih", rest, 6 + length)
        found.append(f"{host}:{port}")
        rest = rest[6 + length + 6 + max(0, rack) :]
    return found


def _string(text: bytes) -> bytes:
    return struct.pack(">h", len(text)) + text


def _strings(data: bytes) -> list[str]:
    (count,), found, rest = struct.unpack_from(">i", data), [], data[4:]
    for _ in range(count):
        (length,) = struct.unpack_from(">h", rest)
        found.append(rest[2 : 2 + length].decode("utf-8", "replace"))
        rest = rest[2 + length :]
    return found
