import socket

from devstack.ports import free_port


def test_a_free_port_is_the_one_that_was_wanted() -> None:
    port = free_port()
    assert free_port(port) == port


def test_a_taken_port_leads_to_a_later_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
