"""The Python package korinet as a peer of the benchmarks, used as its README says. It speaks the contract of the other
programs: lines of JSON on standard output, and a snapshot for each mark on standard input."""

import json
import math
import os
import resource
import socket
import sys
import threading
import time

from korinet.client import client
from korinet.server import server

# The package prints to standard output, which is where the contract's lines go.
lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
sys.stdout = sys.stderr

messages = 0
times = []


def say(line):
    lines.write(json.dumps(line) + "\n")
    lines.flush()


def latency():
    global times
    taken, times = sorted(times), []
    if not taken:
        return {}

    def quantile(share):
        return taken[max(0, math.ceil(share * len(taken)) - 1)]

    figures = {"p50_nanos": quantile(0.5), "p99_nanos": quantile(0.99), "max_nanos": taken[-1]}
    return {"latency": {"count": len(taken), **figures}}


def answer_marks():
    for _ in sys.stdin:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        snapshot = {
            "at_nanos": time.perf_counter_ns(),
            "messages": messages,
            "cpu_nanos": int((usage.ru_utime + usage.ru_stime) * 1e9),
            "resident_bytes": usage.ru_maxrss * 1024,
            **latency(),
        }
        say({"snapshot": snapshot})
    os._exit(0)


def serve():
    global messages
    listener = socket.create_server(("127.0.0.1", 0))
    say({"listening": {"port": listener.getsockname()[1]}})
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    session = server(connection)
    while True:
        session.recv(giveID=True)
        messages += 1


def drive(port, size, counts):
    """Each message is acknowledged before the next is sent; the package has no other mode."""
    global messages
    session = client("127.0.0.1", port)
    message = {"data": bytes(size)}
    say("ready")
    while True:
        start = time.perf_counter_ns()
        session.send(message)
        times.append(time.perf_counter_ns() - start)
        messages += counts


def main():
    role, rest = sys.argv[1], sys.argv[2:]
    options = dict(zip(rest[::2], rest[1::2]))
    if "--core" in options:
        os.sched_setaffinity(0, {int(options["--core"])})
    threading.Thread(target=answer_marks, daemon=True).start()
    if role == "server":
        serve()
    else:
        # In a stream the server counts.
        counts = 1 if options["--workload"] == "rtt" else 0
        drive(int(options["--port"]), int(options["--size"]), counts)


main()
