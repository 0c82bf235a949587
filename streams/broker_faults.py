"""What a failed connection to a Kafka broker means: the one line that says what is wrong and which setting mends it."""

import ssl
from enum import Enum

from streams.errors import BrokerAccessError, BrokerError
from streams.kafka_security import KafkaSecurity, variable

NOT_VALID_NOW = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
OTHER_NAME = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
UNSUPPORTED_MECHANISM = 33
PROTOCOL = variable("kafka_security_protocol")
CA_FILE = variable("kafka_ssl_cafile")
CERTIFICATE = variable("kafka_ssl_certfile")
ADDRESS = variable("kafka")


class Wants(Enum):
    """What a port speaks, where that is not what the settings say."""

    TLS = "TLS"
    PLAIN_TEXT = "plain text"
    USER = "a user and password"


def explain(error: Exception, address: str, settings: KafkaSecurity, wants: Wants | None) -> BrokerError:
    """Return the error to raise for what a connection ended with; wants: what the port turned out to want."""
    ours = settings.kafka_security_protocol
    if wants is not None:
        fitting = {
            Wants.TLS: "SASL_SSL" if settings.kafka_uses_sasl else "SSL or SASL_SSL",
            Wants.PLAIN_TEXT: "SASL_PLAINTEXT or PLAINTEXT" if settings.kafka_uses_sasl else "PLAINTEXT",
            Wants.USER: "SASL_SSL" if settings.kafka_uses_tls else "SASL_PLAINTEXT",
        }[wants]
        return _access(address, f"that port wants {wants.value}: {PROTOCOL} is {ours}, {fitting} expected there")
    if isinstance(error, ssl.SSLCertVerificationError):
        return _access(address, _certificate(error))
    if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
        return _access(address, _refused_by_alert(error, settings))
    if isinstance(error, TimeoutError):
        return BrokerError(f"kafka: {address}: the port is open but nothing is answered in time ({PROTOCOL} is {ours})")
    if isinstance(error, EOFError | ConnectionResetError | BrokenPipeError | ssl.SSLError):
        return _closed(error, address, settings)
    return BrokerError(f"kafka: {address}: {error}")


def handshake_refused(code: int, offered: list[str], address: str, settings: KafkaSecurity) -> BrokerAccessError:
    """Return the error for a broker that takes no password here, or not by this mechanism."""
    if code == UNSUPPORTED_MECHANISM:
        name, known = variable("kafka_sasl_mechanism"), ", ".join(offered) or "none"
        return _access(address, f"{name} is {settings.kafka_sasl_mechanism}, the broker there takes {known}")
    fitting = "SSL" if settings.kafka_uses_tls else "PLAINTEXT"
    return _access(
        address,
        f"the broker asks for no password there (error {code}): {PROTOCOL} is {settings.kafka_security_protocol}, "
        f"{fitting} expected",
    )


def password_refused(said: str, address: str, settings: KafkaSecurity) -> BrokerAccessError:
    """Return the error for a user that is not known, or another password; a broker does not say which."""
    names = (
        f"{variable('kafka_sasl_username')} ({settings.kafka_sasl_username}), {variable('kafka_sasl_password_file')}"
    )
    return _access(
        address,
        f"user or password refused ({settings.kafka_sasl_mechanism}): check {names} and the user's password for that "
        f"mechanism on the broker; it said: {said}",
    )


def failed(error: Exception, settings: KafkaSecurity) -> BrokerError:
    """Return the error to raise for what a client's call ended with."""
    kind = type(error).__name__
    hint = ""
    if "AuthorizationFailed" in kind:
        user = settings.kafka_sasl_username or "the certificate's subject"
        hint = f"; {user} lacks a right there (sheetstream topics apply --acls)"
    return BrokerError(f"kafka: {settings.kafka}: {kind}: {error}{hint}")


def _access(address: str, what: str) -> BrokerAccessError:
    return BrokerAccessError(f"kafka: {address}: {what}")


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    said = error.verify_message
    if error.verify_code in NOT_VALID_NOW:
        return (
            f"the broker's certificate is not valid today ({said}): it must be renewed on the broker that {ADDRESS} "
            f"names (or its authority in {CA_FILE}); is this machine's clock right?"
        )
    if error.verify_code in OTHER_NAME:
        return (
            f"the broker's certificate is for another host ({said}): {ADDRESS} must name the broker as its "
            "certificate does"
        )
    return (
        f"the broker's certificate is not signed by an authority that is trusted here ({said}): {CA_FILE} must name "
        "the file of its authority"
    )


def _refused_by_alert(error: ssl.SSLError, settings: KafkaSecurity) -> str:
    reason = (error.reason or "").replace("_", " ").lower()
    if settings.kafka_ssl_certfile is None:
        return f"the broker ended the TLS handshake ({reason}): does it ask for a certificate ({CERTIFICATE})?"
    return f"the broker refused our certificate ({reason}): {CERTIFICATE} must be one that its authorities signed"


def _closed(error: Exception, address: str, settings: KafkaSecurity) -> BrokerError:
    ours = settings.kafka_security_protocol
    hints = [f"{PROTOCOL} is {ours}"]
    if not settings.kafka_uses_sasl:
        hints.append("it may ask for a user and password (SASL_*)")
    if settings.kafka_uses_tls and settings.kafka_ssl_certfile is None:
        hints.append(f"it may ask for a certificate ({CERTIFICATE})")
    return BrokerError(f"kafka: {address}: the broker hung up ({error}): {'; '.join(hints)}")
