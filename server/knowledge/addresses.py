"""Which addresses and ports the crawler may connect to; asked at connect time, for every address.

String checks on a URL cannot see what a resolver makes of `2130706433` or of a rebinding name,
so the address that is checked here is the address that is connected to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from server.errors import Refused, Unavailable

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

_HINT = "If the host is yours, name it in PARLANCE_CRAWL_PRIVATE (HOST or HOST:PORT)."
_WEB_PORTS = frozenset({80, 443, 8000, 8080, 8443, 8888})
# Ports where a web request could be taken for another protocol's commands, never without naming.
_SERVICE_PORTS = frozenset(
    {1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 5984, 6000, 6379}
    | {6443, 6667, 9042, 9200, 9300, 10250, 11211, 27017, 27018}
)
_NAT64 = ip_network("64:ff9b::/96")
# is_global of Python 3.11 says yes to some of these (libraries.md, section 6).
_NEVER_PUBLIC: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(net)
    for net in (
        "168.63.129.16/32 192.0.0.0/24 192.88.99.0/24 100.64.0.0/10 198.18.0.0/15 "
        "::/96 64:ff9b:1::/48 2001::/23 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10"
    ).split()
)
# Cloud metadata and link-local: not even for a host the owner names.
_NEVER: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(net)
    for net in (
        "169.254.0.0/16 100.100.100.200/32 192.0.0.192/32 168.63.129.16/32 0.0.0.0/8 224.0.0.0/4 "
        "240.0.0.0/4 fe80::/10 fec0::/10 fd00:ec2::/32 fd20:ce::254/128 ff00::/8 ::/128"
    ).split()
)
_METADATA_NAMES = frozenset({"metadata.google.internal", "metadata", "instance-data"})


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the system; the answer's order is the order to try."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unavailable(
            f"No address is known for {host}.", hint="Check the spelling of the address."
        ) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one crawler. `hosts` are names ("wiki.lan") or name and port ("wiki.lan:9000")
    that may be on private addresses; `private` permits all private addresses (tests, one box)."""

    private: bool = False
    hosts: frozenset[str] = frozenset()
    resolve: Resolver = system_resolver

    def check_name(self, host: str, port: int) -> None:
        """Refuse by name and port, before any look-up."""
        name = host.rstrip(".").lower()
        if name in _METADATA_NAMES:
            raise Refused(f"{host} is a metadata service and is never read.")
        local = name == "localhost" or name.endswith(".localhost")
        if local and not self._named(name, port) and not self.private:
            raise Refused(f"{host} is on this machine.", hint=_HINT)
        if not self._port_is_fine(name, port):
            raise Refused(f"Port {port} of {host} is not a web port.", hint=_HINT)

    def addresses(self, host: str, port: int) -> list[str]:
        """Look a host up; return its addresses if every one of them may be connected to."""
        self.check_name(host, port)
        found = self.resolve(host, port)
        if not found:
            raise Unavailable(f"No address is known for {host}.")
        trusted = self.private or self._named(host.rstrip(".").lower(), port)
        for text in found:
            address = ip_address(text.split("%")[0])
            if not (is_public(address) or (trusted and not is_never(address))):
                raise Refused(f"{host} leads to {address}, a private address.", hint=_HINT)
        return [text for text in found]

    def _named(self, name: str, port: int) -> bool:
        bare = name.strip("[]")
        return not self.hosts.isdisjoint({bare, f"[{bare}]", f"{bare}:{port}", f"[{bare}]:{port}"})

    def _port_is_fine(self, name: str, port: int) -> bool:
        if port in _WEB_PORTS or not self.hosts.isdisjoint({f"{name}:{port}", f"[{name}]:{port}"}):
            return True
        return (self.private or name in self.hosts) and port >= 1024 and port not in _SERVICE_PORTS


def is_public(address: Address) -> bool:
    """Whether an address is on the open internet, after unwrapping the IPv4 inside an IPv6."""
    address = _unwrap(address)
    if any(address in net for net in _NEVER_PUBLIC if net.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_never(address: Address) -> bool:
    """Whether an address is refused whatever the owner names."""
    address = _unwrap(address)
    return any(address in net for net in _NEVER if net.version == address.version)


def _unwrap(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
