"""
Where in its kernel does a request run that is to run beside the others?

The kernel `conkernel` reads its metadata. async-kernel goes by a tag of the cell, which it reads as
it reads a first line `# task`, and which leaves the code and its line numbers as they are. In a
kernel with subshells (JEP 91), such as ipykernel 7, each such request has a subshell for itself,
and those for values share one, which no user sees. In others it takes its turn.

Only `conkernel` knows of `after`: for others the request waits here until those before it have
ended.
"""

from __future__ import annotations

import logging
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from ..connection.companion import Companion
from ..errors import ConKernelError, ProtocolError
from ..state.housing import MOST, Housing
from ..state.window import Entry
from .asking import ask, delete_subshell
from .beside import FEATURE
from .execution import Execution
from .futures import ReplyFuture

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from ..connection.connection import Connection
    from ..connection.subscribers import Subscription
    from ..protocol.messages import Message
    from .beside import Beside, Identified, Mode, Place

__all__ = ["Guest", "Means", "Places", "means_of"]

logger: Final = logging.getLogger(__name__)

Awaited: TypeAlias = "Execution | ReplyFuture"


class Means(Enum):
    """What a kernel has to run a request beside the others."""

    MODES = auto()
    """Those of `conkernel`: it does all that is asked."""
    TAGS = auto()
    """Those of async-kernel: tasks and threads."""
    SUBSHELLS = auto()
    """Those of JEP 91."""
    NOTHING = auto()


def means_of(info: Mapping[str, Any]) -> Means:
    """Tell by the content of its `kernel_info_reply` what a kernel has."""
    features: object = info.get("supported_features")
    named = cast("list[object]", features) if isinstance(features, list) else []
    if FEATURE in named:
        return Means.MODES
    if info.get("implementation") == "async-kernel":
        return Means.TAGS
    return Means.SUBSHELLS if "kernel subshells" in named else Means.NOTHING


class Guest(Entry, Protocol):
    """
    A request that is to run beside the others.

    Attributes:
        mode: How it is to run.
        after: What is to have ended well before.
        subshell_id: Where it runs.
        place: How it runs; None: that is not known yet.
        is_aside: It is one of those that share one subshell, and take turns in it.
    """

    is_aside: bool
    mode: Mode
    after: Sequence[Identified | str]
    subshell_id: str | None
    place: Place | None

    @property
    def message(self) -> dict[str, Any]:
        """The `execute_request`; its header and metadata may change until it is sent."""
        ...

    def abort(self) -> None:
        """End as one that is aborted: what is to have ended well has not."""
        ...


