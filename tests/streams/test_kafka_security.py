"""Settings of Kafka's TLS and SASL: what is refused before anything connects, and what both clients are given."""

import json
import ssl
from pathlib import Path

import pytest

from streams.config import StreamsSettings
from streams.errors import ConfigError
from streams.kafka_security import client_options, faust_credentials, password, tls_context
from tests.kafka_secure import Certificates

SASL = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_username": "worker",
    "kafka_sasl_password_file": "/nowhere",
}


def settings(home: Path, **given: object) -> StreamsSettings:
    return StreamsSettings(home=home, **given)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A password file as a person writes it, with a newline."""
    path = tmp_path / "secret"
    path.write_text("s3cr3t pass\n")
    return path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and a client's certificate in a folder."""
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    made.make_authority()
    made.sign("client", subject="worker")
    return made.folder


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"kafka_security_protocol": "TLS"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"kafka_sasl_username": "worker"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"kafka_ssl_cafile": "/ca.pem"}, "KAFKA_SECURITY_PROTOCOL"),
        (SASL | {"kafka_sasl_mechanism": None}, "KAFKA_SASL_MECHANISM"),
        (SASL | {"kafka_sasl_mechanism": "GSSAPI"}, "KAFKA_SASL_MECHANISM"),
        (SASL | {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "PLAIN"}, "KAFKA_SASL_MECHANISM"),
        (SASL | {"kafka_sasl_username": ""}, "KAFKA_SASL_USERNAME"),
        (SASL | {"kafka_sasl_username": "a,b"}, "KAFKA_SASL_USERNAME"),
        (SASL | {"kafka_sasl_password_file": None}, "KAFKA_SASL_PASSWORD_FILE"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_certfile": "/c.pem"}, "KAFKA_SSL_KEYFILE"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_keyfile": "/c.key"}, "KAFKA_SSL_CERTFILE"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, given: dict[str, object], named: str) -> None:
    """When settings are read, by the variable to change; a password is never sent in the clear by mistake."""
    with pytest.raises(ConfigError, match=rf"environment: SHEETSTREAM_{named}\)"):
        settings(tmp_path, **given)


def test_without_settings_it_is_plain_text(tmp_path: Path) -> None:
    """The embedded broker's clients, on loopback, need none."""
    assert client_options(settings(tmp_path)) == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }
    assert faust_credentials(settings(tmp_path)) is None


def test_both_clients_get_the_same(tmp_path: Path, secret: Path, certificates: Path) -> None:
    """Mechanism, user and password, and a TLS context that checks chain and host name."""
    given = settings(
        tmp_path, **SASL | {"kafka_sasl_password_file": secret, "kafka_ssl_cafile": certificates / "ca.pem"}
    )

    options, credentials = client_options(given), faust_credentials(given)

    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-512", "worker")
    assert options["sasl_plain_password"] == credentials.password == "s3cr3t pass"
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    for context in (options["ssl_context"], credentials.ssl_context):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_certificate_of_ones_own_needs_no_password(tmp_path: Path, certificates: Path) -> None:
    """Mutual TLS: both clients get a context that shows it."""
    given = settings(
        tmp_path,
        kafka_security_protocol="SSL",
        kafka_ssl_cafile=certificates / "ca.pem",
        kafka_ssl_certfile=certificates / "client.pem",
        kafka_ssl_keyfile=certificates / "client.key",
    )

    assert "sasl_mechanism" not in client_options(given)
    assert faust_credentials(given).protocol.value == "SSL"


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n", "x" * 5000])
def test_a_password_file_has_one_line(tmp_path: Path, secret: Path, text: str) -> None:
    """An empty or longer file is a mistake, and what is in it is not repeated."""
    secret.write_text(text)

    with pytest.raises(ConfigError, match=r"one line.*SHEETSTREAM_KAFKA_SASL_PASSWORD_FILE") as caught:
        password(settings(tmp_path, **SASL | {"kafka_sasl_password_file": secret}))
    assert "one\n" not in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_a_password_in_place_of_its_file_is_not_repeated(tmp_path: Path) -> None:
    """It may have been put there by mistake: neither an error nor the shown settings have it."""
    given = settings(tmp_path, **SASL | {"kafka_sasl_password_file": "s3cr3t-itself"})

    with pytest.raises(ConfigError, match=r"SHEETSTREAM_KAFKA_SASL_PASSWORD_FILE") as caught:
        client_options(given)

    assert "s3cr3t" not in str(caught.value)
    assert "s3cr3t" not in json.dumps(given.model_dump(mode="json"))
    assert given.model_dump(mode="json")["kafka_sasl_password_file"] == "set"


def test_a_passwords_repr_is_hidden(tmp_path: Path, secret: Path) -> None:
    """What a log or a traceback may show of it are stars."""
    found = password(settings(tmp_path, **SASL | {"kafka_sasl_password_file": secret}))

    assert "s3cr3t" not in f"{found} {found!r}"


@pytest.mark.parametrize(
    ("setting", "file"),
    [
        ("kafka_ssl_cafile", "nowhere.pem"),
        ("kafka_ssl_cafile", "client.key"),
        ("kafka_ssl_certfile", "nowhere.pem"),
        ("kafka_ssl_keyfile", "nowhere.key"),
        ("kafka_ssl_keyfile", "ca.key"),
        ("kafka_ssl_keyfile", "locked.key"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    tmp_path: Path, certificates: Path, setting: str, file: str
) -> None:
    """Absent, another kind, another certificate's key, or a key that OpenSSL would ask a passphrase for."""
    Certificates(certificates).lock("client", "locked")
    files = {"kafka_ssl_cafile": "ca.pem", "kafka_ssl_certfile": "client.pem", "kafka_ssl_keyfile": "client.key"}
    paths = {name: certificates / path for name, path in (files | {setting: file}).items()}

    with pytest.raises(ConfigError, match=rf"SHEETSTREAM_{setting.upper()}\)"):
        tls_context(settings(tmp_path, kafka_security_protocol="SSL", **paths))
