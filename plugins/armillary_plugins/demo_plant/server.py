"""An OPC UA server of a demonstration: a tree of nodes that the simulator fills and anyone may read.

Anonymous clients may write the setpoints and call the methods only; the simulator, which logs in by name,
writes everything. Loopback, no security: a demonstration plant.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from typing import Any

from asyncua.common.callback import CallbackType, ServerItemCallback
from asyncua.common.node import Node
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaprotocol_auto import AnonymousIdentityToken, Range, UserNameIdentityToken
from asyncua.ua.uatypes import DataValue, LocalizedText, QualifiedName, SecurityPolicyType, String, Variant

from armillary.api import Clock, LinkFault
from armillary_plugins.demo_plant.nodes import LAST_KNOWN, WAITING, node_id, stamped, unit_of, variant
from armillary_plugins.demo_plant.signals import SIMULATOR, Method, Signal, Tree

LOG = logging.getLogger("armillary.demo_plant")
_LOOK_S, _QUIET_NS = 0.5, 4_000_000_000  # without a heartbeat for so long, values are the last known ones
_OTHERS = "Instruments"


class _Users(UserManager):
    """Who may write: the simulator everything, others what is marked writable."""

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User:
        return User(role=UserRole.Admin if username == SIMULATOR else UserRole.User, name=username)


async def _variable(parent: Node, index: int, signal: Signal, t_ns: int) -> Node:
    """Make one variable with its properties; it waits for its first value."""
    name = signal.name.rpartition(".")[2]
    value = variant(signal, 0.0)
    node = await parent.add_variable(node_id(signal.name, index), QualifiedName(name, index), value)
    text = LocalizedText(String(signal.title))
    await node.write_attribute(AttributeIds.Description, DataValue(Variant(text)))
    await node.write_value(stamped(value, t_ns, WAITING))
    if signal.writable:
        await node.set_writable()
    if signal.kind == "number":
        await node.add_property(0, "EURange", Range(signal.low, signal.high))
    elif signal.kind == "enum":
        words = [LocalizedText(String(text)) for text in signal.states.values()]
        await node.add_property(0, "EnumStrings", words)
    if signal.unit:
        await node.add_property(0, "EngineeringUnits", unit_of(signal.unit))
    return node


async def build(server: Server, tree: Tree, clock: Clock) -> Mapping[str, Node]:
    """Make the address space; return the variables by name. Nothing has a good value yet."""
    t_ns = clock.now_ns()
    index = await server.register_namespace(tree.namespace)
    station = await server.nodes.objects.add_object(
        node_id(tree.root, index), QualifiedName(tree.root, index)
    )
    areas = {
        area: await station.add_folder(node_id(area, index), QualifiedName(area, index))
        for area in (*tree.areas, _OTHERS)
    }
    units: dict[str, Node] = {tree.root: station}
    nodes: dict[str, Node] = {}
    for signal in tree.signals:
        tag = signal.unit_of
        if tag not in units:
            area = next((name for name, tags in tree.areas.items() if tag in tags), _OTHERS)
            units[tag] = await areas[area].add_object(node_id(tag, index), QualifiedName(tag, index))
        nodes[signal.name] = await _variable(units[tag], index, signal, t_ns)
    kinds = {signal.name: signal for signal in tree.signals}
    for method in tree.methods:
        unit, _, name = method.name.rpartition(".")
        body = _body(server, method, kinds[method.writes], nodes[method.writes], clock)
        made = await units[unit].add_method(node_id(method.name, index), QualifiedName(name, index), body)
        text = LocalizedText(String(method.title))
        await made.write_attribute(AttributeIds.Description, DataValue(Variant(text)))
    return nodes


def _body(server: Server, method: Method, signal: Signal, node: Node, clock: Clock) -> Callable[..., Any]:
    """Return what a method does: the same as a write of its node, by whoever may call it."""

    async def called(_parent: Any, *_arguments: Any) -> list[Any]:
        LOG.info("call %s: %s = %g", method.name, method.writes, method.value)
        value = stamped(variant(signal, method.value), clock.now_ns())
        await server.write_attribute_value(node.nodeid, value)
        return []

    return called


async def _watch(server: Server, tree: Tree, nodes: Mapping[str, Node], clock: Clock) -> None:
    """Mark all values as uncertain while the simulator is silent: a frozen value must not look alive."""
    last, since, marked = None, clock.now_mono_ns(), True
    while True:
        await asyncio.sleep(_LOOK_S)
        value = (await nodes[tree.heartbeat].read_data_value(raise_on_bad_status=False)).Value
        now = clock.now_mono_ns()
        if value != last:
            last, since, marked = value, now, False
        elif not marked and now - since > _QUIET_NS:
            marked = True
            await _doubt(server, tree, nodes, clock.now_ns())


async def _doubt(server: Server, tree: Tree, nodes: Mapping[str, Node], t_ns: int) -> None:
    for signal in tree.signals:
        if not signal.writable:
            node = nodes[signal.name]
            old = await node.read_data_value(raise_on_bad_status=False)
            await server.write_attribute_value(node.nodeid, stamped(old.Value, t_ns, LAST_KNOWN))


def _written(event: ServerItemCallback, _service: Any) -> None:
    """Log each write of a client that is not the simulator: who looks here sees what reached the plant."""
    if not event.is_external or (event.user is not None and event.user.name == SIMULATOR):
        return
    for item, status in zip(event.request_params.NodesToWrite, event.response_params, strict=True):
        value = item.Value.Value.Value if item.Value.Value is not None else None
        LOG.info("write %s = %r: %s", item.NodeId.Identifier, value, status.name)


async def serve(tree: Tree, port: int, ready: Callable[[], None], clock: Clock) -> None:
    """Run the server on a port of the loopback until the process is ended. Raises LinkFault."""
    logging.getLogger("asyncua").setLevel(logging.ERROR)  # the publish loop formats every result at INFO
    server = Server(user_manager=_Users())
    gc.disable()  # the standard nodes stay: the collector would look through them again and again
    try:
        await server.init()
    finally:
        gc.freeze()
        gc.enable()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_server_name(tree.title)
    await server.set_application_uri(f"{tree.namespace}:server")
    server.set_security_policy([SecurityPolicyType.NoSecurity])
    server.set_identity_tokens([AnonymousIdentityToken, UserNameIdentityToken])
    nodes = await build(server, tree, clock)
    server.subscribe_server_callback(CallbackType.PostWrite, _written)
    try:
        await server.start()
    except OSError as error:
        raise LinkFault(
            f"The OPC UA server cannot listen on port {port}: {error.strerror}.",
            where=f"127.0.0.1:{port}",
            remedy="End the program that uses the port, or start the demo with other ports.",
        ) from error
    ready()
    try:
        await _watch(server, tree, nodes, clock)
    finally:
        await server.stop()
