"""A fault server as a program, so that it can be killed: says its address, then how far each question has come."""

from __future__ import annotations

import sys
import threading

from tests.faults.server import Connection, FaultServer
from tests.faults.vendors import VENDORS


def good(connection: Connection) -> bool:
    """Answer well."""
    connection.write(connection.good(connection.read()))
    return True


def silent(connection: Connection) -> bool:
    """Read the question, say so, and wait for the end."""
    connection.read()
    print("read", flush=True)
    connection.wait()
    return False


def half(connection: Connection) -> bool:
    """Send half of the answer, and wait for the end."""
    data = connection.good(connection.read())
    print("read", flush=True)
    connection.write(data[: data.index(b"\r\n\r\n") + 40])
    print("half", flush=True)
    connection.wait()
    return False


FAULTS = {"good": good, "silent": silent, "half": half}

if __name__ == "__main__":
    backend, fault = sys.argv[1:]
    with FaultServer(VENDORS[backend], (FAULTS[fault],)) as server:
        print(server.url, flush=True)
        threading.Event().wait()
