"""One message for each odd kind of data, by name; the test has the same list as CBOR values."""

from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from cbor2 import CBORSimpleValue, CBORTag, undefined


def _nested(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


CASES = {
    "empty": {},
    "integers": {
        "small": [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1],
        "negative": [-1, -24, -25, -256, -257, -(2**63), -(2**63) - 1, -(2**64)],
    },
    "big integers": {"big": [2**64, 2**70, -(2**64) - 1, -(2**70)]},
    "floats": {"floats": [0.0, -0.0, 1.5, 0.1, 1e300, 5e-324, float("inf"), float("-inf"), float("nan")]},
    "simple values": {"simple": [None, True, False, undefined, CBORSimpleValue(99)]},
    "bytes": {"bytes": [b"", bytes(range(256))]},
    "text": {"text": ["", "\0", "ünïcödé", "漢字", "\U0001f3b5", "\U0010ffff"], "ключ": "значение"},
    "nested": {"nested": _nested(60), "maps": {"a": {"b": {"c": {}}}}},
    "keys": {-1: "integer", 1.5: "float", b"k": "bytes", None: "null", (1, "a"): "array", "t": "text"},
    "tags": {
        "datetime": datetime(2024, 2, 29, 12, 30, 45, 500000, tzinfo=timezone.utc),
        "decimal": Decimal("-1.25"),
        "fraction": Fraction(1, 3),
        "uuid": UUID("00112233-4455-6677-8899-aabbccddeeff"),
        "set": {7},
        "unknown": CBORTag(4711, "x"),
    },
    "own id": {"id": "mine", "n": 1},
    "own id of another type": {"n": 1, "id": [1, 2]},
}


def difference(name, message):
    """How a received message differs from the case, or None. Its id was put in by the package."""
    expected = {key: value for key, value in CASES[name].items() if key != "id"}
    message = {key: value for key, value in message.items() if key != "id"}
    # Unlike ==, this tells -0.0 from 0.0 and True from 1, and takes NaN for NaN.
    return None if repr(message) == repr(expected) else f"{message!r} instead of {expected!r}"
