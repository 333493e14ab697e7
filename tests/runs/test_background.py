"""A second process never outlives the one that started it."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def test_the_second_process_ends_with_its_parent(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, time\n"
        "from crosstie.runs.background import second_process\n"
        "def sleep():\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    with second_process(sleep):\n"
        "        time.sleep(60)\n"
    )
    for number in (signal.SIGKILL, signal.SIGINT):
        parent = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        child = int(parent.stdout.readline())
        parent.send_signal(number)
        parent.communicate(timeout=20)
        for _ in range(100):
            if not alive(child):
                break
            time.sleep(0.05)
        else:
            os.kill(child, signal.SIGKILL)
            pytest.fail(f"the child outlived its parent's signal {number}")


def alive(number):
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
