"""The processes of one machine under supervisord: restarts with back-off, states, a clean end.

supervisord restarts a process that dies, waits longer after each quick death, and gives up ("failed") after
`failures` of them in a row. It gets SIGTERM when we die, and each process SIGKILL when it dies: nothing outlives us.
"""

import http.client
import logging
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import SupervisorError
from deploy.local.home import Home
from streams.lifeline import child_setup

START_SECONDS = 20.0
STOP_SECONDS = 60.0
QUICK_DEATH_SECONDS = 10  # a process that ends sooner than this after its start counts as a quick death
PROCESS_STOP_SECONDS = 15
MAX_SOCKET_PATH = 100  # bytes; the system's limit is 104 to 108

logger = logging.getLogger(__name__)

STATES = {
    "RUNNING": "running",
    "STARTING": "starting",
    "BACKOFF": "restarting",
    "STOPPING": "stopping",
    "STOPPED": "stopped",
    "EXITED": "ended",
    "FATAL": "failed",
    "UNKNOWN": "unknown",
}


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as the supervisor sees it; state is one of STATES' values, pid 0 when it does not run."""

    name: str
    state: str
    pid: int
    uptime_seconds: float
    detail: str


class Supervisor:
    """supervisord for one home: await_predecessor(), start() it, then start_process() what should run."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def await_predecessor(self) -> None:
        """Wait until the supervisor of a run that was killed has ended its processes, by force after STOP_SECONDS."""
        import psutil

        try:
            before = psutil.Process(int((self._home.run / "supervisord.pid").read_text(encoding="utf-8")))
            if str(self._config_file) not in before.cmdline():
                return  # the number belongs to another program by now
            logger.info("waiting for the processes of an earlier run to end pid=%d", before.pid)
            before.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            before.kill()
            before.wait()
        except (OSError, ValueError, psutil.Error):
            return  # there is none

    def start(self, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], failures: int) -> None:
        """Start supervisord with these commands known but not yet running. Raises SupervisorError."""
        socket_path = self._choose_socket()
        config = self._config_file
        config.write_text(self._config(commands, environment, failures, socket_path), encoding="utf-8")
        log = (self._home.logs / "supervisord.out").open("wb")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home.root,  # the configuration's paths are relative: it would expand "%" in them twice
                start_new_session=True,  # Ctrl-C on our terminal reaches us alone; we stop the rest in order
                preexec_fn=child_setup(signal.SIGTERM),
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = (self._home.logs / "supervisord.out").read_text(errors="replace").strip().splitlines()[-1:]
                raise SupervisorError(f"supervisord ended at its start: {' '.join(said) or 'no message'}")
            if self._answers():
                return
            time.sleep(0.1)
        raise SupervisorError(f"supervisord did not answer within {START_SECONDS:.0f} s; see {self._home.logs}")

    def start_process(self, name: str) -> None:
        """Start one process; its quick deaths are the supervisor's business from here on."""
        self._call("startProcess", name, False)

    def states(self) -> tuple[ProcessState, ...]:
        """Return all processes in the order they were given. Raises SupervisorError if no supervisor runs."""
        answer = self._call("getAllProcessInfo")
        assert isinstance(answer, list)
        return tuple(
            ProcessState(
                name=info["name"],
                state=STATES.get(info["statename"], "unknown"),
                pid=info["pid"],
                uptime_seconds=max(0, info["now"] - info["start"]) if info["pid"] else 0,
                detail=info["spawnerr"] or info["description"],
            )
            for info in sorted(answer, key=lambda info: info["group"])
        )

    def stop(self) -> None:
        """Stop all processes and supervisord, by force after STOP_SECONDS."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            logger.warning("supervisord did not end within %.0f s; killing it", STOP_SECONDS)
            self._process.kill()
            self._process.wait()

    def is_alive(self) -> bool:
        """Return whether the supervisor we started still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def _config_file(self) -> Path:
        return self._home.run / "supervisord.conf"

    @property
    def _socket_note(self) -> Path:
        return self._home.run / "supervisor.path"

    def _choose_socket(self) -> str:
        """Return a path short enough for a Unix socket, and write it down for those who ask later."""
        path = str(self._home.run / "supervisor.sock")
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            path = str(Path(tempfile.mkdtemp(prefix="sheetstream-")) / "supervisor.sock")
        self._socket_note.write_text(path, encoding="utf-8")
        return path

    def _config(
        self, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], failures: int, socket_path: str
    ) -> str:
        variables = ",".join(f'{name}="{_escape(value)}"' for name, value in environment.items())
        lines = [
            "[supervisord]",
            "logfile=logs/supervisord.log",
            "logfile_maxbytes=1MB",
            "logfile_backups=1",
            "pidfile=run/supervisord.pid",
            "minfds=256",
            f"environment={variables}",
            "[unix_http_server]",
            f"file={_escape(socket_path)}",
            "chmod=0700",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for priority, (name, command) in enumerate(commands.items(), start=1):
            lines += [
                f"[program:{name}]",
                f"command={_escape(shlex.join(command))}",
                f"priority={priority}",  # stopped in the reverse order
                "autostart=false",
                "autorestart=true",
                f"startsecs={QUICK_DEATH_SECONDS}",
                f"startretries={failures}",
                f"stopwaitsecs={PROCESS_STOP_SECONDS}",
                "killasgroup=true",
                "redirect_stderr=true",
                f"stdout_logfile=logs/{name}.log",
                "stdout_logfile_maxbytes=5MB",
                "stdout_logfile_backups=2",
            ]
        return "\n".join(lines) + "\n"

    def _answers(self) -> bool:
        try:
            self._call("getState")
        except SupervisorError:
            return False
        return True

    def _call(self, method: str, *arguments: object) -> object:
        from supervisor.xmlrpc import SupervisorTransport

        try:
            socket_path = self._socket_note.read_text(encoding="utf-8")
            transport = SupervisorTransport("", "", f"unix://{socket_path}")
            with closing(transport):
                proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise SupervisorError(
                f"supervisord refuses {method} {' '.join(map(str, arguments))}: {fault.faultString}"
            ) from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise SupervisorError(f"no supervisor answers for {self._home.root}: {error}") from error


def _escape(value: str) -> str:
    """Return a value as supervisord's configuration wants it: percent signs are its own."""
    return value.replace("%", "%%")
