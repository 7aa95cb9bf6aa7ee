"""The package's frames on a plain socket, without acknowledgements, for a test to command."""

import socket

from korinet.protocol import v2

from lines import serve
from messages import actions

listener = None
frames = None


def listen():
    global listener
    listener = socket.create_server(("127.0.0.1", 0))
    return {"port": listener.getsockname()[1]}


def accept():
    global frames
    frames = v2(listener.accept()[0])


def connect(port):
    global frames
    frames = v2(socket.create_connection(("127.0.0.1", port)))


serve(
    {
        **actions(lambda data: frames.send(data), lambda: frames.recv()),
        "listen": listen,
        "accept": accept,
        "connect": connect,
    }
)
