"""A TCP proxy that cuts, holds or slows a connection, as a network does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_AT_ONCE = struct.pack("ii", 1, 0)  # closing sends a reset
_LOOK_EVERY = 0.05


class Network(StrEnum):
    """How the network between two parts behaves."""

    FINE = "fine"
    SILENT = "silent"  # nothing arrives; what was sent arrives when it is over
    RESETTING = "resetting"  # every connection is reset, new ones too
    SLOW = "slow"  # everything arrives late
    HALF_OPEN = "half_open"  # the far side hung up, and nobody says so until it is over


@dataclass(eq=False)
class _Link:
    """One connection through the proxy, and who carries its bytes."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    lost: bool = False
    carriers: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """Listens on a free port of this machine and passes everything on to `port` there."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._network = Network.FINE
        self._delay = 0.0
        self._links: set[_Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._connected, sock=self._listener))

    @contextlib.contextmanager
    def network(self, network: Network, delay: float = 0.0) -> Iterator[None]:
        """Behave so within the block; `delay` is in seconds, each way, for SLOW."""
        self._do(self._become(network, delay))
        try:
            yield
        finally:
            self._do(self._become(Network.FINE, 0.0))

    def close(self) -> None:
        """Reset what is open and listen no more."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _become(self, network: Network, delay: float) -> None:
        was, self._network, self._delay = self._network, network, delay
        if network is Network.RESETTING:
            self._reset(list(self._links))
        elif network is Network.HALF_OPEN:
            for link in self._links:
                link.lost = True
                link.far.transport.abort()
        if was is Network.HALF_OPEN:
            self._reset([link for link in self._links if link.lost])

    def _reset(self, links: list[_Link]) -> None:
        for link in links:
            for end in (link.near, link.far):
                with contextlib.suppress(OSError):
                    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                end.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        self._reset(list(self._links))
        for carrier in [carrier for link in self._links for carrier in link.carriers]:
            carrier.cancel()
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self._network is Network.RESETTING:
            near.transport.abort()
            return
        await self._while_silent()
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            near.transport.abort()
            return
        link = _Link(near, far)
        self._links.add(link)
        ways = (self._carry(link, reader, far), self._carry(link, far_reader, near))
        link.carriers = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(link.carriers)
        self._links.discard(link)

    async def _carry(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes one way until an end closes; a link that is lost swallows them."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                await self._while_silent()
                await asyncio.sleep(self._delay)
                if not link.lost:
                    writer.write(piece)
                    await writer.drain()
        await self._while_silent()
        if not link.lost:
            writer.close()

    async def _while_silent(self) -> None:
        while self._network is Network.SILENT:
            await asyncio.sleep(_LOOK_EVERY)
