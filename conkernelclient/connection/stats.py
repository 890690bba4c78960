"""
What goes on in a connection, in figures?

Each part counts for itself; here the figures are gathered, for `ConKernelClient.stats`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol.messages import Channel
    from ..state.latency import Pace
    from ..state.router import Router
    from ..transport.base import Transport
    from .inbound import Inbound
    from .inbox import Inbox
    from .outbound import Outbound
    from .recording import Recording
    from .subscribers import Subscribers

__all__ = ["Stats"]


class Stats:
    """
    The figures of one connection.

    Args:
        router: Counts what goes astray.
        inbound: Counts what comes.
        outbound: Counts what is sent.
        transport: Counts what waits.
        inboxes: Count what no program reads.
        subscribers: Count what they miss.
        recording: Counts what had to go.
        pace: How long requests take.
    """

    def __init__(
        self,
        *,
        router: Router,
        inbound: Inbound,
        outbound: Outbound,
        transport: Transport,
        inboxes: Mapping[Channel, Inbox],
        subscribers: Subscribers,
        recording: Recording,
        pace: Pace,
    ) -> None:
        self._router = router
        self._inbound = inbound
        self._outbound = outbound
        self._transport = transport
        self._inboxes = inboxes
        self._subscribers = subscribers
        self._recording = recording
        self._pace = pace

    @property
    def pending(self) -> int:
        """How many requests some caller of the client waits for."""
        is_ours = (getattr(one.owner, "is_ours", False) for one in self._router.open_requests)
        return sum(not one for one in is_ours)

    @property
    def received(self) -> int:
        """How many messages came."""
        return self._inbound.counts["received"]

    def figures(self) -> dict[str, float]:
        """Give all; `ConKernelClient.stats` says what they mean."""
        inbound, transport = self._inbound, self._transport
        return {
            "pending": self.pending,
            "orphans": self._router.orphans,
            "dropped": sum(inbox.dropped for inbox in self._inboxes.values())
            + self._subscribers.dropped,
            "violations": self._router.violations,
            "evicted": self._recording.records.evictions,
            "requests": self._outbound.requests,
            **inbound.counts,
            "rejected": inbound.rejected,
            "backlog": transport.backlog,
            "backlog_bytes": transport.backlog_bytes,
            "p50": self._pace.percentile(50),
            "p99": self._pace.percentile(99),
            "seconds": self._outbound.seconds + transport.seconds,
        }
