"""Free ports on the loopback address."""

import socket

TRIED_IN_A_ROW = 50


def free_port(wanted: int = 0) -> int:
    """The wanted port, or the next one that nobody listens on; 0 means any."""
    candidates = [*range(wanted, min(wanted + TRIED_IN_A_ROW, 65536)), 0] if wanted else [0]
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
