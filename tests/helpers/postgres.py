"""A PostgreSQL server of one's own, where the machine has the programs."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER, PASSWORD = "tuner", "s3cret"
INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian leaves it off the path


def bin_folder() -> Path:
    """Where its programs are; a test skips without them."""
    found = shutil.which("initdb")
    folder = Path(found).parent if found else (INSTALLED or [Path()])[-1]
    as_other = shutil.which("runuser") if os.geteuid() == 0 else "not needed"
    if not (folder / "initdb").is_file() or as_other is None:
        pytest.skip("PostgreSQL isn't installed")
    return folder


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Start a server with the database ``postgres``; host and port, where a password is asked."""
    programs, port = bin_folder(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if os.geteuid() == 0:  # it refuses to run as root
        for each in (folder, secret):
            shutil.chown(each, "postgres")

    def run(program: str, *arguments: str) -> None:
        other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*other, str(programs / program), "-D", str(folder / "data"), *arguments]
        log = folder / "said.txt"
        with log.open("ab") as said:
            done = subprocess.run(command, stdout=said, stderr=said, cwd=folder, timeout=60)
        assert done.returncode == 0, log.read_text()

    try:
        run("initdb", "-U", USER, f"--pwfile={secret}", "-A", "scram-sha-256", "--no-sync")
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-w", "-o", f"{settings} -c unix_socket_directories=''", "start")
        try:
            yield "127.0.0.1", port
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
