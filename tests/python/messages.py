"""The actions that every peer has, whatever it sends and receives by."""

from cases import CASES, difference


def actions(send, recv):
    """`send` takes a dict; `recv` gives one, with its id put in by the package."""

    def recv_fill():
        message = recv()
        return {"size": len(message["fill"]), "zeros": not any(message["fill"])}

    def recv_case(name):
        message = recv()
        return {"id": message["id"], "difference": difference(name, message)}

    return {
        "send": lambda data: {"sent": send(data)},
        "send_fill": lambda size: {"sent": send({"fill": bytes(size)})},
        "send_case": lambda name: {"sent": send(CASES[name])},
        "recv": lambda: {"message": recv()},
        "recv_fill": recv_fill,
        "recv_case": recv_case,
    }
