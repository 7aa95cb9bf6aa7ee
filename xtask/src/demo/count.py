"""Counts with the Python package: python count.py HOST PORT UPTO."""

import sys
import time

from korinet.client import client

connection = client(sys.argv[1], int(sys.argv[2]), timeout=30)
for number in range(1, int(sys.argv[3]) + 1):
    if not connection.send({"n": number}):
        sys.exit(f"number {number} was not acknowledged")
    time.sleep(0.002)
