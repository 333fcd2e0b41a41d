"""A process of many listeners to the live stream, as cheap as a client can be; tells how late events came.

    DOCMILL_API_KEY=… python -m benchmarks.event_listeners URL COUNT

Says "ready" when all are told where they stand, and after a line on stdin one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from datetime import datetime
from urllib.parse import urlsplit

_EVENT = re.compile(rb'data: \{"id":"(\d+-\d+)","at":"([^"]+)"')
_POSITION = re.compile(rb"\nid: \d+-\d+\n")


class Listener(asyncio.Protocol):
    """One connection: the ids that came, in order, and the seconds since each event's transaction began."""

    begun_at: dict[bytes, float] = {}  # noqa: RUF012 - parsed once for all listeners

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self.ready = asyncio.get_running_loop().create_future()
        self.ids: list[bytes] = []
        self.lags: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note what whole blocks came."""
        now = time.time()
        whole, end, self._rest = (self._rest + data).rpartition(b"\n\n")
        if not self.ready.done() and _POSITION.search(whole + end):
            self.ready.set_result(None)
        for found in _EVENT.finditer(whole):
            self.ids.append(found[1])
            self.lags.append(now - self._begun(found[1], found[2]))

    def _begun(self, event: bytes, at: bytes) -> float:
        if event not in self.begun_at:
            self.begun_at[event] = datetime.fromisoformat(at.decode()).timestamp()
        return self.begun_at[event]


async def listen(url: str, key: str, count: int) -> dict[str, object]:
    """Open so many connections, and listen until a line comes on stdin."""
    where = urlsplit(url)
    request = f"GET /api/v1/events HTTP/1.1\r\nHost: {where.netloc}\r\nX-API-Key: {key}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    listeners = [
        (await loop.create_connection(lambda: Listener(request), where.hostname or "", where.port or 80))[1]
        for _ in range(count)
    ]
    await asyncio.gather(*(listener.ready for listener in listeners))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    return {
        "events": len(listeners[0].ids),
        "alike": all(listener.ids == listeners[0].ids for listener in listeners),
        "once": len(set(listeners[0].ids)) == len(listeners[0].ids),
        "lags": [round(lag, 4) for listener in listeners for lag in listener.lags],
    }


if __name__ == "__main__":
    told = asyncio.run(listen(sys.argv[1], os.environ["DOCMILL_API_KEY"], int(sys.argv[2])))
    sys.stdout.write(json.dumps(told))
