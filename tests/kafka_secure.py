"""A real Kafka broker that asks for TLS, passwords and certificates, with its own authority, users and authorizer."""

import subprocess
from pathlib import Path

from deploy.local.broker import Broker
from deploy.local.home import Home
from streams.config import StreamsSettings

LISTENERS = ("secure", "mutual", "expired")
PASSWORD = "correct horse/battery=staple"
ADMIN = "admin"
USERS = (ADMIN, "sheetstream-watcher", "sheetstream-worker", "sheetstream-operator", "rotating")
PROPERTIES = """\
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port},SECURE://{host}:{secure},\
MUTUAL://{host}:{mutual},EXPIRED://{host}:{expired}
advertised.listeners=PLAINTEXT://{host}:{port},SECURE://{host}:{secure},MUTUAL://{host}:{mutual},\
EXPIRED://{host}:{expired}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL
inter.broker.listener.name=PLAINTEXT
ssl.keystore.type=PEM
ssl.truststore.type=PEM
ssl.truststore.location={certificates}/ca.pem
ssl.keystore.location={certificates}/broker.both
listener.name.mutual.ssl.client.auth=required
listener.name.expired.ssl.keystore.location={certificates}/expired.both
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN
listener.name.secure.scram-sha-512.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
listener.name.secure.scram-sha-256.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
listener.name.secure.plain.sasl.jaas.config={jaas}.plain.PlainLoginModule required user_admin="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin;User:CN=admin
"""


class Certificates:
    """An authority and what it signed, as PEM files in a folder: NAME.pem, NAME.key, NAME.both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def make_authority(self, name: str = "ca") -> None:
        """Make an authority that signs itself."""
        self._openssl(
            *("req", "-x509", *self._new_key(name), "-subj", f"/CN={name}", "-days", "2", "-out", f"{name}.pem")
        )

    def sign(self, name: str, *, subject: str, authority: str = "ca", days: int = 2) -> None:
        """Make a key and its certificate, for 127.0.0.1 as host; days below 0: it has expired."""
        self._openssl("req", *self._new_key(name), "-subj", f"/CN={subject}", "-out", f"{name}.csr")
        (self.folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
        signed_by = ("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial")
        lasts = ("-days", str(days), "-extfile", "extensions")
        self._openssl("x509", "-req", "-in", f"{name}.csr", *signed_by, *lasts, "-out", f"{name}.pem")
        parts = [(self.folder / f"{name}.{suffix}").read_text() for suffix in ("key", "pem")]
        (self.folder / f"{name}.both").write_text("".join(parts))

    def lock(self, name: str, locked: str) -> None:
        """Write a copy of a key with a passphrase on it."""
        self._openssl("pkey", "-in", f"{name}.key", "-aes256", "-passout", "pass:x", "-out", f"{locked}.key")

    def _new_key(self, name: str) -> tuple[str, ...]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        return (*curve, "-keyout", f"{name}.key")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


class SecureBroker(Broker):
    """A broker with a listener for passwords over TLS, one for certificates, one whose certificate has expired."""

    def __init__(self, home: Home, cache: Path) -> None:
        self.certificates = Certificates(home.kafka / "certificates")
        self.ports = home.choose_ports(["kafka", "controller", *LISTENERS])
        super().__init__(home, cache, port=self.ports["kafka"], controller_port=self.ports["controller"])

    def make_certificates(self) -> None:
        for authority in ("ca", "stranger"):
            self.certificates.make_authority(authority)
        self.certificates.sign("broker", subject="broker")
        self.certificates.sign("expired", subject="broker", days=-1)
        self.certificates.sign("client", subject="admin")
        self.certificates.sign("strange-client", subject="admin", authority="stranger")
        (self.certificates.folder / "password").write_text(PASSWORD + "\n")

    def settings(self, home: Path, user: str = ADMIN, **changes: object) -> StreamsSettings:
        """Settings of a user that shows its password over TLS; changes win."""
        folder = self.certificates.folder
        given: dict[str, object] = {
            "home": home,
            "kafka": self.listener("secure"),
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": user,
            "kafka_sasl_password_file": folder / "password",
            "kafka_ssl_cafile": folder / "ca.pem",
        }
        given |= changes
        return StreamsSettings(**{name: value for name, value in given.items() if value is not None})

    def certificate_settings(self, home: Path, client: str | None = "client", **changes: object) -> StreamsSettings:
        """Settings of a user that shows a certificate, or none."""
        folder = self.certificates.folder
        own = {"kafka_ssl_certfile": folder / f"{client}.pem", "kafka_ssl_keyfile": folder / f"{client}.key"}
        given: dict[str, object] = {
            "home": home,
            "kafka": self.listener("mutual"),
            "kafka_security_protocol": "SSL",
            "kafka_ssl_cafile": folder / "ca.pem",
            **(own if client else {}),
        }
        return StreamsSettings(**(given | changes))

    @property
    def pid(self) -> int:
        """The process id of Kafka."""
        assert self._process is not None
        return self._process.pid

    def listener(self, name: str) -> str:
        """host:port of a listener; "kafka" is the one in plain text, whose clients may all."""
        return f"127.0.0.1:{self.ports[name]}"

    def _properties(self) -> str:
        replaced = ("listeners=", "advertised.listeners=", "listener.security.protocol.map=")
        plain = [line for line in super()._properties().splitlines() if not line.startswith(replaced)]
        secure = PROPERTIES.format(
            host="127.0.0.1",
            port=self.ports["kafka"],
            controller_port=self.ports["controller"],
            **{name: self.ports[name] for name in LISTENERS},
            certificates=self.certificates.folder,
            jaas="org.apache.kafka.common.security",
            password=PASSWORD,
        )
        return "\n".join(plain) + "\n" + secure

    def _format_options(self) -> list[str]:
        users = [("SCRAM-SHA-512", user) for user in USERS] + [("SCRAM-SHA-256", ADMIN)]
        added = [f"{mechanism}=[name={user},password={PASSWORD}]" for mechanism, user in users]
        return [*super()._format_options(), *(part for user in added for part in ("--add-scram", user))]
