"""How clients are let in by Kafka: TLS and SASL, from one set of settings for both client libraries.

kafka-python (producer, admin, replay, lag) and Faust (the worker) get the same TLS context and the same credentials
from here, and so does the probe in streams/broker.py: they can never disagree. A host's name is always checked
against its certificate. The password lies in a file, since the environment of a process can be read by others.
"""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr, field_serializer, field_validator, model_validator
from pydantic_settings import BaseSettings

from streams.errors import ConfigError

if TYPE_CHECKING:
    from faust.types.auth import CredentialsT

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
SASL_SETTINGS = ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password_file")
TLS_SETTINGS = ("kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile")
MAX_PASSWORD_BYTES = 4096


class KafkaSecurity(BaseSettings):
    """The part of StreamsSettings that says how Kafka is reached; combinations that make no sense are refused."""

    kafka: str = "127.0.0.1:9092"
    """host:port, several separated by commas."""
    kafka_security_protocol: Protocol = "PLAINTEXT"
    """What the brokers' port speaks: TLS with SSL and SASL_SSL, a user and password with SASL_*."""
    kafka_sasl_mechanism: Mechanism | None = None
    """How the password is shown; PLAIN sends it as it is, and so only over TLS."""
    kafka_sasl_username: str = ""
    kafka_sasl_password_file: Path | None = None
    """A file with the password in its only line; read whenever a client is made."""
    kafka_ssl_cafile: Path | None = None
    """Who may have signed the brokers' certificates (PEM); None: the system's authorities."""
    kafka_ssl_certfile: Path | None = None
    """This client's own certificate (PEM), where the brokers ask for one."""
    kafka_ssl_keyfile: Path | None = None
    """Its private key (PEM, not encrypted)."""
    kafka_principals: dict[str, str] = {}
    """Service -> the user that its rights are given to (streams/acls.py), where that is not sheetstream-SERVICE."""

    @property
    def kafka_uses_tls(self) -> bool:
        """Whether connections to the brokers are encrypted."""
        return self.kafka_security_protocol in ("SSL", "SASL_SSL")

    @property
    def kafka_uses_sasl(self) -> bool:
        """Whether a user and password are shown to the brokers."""
        return self.kafka_security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @field_validator("kafka_sasl_password_file", *TLS_SETTINGS)
    @classmethod
    def _expand_path(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    @field_serializer("kafka_sasl_password_file", when_used="json")
    def _hide(self, path: Path | None) -> str | None:
        return "set" if path else None  # by mistake it may be the password itself

    @model_validator(mode="after")
    def _check_combination(self) -> "KafkaSecurity":
        protocol = self.kafka_security_protocol
        for uses, names in ((self.kafka_uses_sasl, SASL_SETTINGS), (self.kafka_uses_tls, TLS_SETTINGS)):
            unused = [name for name in names if getattr(self, name) and not uses]
            if unused:
                fitting = "SASL_SSL or SASL_PLAINTEXT" if names is SASL_SETTINGS else "SSL or SASL_SSL"
                what = f"{fitting} expected, as {variable(unused[0])} is set; got {protocol}"
                raise refused("kafka_security_protocol", what)
        if self.kafka_uses_sasl:
            for name in SASL_SETTINGS:
                if not getattr(self, name):
                    raise refused(name, f"must be set with {protocol}")
            if self.kafka_sasl_mechanism == "PLAIN" and not self.kafka_uses_tls:
                raise refused("kafka_sasl_mechanism", f"PLAIN shows the password: SASL_SSL expected, got {protocol}")
            if set(self.kafka_sasl_username) & set(",="):
                raise refused("kafka_sasl_username", "a name without , and = expected")
        if (self.kafka_ssl_certfile is None) != (self.kafka_ssl_keyfile is None):
            missing = "kafka_ssl_keyfile" if self.kafka_ssl_certfile else "kafka_ssl_certfile"
            raise refused(missing, "certificate and key are needed together")
        return self


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"SHEETSTREAM_{name.upper()}"


def refused(name: str, what: str) -> ConfigError:
    """Return the error about a setting."""
    return ConfigError(f"{name}: {what} (environment: {variable(name)})")


def addresses(settings: KafkaSecurity) -> list[str]:
    """Return host:port of each broker to ask first."""
    return [address.strip() for address in settings.kafka.split(",") if address.strip()]


def client_options(settings: KafkaSecurity) -> dict[str, Any]:
    """Return the keyword arguments that every client of kafka-python gets. Raises ConfigError."""
    options: dict[str, Any] = {
        "bootstrap_servers": addresses(settings),
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": tls_context(settings),
    }
    return options | sasl_options(settings)


def sasl_options(settings: KafkaSecurity) -> dict[str, Any]:
    """Return the arguments about user and password, none without SASL. Raises ConfigError."""
    secret = password(settings)
    if secret is None:
        return {}
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": secret.get_secret_value(),
    }


def faust_credentials(settings: KafkaSecurity) -> "CredentialsT | None":
    """Return what Faust's app takes as broker_credentials, None for plain text. Raises ConfigError."""
    from faust import SASLCredentials, SSLCredentials

    context, secret = tls_context(settings), password(settings)
    if secret is not None:
        return SASLCredentials(
            username=settings.kafka_sasl_username,
            password=secret.get_secret_value(),
            ssl_context=context,
            mechanism=settings.kafka_sasl_mechanism,
        )
    return SSLCredentials(context) if context is not None else None


def tls_context(settings: KafkaSecurity) -> ssl.SSLContext | None:
    """Return the TLS context of a client, None without TLS. Raises ConfigError naming the file's setting."""
    if not settings.kafka_uses_tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    except OSError as error:  # of which SSLError is one
        raise refused(
            "kafka_ssl_cafile", f"certificates in PEM expected at {settings.kafka_ssl_cafile}: {error}"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile
    if certificate is not None and key is not None:
        for name, path in (("kafka_ssl_certfile", certificate), ("kafka_ssl_keyfile", key)):
            try:
                path.open("rb").close()
            except OSError as error:
                raise refused(name, f"a readable file expected: {error}") from None
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except OSError as error:
            what = (
                f"the unencrypted key of the certificate in {variable('kafka_ssl_certfile')} expected at {key}: {error}"
            )
            raise refused("kafka_ssl_keyfile", what) from None
    return context


def password(settings: KafkaSecurity) -> SecretStr | None:
    """Return the password as its file has it now, None without SASL. Raises ConfigError, which never repeats it."""
    path = settings.kafka_sasl_password_file
    if path is None:
        return None
    name = "kafka_sasl_password_file"
    try:
        with path.open("rb") as file:
            text = file.read(MAX_PASSWORD_BYTES + 1).decode()
    except (OSError, ValueError) as error:
        # The path is not repeated: by mistake it may be the password.
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise refused(name, f"the path of a readable text file expected: {reason}") from None
    lines = text.splitlines()
    if len(lines) != 1 or not lines[0] or len(text) > MAX_PASSWORD_BYTES:
        raise refused(name, f"a file with one line, the password, expected; it has {len(lines)}")
    return SecretStr(lines[0])


def _no_password() -> str:
    # Without it OpenSSL would ask at the terminal, and wait.
    raise refused("kafka_ssl_keyfile", "an unencrypted key expected, it has a passphrase")