class Places(Companion):
    """
    The places of one kernel, as one client uses them.

    Args:
        connection: The kernel's.
        note_info: Called with a `kernel_info_reply` that was asked for here.

    Attributes:
        means: What the kernel has; None: that is not known.
        is_taught: The kernel is known to have what values need.
    """

    def __init__(self, connection: Connection, note_info: Callable[[Message], None]) -> None:
        self._connection = connection
        self._note_info = note_info
        self.means: Means | None = None
        self.is_taught: bool = False
        self._unsure: dict[Guest, None] = {}  # what waits until that is known
        self._held: dict[Guest, set[Awaited]] = {}  # and what waits for the end of others
        self._ill: dict[Guest, None] = {}  # to be aborted, unless the kernel's end ends them
        self._housing: Housing[Guest] = Housing()
        self._aside: Housing[Guest] = Housing(most=1, kept=1, in_all=MOST)
        self._calls: dict[str, Guest] = {}  # with a subshell until their replies are in
        self._replies: Subscription | None = None  # as long as there are any
        self._is_asking = False
        self._life = 0  # another one each time the connection broke with the kernel
        connection.join(self)
        connection.take_back = self.withdraw

    def learn(self, info: Message) -> None:
        """Take note of a `kernel_info_reply`."""
        self.means = means_of(info["content"])
        if self._connection.presence.sends:
            self.resumed()

    def has_guest(self, beside: Beside) -> bool:
        """Whether a request that is to run so is a guest here; `conkernel` itself sees to it."""
        is_beside = beside.get("mode", "queue") != "queue" or bool(beside.get("after"))
        return is_beside and self.means is not Means.MODES

    def lane_of(self, guest: Guest) -> str | None:
        """Give the lane in which `guest` waits for its place."""
        if self.means is Means.MODES:
            return guest.msg_id if guest.is_aside else guest.subshell_id
        if not guest.after and self._takes_turn(guest):
            return guest.subshell_id
        return guest.msg_id

    def place(self, guest: Guest) -> None:
        """Let `guest` be sent as soon as it has its place; may raise what its sending raises."""
        if self.means is None:
            self._unsure[guest] = None
            self._ask()
        elif self.means is Means.MODES:
            self._send(guest, guest.mode)
        elif guest.after:
            self._hold(guest)
        else:
            self._enter(guest)

    def withdraw(self, entry: Entry) -> bool:
        """Take back what may be a guest; tells whether it waited for a place."""
        guest = cast("Guest", entry)
        waited = self._housing.withdraw(guest) or self._aside.withdraw(guest)
        for those in (self._unsure, self._held, self._ill):
            if guest in those:
                del those[guest]
                waited = True
        return waited

    def leave(self, guest: Guest) -> None:
        """Take back the place of `guest`, with which the kernel has finished."""
        self.withdraw(guest)
        self._housing_of(guest).leave(guest)
        self._settle()

    def leave_at_reply(self, guest: Guest) -> None:
        """Take back the place of `guest` when its reply comes, whoever takes that."""
        self._calls[guest.msg_id] = guest
        if self._replies is None:
            subscribers = self._connection.subscribers
            self._replies = subscribers.add(self._replied, "shell", ("execute_reply",))

    def step_aside(self, guest: Guest) -> None:
        """Let others have more places: `guest` does not end."""
        self._housing_of(guest).step_aside(guest)
        self._settle()

    def hidden(self) -> set[str]:
        """Give the ids of the subshells that no user sees."""
        return self._aside.ids()

    def clean_up(self) -> None:
        """
        Delete the subshells that have no guest: the channels are about to close.

        A kernel that deletes one waits for its guest, and until then interrupts nothing.
        """
        self._held.clear()  # what ends with them aborts nobody
        for housing in (self._housing, self._aside):
            for subshell_id in housing.clear()[1]:
                delete_subshell(self._connection, subshell_id)

    # What the connection tells

    def resumed(self) -> None:
        """Go on with what waited for the kernel."""
        if self.means is None:
            return
        for guest in tuple(self._ill):
            guest.abort()
        self._ill.clear()
        unsure, self._unsure = self._unsure, {}
        for guest in unsure:
            self._try(guest, partial(self.place, guest))

    def suspended(self) -> None:
        """Know nothing of the kernel to come; what waits is placed there, unless it fails."""
        self.means = None
        self.is_taught = False
        self._is_asking = False
        self._life += 1
        self._forget_calls()
        for housing in (self._housing, self._aside):
            for guest in housing.clear()[0]:
                guest.place = None
                self._unsure[guest] = None

    def closed(self) -> None:
        """Forget all."""
        self.suspended()
        self._unsure.clear()
        self._held.clear()
        self._ill.clear()

    # Inside

    def _takes_turn(self, guest: Guest) -> bool:
        """Whether the kernel has nothing else for `guest`, or its caller chose a subshell."""
        has_chosen = self.means is Means.SUBSHELLS and guest.subshell_id is not None
        return guest.mode == "queue" or self.means is Means.NOTHING or has_chosen

    def _enter(self, guest: Guest) -> None:
        """Let `guest` in, by what the kernel has."""
        if self._takes_turn(guest):
            self._take_turn(guest)
        elif self.means is Means.TAGS:
            metadata: dict[str, Any] = guest.message["metadata"]
            metadata["tags"] = [*metadata.get("tags", ()), guest.mode]
            self._send(guest, guest.mode)
        else:
            self._housing_of(guest).enter(guest)
            self._settle()

    def _housing_of(self, guest: Guest) -> Housing[Guest]:
        return self._aside if guest.is_aside else self._housing

    def _take_turn(self, guest: Guest) -> None:
        if guest.lane == guest.subshell_id:
            self._send(guest, "queue")
        else:
            guest.place = "queue"
            self._connection.change_lane(guest, guest.subshell_id)

    def _send(self, guest: Guest, place: Place) -> None:
        guest.place = place
        guest.send()

    def _try(self, guest: Guest, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # it is the guest's, whoever calls
            guest.fail(error)

    # What it comes after

    def _hold(self, guest: Guest) -> None:
        """Let `guest` in when those that it comes after have ended well."""
        owners = {self._owner(one) for one in guest.after}
        guest.after = ()
        self._held[guest] = set(owners)
        for owner in owners:
            if guest in self._held:
                _when_finished(owner, partial(self._ended, guest, owner))

    def _owner(self, one: Identified | str) -> Awaited:
        """Give who owns a request that `after` names."""
        msg_id = one if isinstance(one, str) else one.msg_id
        owner = one if isinstance(one, ReplyFuture) else self._connection.owner_of(msg_id)
        if isinstance(owner, Execution | ReplyFuture):
            return owner
        raise ProtocolError(
            f"after: of {msg_id!r} nothing is known. This kernel has no order among requests; the "
            "client keeps it after runs, and after what was asked with reply=True"
        )

    def _ended(self, guest: Guest, owner: Awaited) -> None:
        waits_for = self._held.get(guest)
        if waits_for is None:
            return
        waits_for.discard(owner)
        if not _ended_well(owner):
            del self._held[guest]
            if self._connection.presence.sends:
                guest.abort()
            else:
                self._ill[guest] = None
        elif not waits_for:
            del self._held[guest]
            # It may be another kernel by now.
            self._try(guest, partial(self.place, guest))

    # Subshells

    def _settle(self) -> None:
        """Do what is decided about subshells."""
        for housing in (self._housing, self._aside):
            for guest, subshell_id in list(housing.moves()):
                guest.subshell_id = subshell_id
                guest.message["header"]["subshell_id"] = subshell_id
                self._try(guest, partial(self._send, guest, "subshell"))
            for _ in range(housing.lacking()):
                then = partial(self._created, housing)
                self._request("create_subshell_request", {}, then)
            for subshell_id in housing.surplus():
                delete_subshell(self._connection, subshell_id)

    def _created(self, housing: Housing[Guest], reply: Message | None) -> None:
        content: Mapping[str, Any] = {} if reply is None else reply["content"]
        subshell_id: object = content.get("subshell_id")
        if content.get("status") == "ok" and isinstance(subshell_id, str):
            housing.made(subshell_id)
        else:
            self._refused(housing, content)
        self._settle()

    def _refused(self, housing: Housing[Guest], content: Mapping[str, Any]) -> None:
        """Let what waits take its turn, if the kernel gives no subshell at all."""
        guests = housing.not_made()
        if guests:
            self.means = Means.NOTHING
            logger.warning(
                "the kernel gives no subshell (%s): what is to run beside others takes its turn",
                content.get("evalue", "there is no answer"),
            )
        for guest in guests:
            self._try(guest, partial(self._take_turn, guest))

    def _replied(self, message: Message) -> None:
        guest = self._calls.pop(str(message["parent_header"].get("msg_id")), None)
        if guest is not None:
            self.leave(guest)
        if not self._calls:
            self._forget_calls()

    def _forget_calls(self) -> None:
        self._calls.clear()
        if self._replies is not None:
            self._replies.close()
            self._replies = None

    # Questions of our own

    def _ask(self) -> None:
        """Ask on control what kernel it is: on shell a busy one answers later."""
        if not self._is_asking:
            self._is_asking = True
            self._request("kernel_info_request", {}, self._answered)

    def _answered(self, info: Message | None) -> None:
        self._is_asking = False
        if info is not None:
            self._note_info(info)
        elif self.means is None:  # for want of descriptors, control may never be connected
            self.means = Means.NOTHING
            logger.warning(
                "the kernel does not say what it is: what is to run beside others takes its turn"
            )
            self.resumed()

    def _request(
        self,
        msg_type: str,
        content: dict[str, Any],
        then: Callable[[Message | None], None],
    ) -> None:
        """
        Send a request on control; `then` gets its reply.

        It gets None if there will be none, or was none for as long as the kernel is waited for.
        """
        connection, life = self._connection, self._life

        def answered(future: asyncio.Future[Message]) -> None:
            is_lost = future.cancelled() or future.exception() is not None
            if life == self._life:
                then(None if is_lost else future.result())

        message = connection.make(msg_type, content)
        try:
            future = ask(connection, "control", message, [], connection.longest_pause)
        except ConKernelError as error:  # such as a control channel that was not opened
            logger.debug("%s could not be sent: %s", msg_type, error)
            then(None)
        else:
            future.add_done_callback(answered)


def _when_finished(owner: Awaited, callback: Callable[[], None]) -> None:
    if isinstance(owner, Execution):
        owner.when_finished(callback)
    elif owner.done():
        callback()
    else:
        owner.add_done_callback(lambda _: callback())


def _ended_well(owner: Awaited) -> bool:
    if isinstance(owner, Execution):
        return owner.reply is not None and owner.reply.content.get("status") == "ok"
    is_lost = owner.cancelled() or owner.exception() is not None
    return not is_lost and owner.result()["content"].get("status") == "ok"
