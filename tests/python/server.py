"""The package's server, for a test to command; it has one connection at a time."""

import socket

from korinet.server import server

from lines import serve
from messages import actions

listener = None
connection = None


def listen(port=0):
    global listener
    listener = socket.create_server(("127.0.0.1", port))
    return {"port": listener.getsockname()[1]}


def accept():
    global connection
    connection = server(listener.accept()[0])


def recv_numbers():
    """Receives until the process is killed, on one connection after the other. Tells of each message and of each end."""
    while True:
        accept()
        try:
            while True:
                message = connection.recv(giveID=True)
                yield {"number": message["number"], "id": message["id"]}
        except Exception as error:
            yield {"ended": f"{type(error).__name__}: {error}"}


def send_numbers(first, last):
    """Sends; what failed is sent again on the next connection. Tells of both."""
    number = first
    accept()
    while number <= last:
        try:
            connection.send({"number": number})
            yield {"number": number}
            number += 1
        except Exception as error:
            yield {"failed": number, "why": f"{type(error).__name__}: {error}"}
            accept()


serve(
    {
        **actions(lambda data: connection.send(data), lambda: connection.recv(giveID=True)),
        "listen": listen,
        "accept": accept,
        "recv_numbers": recv_numbers,
        "send_numbers": send_numbers,
    }
)
