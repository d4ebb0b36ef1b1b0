"""The ports that test processes give to their apps."""

from __future__ import annotations

import subprocess
import sys

from tests.support.ports import own_ports
from tests.support.waiting import LONGEST_WAIT

OTHER = "from tests.support.ports import own_ports; print(own_ports()[1].start)"


def test_two_test_processes_share_no_port() -> None:
    """An app of one process never takes the address of another's, even if the two belong to
    different test runs on a machine."""
    _claim, ports = own_ports()
    command = [sys.executable, "-c", OTHER]
    other = int(subprocess.check_output(command, text=True, timeout=LONGEST_WAIT))
    assert other not in ports
    assert own_ports()[1] == ports
