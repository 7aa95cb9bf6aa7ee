"""The package's client, for a test to command."""

from korinet.client import client

from lines import serve
from messages import actions

connection = None


def connect(port, timeout=120):
    global connection
    connection = client("127.0.0.1", port, timeout=timeout)


def send_numbers(first, last):
    """Tells of each one that is acknowledged."""
    for number in range(first, last + 1):
        connection.send({"number": number})
        yield {"number": number}


def recv_numbers(last):
    """Receives until the last one comes, and tells of each."""
    number = 0
    while number != last:
        message = connection.recv()
        number = message["number"]
        yield {"number": number, "id": message["id"]}


serve(
    {
        **actions(lambda data: connection.send(data), lambda: connection.recv()),
        "connect": connect,
        "send_numbers": send_numbers,
        "recv_numbers": recv_numbers,
    }
)
